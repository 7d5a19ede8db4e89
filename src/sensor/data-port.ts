/** A port opened for one connection of one peer: the second connection of a dialogue (FTP passive mode, RFC 959 §3.2). */
import { createServer, type Server, type Socket } from 'node:net';
import { ProjectError } from '../events/index.ts';
import type { DataHandler, DataListener } from '../protocols/kernel/contract.ts';

export interface DataPortTimes {
  /** How long the peer may take to connect. */
  waitMs: number;
  /** How long the connection may be silent. */
  idleMs: number;
}
const TIMES: DataPortTimes = { waitMs: 60_000, idleMs: 60_000 };
/** Ports tried of a configured range before giving up. */
const MAX_TRIES = 32;
/** Bytes that may wait for a peer that does not read; then the connection is cut. */
const MAX_PENDING = 4 * 1_048_576;

export interface DataPortOptions {
  host: string;
  range: readonly [number, number];
  /** Only this address may connect. */
  peer: string;
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (action: () => void) => {
      server.removeAllListeners('error').removeAllListeners('listening');
      action();
    };
    server.once('error', (error) => settle(() => reject(error)));
    server.once('listening', () => settle(resolve));
    server.listen({ host, port, backlog: 1 });
  });
}

async function listenInRange(server: Server, options: DataPortOptions): Promise<void> {
  const [low, high] = options.range;
  if (low === 0) return listen(server, options.host, 0);
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const port = low + Math.floor(Math.random() * (high - low + 1));
    try {
      return await listen(server, options.host, port);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause;
    }
  }
  throw new ProjectError('SENSOR_NO_DATA_PORT', `no free port between ${low} and ${high} for a data connection`, {
    low,
    high,
  });
}

export async function openDataPort(
  options: DataPortOptions,
  handler: DataHandler,
  times: DataPortTimes = TIMES,
): Promise<DataListener> {
  let socket: Socket | undefined;
  let over = false;
  const finish = (): void => {
    if (over) return;
    over = true;
    clearTimeout(waiting);
    server.close();
    handler.closed();
  };
  const server = createServer({ allowHalfOpen: true }, (given) => {
    if (socket !== undefined || over || normaliseAddress(given.remoteAddress) !== options.peer) {
      given.destroy();
      return;
    }
    socket = given;
    clearTimeout(waiting);
    server.close();
    given.setTimeout(times.idleMs, () => given.destroy());
    given.on('data', (chunk) => handler.data(chunk));
    given.on('end', finish);
    given.on('error', finish);
    given.on('close', finish);
    handler.opened({
      send: (bytes) => {
        if (given.writable) given.write(bytes);
        if (given.writableLength > MAX_PENDING) given.destroy();
      },
      end: () => given.end(),
      destroy: () => given.destroy(),
    });
  });
  const waiting = setTimeout(finish, times.waitMs);
  try {
    await listenInRange(server, options);
  } catch (cause) {
    clearTimeout(waiting);
    throw cause;
  }
  server.on('error', finish);
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    close: () => {
      // A peer that has only ended its own side is still connected.
      socket?.destroy();
      if (over) return;
      over = true;
      clearTimeout(waiting);
      server.close();
    },
  };
}

/** IPv4-mapped IPv6 as IPv4, and no zone: one address has one spelling. */
export function normaliseAddress(address: string | undefined): string {
  const bare = (address ?? '').split('%')[0] ?? '';
  return bare.startsWith('::ffff:') && bare.includes('.') ? bare.slice(7) : bare;
}
