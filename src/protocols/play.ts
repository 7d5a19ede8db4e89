/** Runs a service against scripted bytes, without a sensor: for tests, and for importers that replay recorded conversations. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { type Catalogue, sharedEvents } from '../events/index.ts';
import type {
  CloseReason,
  Connection,
  DataHandler,
  Identity,
  Service,
  Session,
  SessionFacts,
} from './kernel/contract.ts';
import { testIdentity } from './surfaces/identity.ts';
import type { Persona } from './surfaces/persona.ts';
import { makePersona } from './surfaces/personas.ts';

export interface PlayedEvent {
  type: string;
  fields: Record<string, unknown>;
}

export interface Played {
  events: PlayedEvent[];
  /** Everything sent, as latin1. */
  sent: string;
  closed: CloseReason | undefined;
  facts: SessionFacts[];
  /** Artifacts by SHA-256. */
  artifacts: Map<string, Buffer>;
}

export interface PlayOptions {
  persona?: Persona;
  identity?: Identity;
  /** Options of the service; its defaults where left out. */
  options?: unknown;
  nowMs?: number;
  /** The port of the real service that the peer came to; its first one where left out. */
  port?: number;
}

export const TEST_SEED = Buffer.alloc(32, 7);
export const TEST_NOW = Date.UTC(2026, 10, 2, 9, 30);

/** A conversation in progress. Chance is fixed: two conversations with the same input have the same output. */
export interface Conversation extends Played {
  push(bytes: Uint8Array | string): void;
  end(): void;
  /** Runs the timers that are due when the clock moves on. */
  advance(ms: number): void;
  /** Data connection of FTP and the like: the handler of the port that the service opened last. */
  dataHandler(): DataHandler | undefined;
  /** Lets pending TLS and promises settle. */
  settle(): Promise<void>;
}

export function converse<Own extends Catalogue, Options>(
  service: Service<Own, Options>,
  config: PlayOptions = {},
): Conversation {
  const persona = config.persona ?? makePersona(service.personas[0] ?? 'ubuntu-server', TEST_SEED, TEST_NOW);
  let now = config.nowMs ?? TEST_NOW;
  let chance = 0;
  let attempts = 0;
  let timers: { due: number; callback: () => void }[] = [];
  let handler: DataHandler | undefined;
  const state: Played = { events: [], sent: '', closed: undefined, facts: [], artifacts: new Map() };
  const catalogue: Catalogue = { ...sharedEvents, ...service.events };

  function record(type: string, fields: Record<string, unknown>): void {
    const schema = catalogue[type];
    assert.ok(schema, `event ${type} is not declared by ${service.name}`);
    state.events.push({ type, fields: structuredClone(schema.parse(fields)) as Record<string, unknown> });
  }

  const session: Session<Own> = {
    id: '00000000-0000-7000-8000-000000000000',
    peer: { address: '192.0.2.7', port: 40_000 },
    local: { address: '198.51.100.1', port: config.port ?? service.ports[0] ?? 0 },
    persona,
    identity: config.identity ?? testIdentity(persona),
    ordinal: 1,
    now: () => now,
    random(bytes) {
      chance += 1;
      const blocks = Array.from({ length: Math.ceil(bytes / 32) }, (_, block) =>
        createHash('sha256').update(`${chance} ${block}`).digest(),
      );
      return Buffer.concat(blocks).subarray(0, bytes);
    },
    send(bytes) {
      if (state.closed === undefined)
        state.sent +=
          typeof bytes === 'string' ? Buffer.from(bytes).toString('latin1') : Buffer.from(bytes).toString('latin1');
    },
    record: (name, fields) => record(name, fields as Record<string, unknown>),
    capture(bytes, fields) {
      const digest = (algorithm: string): string => createHash(algorithm).update(bytes).digest('hex');
      state.artifacts.set(digest('sha256'), Buffer.from(bytes));
      record('file.captured', {
        truncated: false,
        ...fields,
        sha256: digest('sha256'),
        sha1: digest('sha1'),
        md5: digest('md5'),
        bytes: bytes.length,
      });
    },
    note: (facts) => {
      state.facts.push(facts);
    },
    trace: () => undefined,
    keepWire: () => undefined,
    attempt() {
      attempts += 1;
      return attempts;
    },
    after(ms, callback) {
      const timer = { due: now + ms, callback };
      timers.push(timer);
      return {
        cancel: () => {
          timers = timers.filter((other) => other !== timer);
        },
      };
    },
    async listenData(given) {
      handler = given;
      return { port: 50_000, close: () => undefined };
    },
    close(reason) {
      if (state.closed !== undefined) return;
      state.closed = reason;
      timers = [];
      connection?.closed?.();
    },
  };
  let connection: Connection | undefined;
  connection = service.open(session, service.options.parse(config.options ?? {}));
  const open = connection;

  return Object.assign(state, {
    push(bytes: Uint8Array | string): void {
      if (state.closed === undefined) open.data(Buffer.from(bytes as Uint8Array));
    },
    end(): void {
      if (state.closed !== undefined) return;
      if (open.end) open.end();
      else session.close('peer_closed');
    },
    advance(ms: number): void {
      now += ms;
      const due = timers.filter((timer) => timer.due <= now).sort((a, b) => a.due - b.due);
      timers = timers.filter((timer) => timer.due > now);
      for (const timer of due) timer.callback();
    },
    dataHandler: () => handler,
    async settle(): Promise<void> {
      for (let i = 0; i < 5; i += 1) await turn();
    },
  });
}

/** The whole conversation for a list of chunks. */
export function play<Own extends Catalogue, Options>(
  service: Service<Own, Options>,
  chunks: readonly (Uint8Array | string)[],
  config: PlayOptions = {},
): Played {
  const conversation = converse(service, config);
  for (const chunk of chunks) conversation.push(chunk);
  conversation.advance(60_000);
  const { events, sent, closed, facts, artifacts } = conversation;
  return { events, sent, closed, facts, artifacts };
}
