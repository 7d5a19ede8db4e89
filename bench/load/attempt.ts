/** One attempt: a connection, its conversation, and how it ended. */
import { connect } from 'node:net';
import { type Action, converse, type Mode } from './conversations.ts';

/** An attempt that takes longer has failed. */
const ATTEMPT_MS = 10_000;
/** Loopback addresses that attempts come from, so that none runs out of ports: 127.0.0.2 and on. */
const FIRST_SOURCE = 2;

export interface Target {
  mode: Mode;
  host: string;
  port: number;
  /** Number of source addresses; 1 leaves the choice to the system. */
  sources: number;
}

export interface Outcome {
  /** `ok`, or the system's code or a word for what went wrong. */
  result: string;
  ms: number;
  /** Our end of the connection, `address:port`; empty if there was none. */
  local: string;
}

/** Told of bytes as they cross, for the recording of a dialogue and the time of the last byte. */
export type Observe = (direction: 'sent' | 'received', bytes: Buffer) => void;

export const sourceOf = (index: number, sources: number): string | undefined =>
  sources > 1 ? `127.0.0.${FIRST_SOURCE + (index % sources)}` : undefined;

export function attempt(target: Target, index: number, token: string, observe?: Observe): Promise<Outcome> {
  const conversation = converse(target.mode, token);
  const localAddress = sourceOf(index, target.sources);
  return new Promise((resolve) => {
    const started = performance.now();
    let bytes: Buffer = Buffer.alloc(0);
    let over = false;
    /** The last was said; what comes now is nothing to answer. */
    let complete = false;
    let local = '';
    const socket = connect({
      host: target.host,
      port: target.port,
      allowHalfOpen: true,
      noDelay: true,
      ...(localAddress === undefined ? {} : { localAddress }),
    });
    const timer = setTimeout(() => finish('timeout'), ATTEMPT_MS);

    function finish(result: string): void {
      if (over) return;
      over = true;
      clearTimeout(timer);
      socket.destroy();
      resolve({ result, local, ms: performance.now() - started });
    }
    function perform({ send, halfClose, done }: Action): void {
      if (send !== undefined) observe?.('sent', Buffer.from(send));
      if (done === true) socket.end(send ?? '', () => finish('ok'));
      else if (halfClose === true) socket.end(send ?? '');
      else if (send !== undefined) socket.write(send);
    }
    socket.on('connect', () => {
      local = `${socket.localAddress}:${socket.localPort}`;
      const action = conversation.connected();
      if (action !== undefined) perform(action);
    });
    socket.on('data', (chunk: Buffer) => {
      observe?.('received', chunk);
      bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
      // Several answers can come in one read.
      while (!complete) {
        const action = conversation.received(bytes);
        if (action === undefined) return;
        complete = action.done === true;
        perform(action);
      }
    });
    socket.on('end', () => finish(conversation.ended() ? 'ok' : 'ended'));
    socket.on('error', (error: NodeJS.ErrnoException) => finish(error.code ?? 'error'));
    socket.on('close', () => finish('closed'));
  });
}
