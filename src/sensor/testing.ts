/** What the sensor's tests share: a toy service, a listener for it over a sink in memory, and peers. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { connect, type Socket } from 'node:net';
import { z } from 'zod';
import {
  type Catalogue,
  type EventRecord,
  errorText,
  type SessionRecord,
  type WireRecord,
  wireRecord,
} from '../events/index.ts';
import { type Connection, defineService, type Session } from '../protocols/kernel/contract.ts';
import { TEST_NOW, TEST_SEED } from '../protocols/play.ts';
import type { AnyService } from '../protocols/registry.ts';
import { testIdentity } from '../protocols/surfaces/identity.ts';
import { makePersona } from '../protocols/surfaces/personas.ts';
import type { Entry } from '../spool/index.ts';
import { until } from '../spool/testing.ts';
import { type SensorConfig, type SensorLimits, sensorConfig } from './config.ts';
import { type Listener, type ListenerParts, listen } from './listener.ts';
import { Sessions } from './sessions.ts';
import { Turn } from './turn.ts';

export const TEST_BOOT = '0192aaaa-0000-7000-8000-000000000001';

type Action = (session: Session<Catalogue>, argument: string) => void;

/** What a line of the toy protocol does: `echo hello`. */
const ACTIONS: Readonly<Record<string, Action>> = {
  echo: (session, text) => session.send(`${text}\n`),
  flood: (session, bytes) => session.send(Buffer.alloc(Number(bytes), 0x61)),
  note: (session, command) => session.record('command.input', { command }),
  notes: (session, count) => {
    for (let i = 0; i < Number(count); i += 1) session.record('command.input', { command: `${i}` });
  },
  keep: (session, text) => session.capture(Buffer.from(text), { via: 'upload' }),
  attempt: (session) => session.send(`${session.attempt()}\n`),
  ordinal: (session) => session.send(`${session.ordinal}\n`),
  throw: (_session, text) => {
    throw new Error(text);
  },
  later: (session, text) => void session.after(5, () => session.send(`${text}\n`)),
  throwLater: (session, text) =>
    void session.after(5, () => {
      throw new Error(text);
    }),
  never: (session) => void session.after(3_600_000, () => session.send('too late\n')),
  close: (session) => session.close('service_closed'),
  limit: (session, bytes) => {
    session.send(Buffer.alloc(Number(bytes), 0x61));
    session.close('limit');
  },
  data: (session) => {
    const received: Buffer[] = [];
    session
      .listenData({
        opened: (connection) => {
          connection.send(Buffer.from('opened\n'));
          session.send('data opened\n');
        },
        data: (chunk) => void received.push(chunk),
        closed: () => session.send(`data ${Buffer.concat(received).length}\n`),
      })
      .then(
        (listener) => session.send(`port ${listener.port}\n`),
        (error: unknown) => session.send(`no port: ${errorText(error)}\n`),
      );
  },
};

export interface ToyOptions {
  /** Sent when a peer connects. */
  greeting?: string;
  /** Whether the service goes on after the peer's FIN. */
  halfOpen?: boolean;
  closed?: (session: Session<Catalogue>) => void;
  open?: (session: Session<Catalogue>) => void;
}

export function toyService(options: ToyOptions = {}): AnyService {
  return defineService({
    name: 'toy',
    title: 'Toy',
    transport: 'tcp',
    ports: [7],
    personas: ['ubuntu-server'],
    options: z.strictObject({}),
    events: {},
    product: () => 'Toy 1.0',
    open(given): Connection {
      const session = given as unknown as Session<Catalogue>;
      options.open?.(session);
      let pending = '';
      session.send(options.greeting ?? 'toy\n');
      return {
        data(chunk) {
          const lines = (pending + chunk.toString('latin1')).split('\n');
          pending = (lines.pop() ?? '').slice(-64);
          for (const line of lines) {
            const space = `${line} `.indexOf(' ');
            ACTIONS[line.slice(0, space)]?.(session, line.slice(space + 1));
          }
        },
        ...(options.halfOpen === true ? { end: () => session.send('still here\n') } : {}),
        closed: () => options.closed?.(session),
      };
    },
  }) as unknown as AnyService;
}

/** Parses what was appended, each as the manager would: what it would refuse throws. */
export function recordsOf(entries: readonly Entry[]): WireRecord[] {
  return entries
    .flatMap((entry) => ('kind' in entry ? [entry.payload] : []))
    .map((payload, index) => wireRecord.parse({ ...(JSON.parse(payload) as object), n: index + 1 }));
}

export const sessionsOf = (records: readonly WireRecord[]): SessionRecord[] =>
  records.flatMap((record) => (record.record === 'session' ? [record] : []));
export const eventsOf = (records: readonly WireRecord[], id?: string): EventRecord[] =>
  records.flatMap((record) =>
    record.record === 'event' && (id === undefined || record.session_id === id) ? [record] : [],
  );

export interface Toy extends Listener {
  sessions: Sessions;
  entries: Entry[];
  faults: { code: string; error: unknown }[];
  /** Thrown by the sink instead of taking anything, if set. */
  failWith: Error | undefined;
  /** Called before each append. */
  beforeAppend: () => void;
  records(): WireRecord[];
  /** Our ends of the connections there were. */
  sockets(): Socket[];
  /** Waits for this many session records. */
  over(count: number): Promise<SessionRecord[]>;
}

export const limitsWith = (limits: Partial<SensorLimits>): SensorLimits => sensorConfig.parse({ limits }).limits;

const persona = makePersona('ubuntu-server', TEST_SEED, TEST_NOW);

export async function startToy(
  t: { after(action: () => void | Promise<void>): void },
  options: { service?: AnyService; limits?: Partial<SensorLimits>; host?: string; config?: Partial<SensorConfig> } = {},
): Promise<Toy> {
  const limits = limitsWith(options.limits ?? {});
  const sessions = new Sessions(limits);
  const entries: Entry[] = [];
  const faults: Toy['faults'] = [];
  const sink = {
    append(given: readonly Entry[]): void {
      toy.beforeAppend();
      if (toy.failWith !== undefined) throw toy.failWith;
      entries.push(...given);
    },
  };
  const turn = new Turn(sink, (error) => faults.push({ code: 'turn_failed', error }));
  const parts: ListenerParts = {
    service: options.service ?? toyService(),
    options: {},
    host: options.host ?? '127.0.0.1',
    ...{ port: 7, listenPort: 0, bootId: TEST_BOOT, persona, identity: testIdentity(persona) },
    ...{ limits, sessions, turn, dataPorts: [0, 0] as const },
    faults: { add: (code, error) => void faults.push({ code, error }) },
  };
  const listener = await listen(parts);
  const accepted: Socket[] = [];
  const onSocket = (message: unknown): void => {
    const { socket } = message as { socket: Socket };
    if (socket.localPort === listener.port) accepted.push(socket);
  };
  subscribe('net.server.socket', onSocket);
  const toy: Toy = {
    ...{ ...listener, sessions, entries, faults, failWith: undefined, beforeAppend: () => undefined },
    records: () => recordsOf(entries),
    sockets: () => accepted,
    async over(count) {
      await until(() => sessionsOf(toy.records()).length >= count);
      return sessionsOf(toy.records());
    },
  };
  t.after(async () => {
    const closing = toy.close();
    sessions.stop();
    turn.flush();
    sessions.destroyLingering();
    await closing;
    unsubscribe('net.server.socket', onSocket);
  });
  return toy;
}

export interface Peer {
  socket: Socket;
  received: string;
  ended: boolean;
  closed: boolean;
  error: NodeJS.ErrnoException | undefined;
  say(line: string): void;
  /** Waits until this text has come. */
  got(text: string): Promise<void>;
  gone(): Promise<void>;
}

export function dial(
  t: { after(action: () => void): void },
  port: number,
  options: { from?: string; host?: string; reads?: boolean } = {},
): Peer {
  const socket = connect({
    port,
    host: options.host ?? '127.0.0.1',
    allowHalfOpen: true,
    ...(options.from === undefined ? {} : { localAddress: options.from }),
  });
  t.after(() => void socket.destroy());
  const peer: Peer = {
    ...{ socket, received: '', ended: false, closed: false, error: undefined },
    say: (line) => void socket.write(`${line}\n`),
    got: (text) => until(() => peer.received.includes(text)),
    gone: () => until(() => peer.ended || peer.closed),
  };
  socket.on('error', (error) => {
    peer.error = error;
  });
  socket.on('close', () => {
    peer.closed = true;
  });
  if (options.reads === false) socket.pause();
  else {
    socket.on('data', (chunk) => {
      peer.received += chunk.toString('latin1');
    });
    socket.on('end', () => {
      peer.ended = true;
    });
  }
  return peer;
}
