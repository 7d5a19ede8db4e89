/**
 * The contract between a service and the sensor that runs it. A service is what one emulated protocol endpoint would do; it gets bytes, sends
 * bytes and records events, and has its clock, random source, persona and options from the session it is handed. It opens no file and no
 * socket, and keeps no state outside the connection but what `shared` gives it.
 *
 * What a service records is written to the spool before anything it sends in the same turn leaves: `send` queues.
 */
import type { SecureContext } from 'node:tls';
import type { infer as Infer, ZodType } from 'zod';
import type { Catalogue, EndReason, SharedEvents } from '../../events/index.ts';
import type { Persona } from '../surfaces/persona.ts';

/** The events a service can record: the shared ones and its own. */
export type Recordable<Own extends Catalogue> = SharedEvents & Own;
/** `session.opened` and `session.closed` are the recorder's; `file.captured` comes from `capture`. */
export type RecordableName<Own extends Catalogue> = Exclude<
  keyof Recordable<Own> & string,
  'session.opened' | 'session.closed' | 'file.captured'
>;

export type CloseReason = Extract<EndReason, 'service_closed' | 'protocol_error' | 'limit' | 'idle' | 'peer_closed'>;

/** What the sensor keeps of the machine that it pretends to be, made once and kept: private keys and what is signed with them. */
export interface Identity {
  /** A TLS server context for a purpose (`https`, `mssql`…), with a certificate as the persona's software would have made it. */
  tls(purpose: string, options?: TlsOptions): SecureContext;
  /** An RSA-2048 key pair in PEM for a purpose (`mysql`). */
  rsa(purpose: string): { privateKey: string; publicKey: string };
}

export interface TlsOptions {
  minVersion?: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';
  maxVersion?: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';
}

export interface Endpoint {
  address: string;
  port: number;
}

/** Facts about a session that end up in its session record. */
export interface SessionFacts {
  ja4?: string;
  hassh?: string;
  /** Client software as it named itself. */
  client?: string;
  tags?: readonly string[];
  techniques?: readonly string[];
}

/** A second connection of a dialogue (FTP data): the peer connects to a port that the sensor opened for this session alone. */
export interface DataConnection {
  send(bytes: Uint8Array): void;
  /** Ends our side once everything is sent. */
  end(): void;
  destroy(): void;
}
export interface DataHandler {
  opened(connection: DataConnection): void;
  data(chunk: Buffer): void;
  /** The peer ended or reset it, or nobody came in time. */
  closed(): void;
}
export interface DataListener {
  port: number;
  close(): void;
}

export interface Timer {
  cancel(): void;
}

export interface Session<Own extends Catalogue = Record<never, never>> {
  readonly id: string;
  readonly peer: Endpoint;
  readonly local: Endpoint;
  readonly persona: Persona;
  readonly identity: Identity;
  /** Unix time in milliseconds. */
  now(): number;
  /** Unpredictable bytes (salts, nonces). */
  random(bytes: number): Buffer;
  /** Counts up from 1 for each session of the service (connection ids). */
  readonly ordinal: number;
  send(bytes: Uint8Array | string): void;
  /** Strings longer than the event's bounds are cut, and `limit.reached` says so. */
  record<Name extends RecordableName<Own>>(name: Name, fields: Infer<Recordable<Own>[Name]>): void;
  /** Keeps bytes as an artifact and records `file.captured`. */
  capture(bytes: Uint8Array, fields: { name?: string; via: string; truncated?: boolean }): void;
  note(facts: SessionFacts): void;
  /** Whether the transcript keeps the bytes on the wire; a TLS tunnel turns that off, because it traces the plain text. */
  keepWire(keep: boolean): void;
  /** Puts plain text into the transcript. */
  trace(direction: 'in' | 'out', bytes: Uint8Array): void;
  /** Calls back after `ms`, unless the session ends before. Callbacks may send and record. */
  after(ms: number, callback: () => void): Timer;
  /** Opens a port for one connection from this peer; rejected where the sensor has none to give. */
  listenData(handler: DataHandler): Promise<DataListener>;
  /**
   * Counts a login attempt of this source on this service, over all its connections, and returns which it is (from 1): servers that end the connection
   * after one attempt have no other memory of it. Forgotten after a while.
   */
  attempt(): number;
  /** Ends the connection once everything sent has left. */
  close(reason: CloseReason): void;
}

/** What a service does with one connection. */
export interface Connection {
  data(chunk: Buffer): void;
  /** The peer will send no more (TCP FIN). Without it the session is closed. */
  end?(): void;
  /** The session is over, for whatever reason: drop what it held. Nothing can be sent any more; `record` and `capture` still work. */
  closed?(): void;
}

export interface Service<Own extends Catalogue = Catalogue, Options = unknown> {
  /** The protocol's name in records, configuration and commands: `mssql`. */
  readonly name: string;
  readonly title: string;
  readonly transport: 'tcp';
  /** The real ports. */
  readonly ports: readonly number[];
  /** The personas whose machine would run it; elsewhere it opens only when asked for by name or with `all`. */
  readonly personas: readonly Persona['kind'][];
  /** Options with their defaults and descriptions. */
  readonly options: ZodType<Options>;
  /** Its own events, beyond the shared ones. */
  readonly events: Own;
  /** Name and version of the genuine product it passes for, for this persona. */
  product(persona: Persona): string;
  open(session: Session<Own>, options: Options): Connection;
}

export function defineService<const Own extends Catalogue, Options>(
  service: Service<Own, Options>,
): Service<Own, Options> {
  return service;
}
