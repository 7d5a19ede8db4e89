/** Records, and the parts of a manager around them, for tests. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { type EventRecord, type SessionRecord, uuidv7, type WireRecord } from '../events/index.ts';
import { NOWHERE, type Place, type Places } from './enrich/places.ts';
import type { Log } from './log.ts';

export const BOOT = '00000000-0000-7000-8000-000000000b01';

const envelope = {
  src_ip: '198.51.100.7',
  src_port: 40_000,
  dst_ip: '192.0.2.1',
  dst_port: 21,
  transport: 'tcp',
  protocol: 'ftp',
  service: 'ftp',
  honeypot: 'sundew',
} as const;

export function makeSession(given: Partial<SessionRecord> = {}): SessionRecord {
  const at = given.started_at ?? new Date().toISOString();
  return {
    id: uuidv7(Math.max(0, Date.parse(at))),
    boot_id: BOOT,
    started_at: at,
    ended_at: at,
    ...envelope,
    bytes_in: 10,
    bytes_out: 20,
    end_reason: 'peer_closed',
    events: 0,
    logins: 0,
    commands: 0,
    files: 0,
    ja4: '',
    hassh: '',
    client: '',
    tags: [],
    techniques: [],
    severity: 0,
    ports: [],
    scan: '',
    origin: '',
    ...given,
  };
}

export function makeEvent(given: Partial<EventRecord> = {}): EventRecord {
  const at = given.at ?? new Date().toISOString();
  return {
    ...envelope,
    session_id: uuidv7(Math.max(0, Date.parse(at))),
    seq: 0,
    at,
    type: 'session.opened',
    fields: {},
    ...given,
  };
}

export const login = (username: string | null, password: string | null): Pick<EventRecord, 'type' | 'fields'> => ({
  type: 'auth.attempt',
  fields: { username, password, mechanism: 'plain', accepted: false },
});

export const wireSession = (n: number, given: Partial<SessionRecord> = {}): WireRecord => ({
  record: 'session',
  n,
  ...makeSession(given),
});
export const wireEvent = (n: number, given: Partial<EventRecord> = {}): WireRecord => ({
  record: 'event',
  n,
  ...makeEvent(given),
});

/** Sessions numbered from `first` to `last`. */
export const wireSessions = (first: number, last: number): WireRecord[] =>
  Array.from({ length: last - first + 1 }, (_, index) => wireSession(first + index));

/** Every address is in the country of its first number. */
export const testPlaces: Places = {
  of: (address): Place =>
    address === null ? NOWHERE : { ...NOWHERE, country: address.startsWith('198.') ? 'NL' : 'unknown', asn: 64_496 },
  tables: [],
};

/** A log that keeps what it is told. */
export function testLog(): Log & { lines: string[] } {
  const lines: string[] = [];
  const note = (...told: unknown[]): void => void lines.push(JSON.stringify(told));
  return { lines, info: note, warn: note, error: note, debug: note } as unknown as Log & { lines: string[] };
}

/** A folder for the time of a test. */
export function testFolder(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'manager-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/**
 * The longest time that a piece of `work` kept the process from its other work, in milliseconds of this thread: others on the machine may take the processor
 * away, which is none of its doing.
 */
export async function longestTurn(work: () => Promise<unknown>): Promise<number> {
  const spent = (): number => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1000;
  };
  let longest = 0;
  let done = false;
  const watch = (async () => {
    for (let before = spent(); !done; ) {
      await turn();
      const now = spent();
      longest = Math.max(longest, now - before);
      before = now;
    }
  })();
  await work();
  done = true;
  await watch;
  return longest;
}
