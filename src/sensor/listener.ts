/** Accepts connections for one service within the sensor's limits, and makes a session of each. */
import { createServer, type Server, type Socket } from 'node:net';
import { type Catalogue, ProjectError } from '../events/index.ts';
import type { Identity, Service } from '../protocols/kernel/contract.ts';
import type { Persona } from '../protocols/surfaces/persona.ts';
import type { SensorLimits } from './config.ts';
import { normaliseAddress, openDataPort } from './data-port.ts';
import { LiveSession } from './live-session.ts';
import { catalogueOf, SessionRecorder } from './session-recorder.ts';
import type { Sessions } from './sessions.ts';
import type { Turn } from './turn.ts';

/** Connections that the kernel holds for us between two turns of the event loop. */
const BACKLOG = 4096;

export interface Faults {
  /** Counts a fault of ours by code and logs it. */
  add(code: string, error: unknown, facts: Readonly<Record<string, unknown>>): void;
}

export interface ListenerParts {
  service: Service<Catalogue, unknown>;
  options: unknown;
  host: string;
  /** The port of the real service, and the port that we listen on. */
  port: number;
  listenPort: number;
  bootId: string;
  persona: Persona;
  identity: Identity;
  limits: SensorLimits;
  dataPorts: readonly [number, number];
  sessions: Sessions;
  turn: Turn;
  faults: Faults;
}

export interface Listener {
  port: number;
  close(): Promise<void>;
}

function accept(socket: Socket, parts: ListenerParts, events: Catalogue): void {
  const { service, sessions, limits, turn } = parts;
  // A peer that reset before we looked has no address any more; there is nobody to talk to.
  if (socket.remoteAddress === undefined || socket.remotePort === undefined) {
    socket.destroy();
    return;
  }
  const peer = { address: normaliseAddress(socket.remoteAddress), port: socket.remotePort };
  const localAddress = normaliseAddress(socket.localAddress);
  const recorder = new SessionRecorder({
    envelope: {
      src_ip: peer.address,
      src_port: peer.port,
      dst_ip: localAddress === '' ? null : localAddress,
      dst_port: socket.localPort ?? parts.listenPort,
      transport: 'tcp',
      protocol: service.name,
      service: service.name,
      honeypot: 'sundew',
    },
    bootId: parts.bootId,
    events,
    limits: {
      maxEvents: limits.events,
      maxTranscriptBytes: limits.transcriptBytes,
      maxCaptureBytes: limits.captureBytes,
    },
    now: Date.now,
  });
  const session = new LiveSession({
    socket,
    recorder,
    turn,
    limits,
    peer,
    local: { address: localAddress, port: parts.port },
    ordinal: sessions.ordinal(service.name),
    persona: parts.persona,
    identity: parts.identity,
    openData: (handler) => openDataPort({ host: parts.host, range: parts.dataPorts, peer: peer.address }, handler),
    countAttempt: () => sessions.attempts.add(service.name, peer.address, Date.now()),
    faulted: (error) => parts.faults.add('service_fault', error, { service: service.name, session: recorder.id }),
    ended: (over) => sessions.remove(over),
    lingers: (over) => sessions.linger(over, Date.now()),
    gone: (over) => sessions.gone(over),
  });
  const refusal = sessions.refuses(peer.address);
  sessions.add(session);
  if (refusal !== undefined) {
    socket.on('error', () => undefined);
    session.stop(refusal.limit, refusal.value);
    return;
  }
  session.start((given) => service.open(given, parts.options));
}

export async function listen(parts: ListenerParts): Promise<Listener> {
  const events = catalogueOf(parts.service.events);
  const fault = (error: unknown): void =>
    parts.faults.add('listener_fault', error, { service: parts.service.name, port: parts.listenPort });
  const server: Server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    try {
      accept(socket, parts, events);
    } catch (error) {
      fault(error);
      socket.destroy();
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => reject(listenError(parts, cause)));
    server.listen({ host: parts.host, port: parts.listenPort, backlog: BACKLOG }, resolve);
  });
  server.on('error', fault);
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : parts.listenPort,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function listenError(parts: ListenerParts, cause: NodeJS.ErrnoException): ProjectError {
  const where = `${parts.host} port ${parts.listenPort} (${parts.service.name})`;
  const facts = { cause, host: parts.host, port: parts.listenPort, service: parts.service.name };
  switch (cause.code) {
    case 'EADDRINUSE':
      return new ProjectError(
        'SENSOR_PORT_IN_USE',
        `${where} is in use by another program; stop it, or choose another --port-offset`,
        facts,
      );
    case 'EACCES':
      return new ProjectError(
        'SENSOR_PORT_FORBIDDEN',
        `${where} needs the right to open ports below 1024 (CAP_NET_BIND_SERVICE), or a --port-offset`,
        facts,
      );
    case 'EADDRNOTAVAIL':
      return new ProjectError(
        'SENSOR_ADDRESS_UNKNOWN',
        `${where}: this machine has no such address; see --bind`,
        facts,
      );
    default:
      return new ProjectError('SENSOR_LISTEN_FAILED', `${where}: ${cause.message}`, facts);
  }
}
