/** Looks every attempt up in the records of a sensor's spool. */
import { openSpool, type Position, type SpooledRecord } from '../src/spool/index.ts';
import { indexOf, type Mode, passwordOf, shellCommand } from './load/conversations.ts';
import type { LoadResult } from './load/main.ts';

const READ_BYTES = 8 * 1_048_576;
const READ_RECORDS = 20_000;
const SPOOL_BYTES = 16 * 1024 ** 3;

/** All records of a stopped sensor's spool, in the batches that an uplink would send. */
export async function* spooledBatches(
  queue: string,
  maxRecords: number = READ_RECORDS,
): AsyncGenerator<{ first: number; last: number; records: SpooledRecord[] }> {
  const spool = openSpool({ dir: queue, maxBytes: SPOOL_BYTES });
  try {
    let after: Position | undefined;
    for (;;) {
      const batch = spool.read(READ_BYTES, maxRecords, after);
      if (batch === undefined) return;
      after = { boot: batch.boot, seq: batch.last };
      yield batch;
    }
  } finally {
    await spool.close();
  }
}

interface SpooledLine {
  record: string;
  type?: string;
  src_ip?: string | null;
  src_port?: number | null;
  fields?: Record<string, unknown>;
}

/** The token that an event shows with all that its attempt gave away; undefined where something of it is missing. */
function tokenIn(mode: Mode, line: SpooledLine): string | undefined {
  const { type, fields = {} } = line;
  if (mode === 'http-get') return type === 'request' ? /[?&]t=(tk\w+)/.exec(String(fields.target))?.[1] : undefined;
  if (mode === 'telnet-shell') {
    const token = type === 'command.input' ? /\btk\w+/.exec(String(fields.command))?.[0] : undefined;
    return token !== undefined && fields.command === shellCommand(token) ? token : undefined;
  }
  if (type !== 'auth.attempt' || typeof fields.username !== 'string') return undefined;
  // MySQL's password crosses the wire as a response to a challenge: that must be there.
  const secret =
    mode === 'mysql-login' ? typeof fields.hash === 'string' : fields.password === passwordOf(fields.username);
  return secret ? fields.username : undefined;
}

export interface Expected {
  mode: Mode;
  run: string;
  result: LoadResult;
}

export interface Verdict {
  /** Attempts that the client brought to their end. */
  attempts: number;
  /** Of these, the ones recorded exactly once with everything they gave away. */
  recorded: number;
  lost: number;
  doubled: number;
}

/** Counts which of the runs' completed attempts are recorded. Attempts without a payload are known by the client's address and port. */
export async function verifyRecorded(queue: string, runs: readonly Expected[]): Promise<Verdict> {
  const seen = runs.map(({ result }) => new Uint16Array(result.attempts));
  const peers = new Map<string, number>();
  for (const { result } of runs) for (const local of result.locals) peers.set(local, 0);
  for await (const { records } of spooledBatches(queue)) {
    for (const { payload } of records) {
      const line = JSON.parse(payload.toString('utf8')) as SpooledLine;
      if (line.record === 'session') {
        const peer = `${line.src_ip}:${line.src_port}`;
        const before = peers.get(peer);
        if (before !== undefined) peers.set(peer, before + 1);
      }
      if (line.record !== 'event') continue;
      for (const [place, { mode, run }] of runs.entries()) {
        const token = tokenIn(mode, line);
        const index = token === undefined ? undefined : indexOf(run, token);
        const counts = seen[place];
        if (index !== undefined && counts !== undefined) counts[index] = (counts[index] ?? 0) + 1;
      }
    }
  }
  const verdict: Verdict = { attempts: 0, recorded: 0, lost: 0, doubled: 0 };
  const judge = (count: number, wanted: number): void => {
    verdict.attempts += wanted;
    verdict.recorded += Math.min(count, wanted);
    verdict.lost += Math.max(0, wanted - count);
    verdict.doubled += Math.max(0, count - wanted);
  };
  for (const [place, { mode, result }] of runs.entries()) {
    if (mode === 'tcp-connect') continue;
    const failed = new Set(result.failed);
    seen[place]?.forEach((count, index) => {
      // An attempt that failed may be recorded or not.
      if (!failed.has(index)) judge(count, 1);
    });
  }
  const wantedPeers = new Map<string, number>();
  for (const { result } of runs)
    for (const local of result.locals) wantedPeers.set(local, (wantedPeers.get(local) ?? 0) + 1);
  for (const [peer, wanted] of wantedPeers) judge(peers.get(peer) ?? 0, wanted);
  return verdict;
}
