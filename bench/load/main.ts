/**
 * The load client, a process of its own: N attempts at any time, each followed by the next (closed loop). One line of JSON on standard input says what to do,
 * one on standard output what came of it.
 */
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { percentile } from '../statistics.ts';
import { attempt, sourceOf, type Target } from './attempt.ts';
import { tokenOf } from './conversations.ts';

export interface LoadOrder extends Target {
  kind: 'load';
  /** Names the tokens of this run. */
  run: string;
  concurrency: number;
  seconds: number;
  /** Ends before the time is over; all at once where it equals `concurrency`. */
  attempts?: number;
}

/** Opens so many connections and holds them until standard input closes. */
export interface HoldOrder extends Target {
  kind: 'hold';
  connections: number;
  /** Whether the server speaks first; its greeting is waited for. */
  greets: boolean;
}

export interface LoadResult {
  attempts: number;
  ok: number;
  /** Indexes of attempts that did not come to their end. */
  failed: number[];
  outcomes: Record<string, number>;
  seconds: number;
  perSecond: number;
  /** Of successful attempts, in milliseconds. */
  latency: { p50: number; p99: number; max: number };
  /** Our ends of the connections, for attempts that carry no token. */
  locals: string[];
}

async function load(order: LoadOrder): Promise<LoadResult> {
  const outcomes: Record<string, number> = {};
  const failed: number[] = [];
  const latencies: number[] = [];
  const locals: string[] = [];
  let next = 0;
  const started = performance.now();
  const stopAt = started + order.seconds * 1000;
  const most = order.attempts ?? Number.POSITIVE_INFINITY;
  async function worker(): Promise<void> {
    while (next < most && performance.now() < stopAt) {
      const index = next;
      next += 1;
      const { result, ms, local } = await attempt(order, index, tokenOf(order.run, index));
      outcomes[result] = (outcomes[result] ?? 0) + 1;
      if (result === 'ok') latencies.push(ms);
      else failed.push(index);
      if (order.mode === 'tcp-connect' && result === 'ok') locals.push(local);
    }
  }
  await Promise.all(Array.from({ length: order.concurrency }, worker));
  const seconds = (performance.now() - started) / 1000;
  const ok = outcomes.ok ?? 0;
  return {
    attempts: next,
    ok,
    failed,
    outcomes,
    seconds,
    perSecond: ok / seconds,
    latency: {
      p50: percentile(latencies, 0.5),
      p99: percentile(latencies, 0.99),
      max: percentile(latencies, 1),
    },
    locals,
  };
}

const CONNECT_AT_ONCE = 100;

/** Opens them a hundred at a time; resolves with those that are open (and greeted). */
async function hold(order: HoldOrder): Promise<Socket[]> {
  const sockets: Socket[] = [];
  const open = (index: number): Promise<void> =>
    new Promise((resolve) => {
      const localAddress = sourceOf(index, order.sources);
      const socket = connect({
        host: order.host,
        port: order.port,
        ...(localAddress === undefined ? {} : { localAddress }),
      });
      socket.once(order.greets ? 'data' : 'connect', () => {
        sockets.push(socket);
        resolve();
      });
      socket.on('error', () => resolve());
      socket.resume();
    });
  for (let from = 0; from < order.connections; from += CONNECT_AT_ONCE) {
    const count = Math.min(CONNECT_AT_ONCE, order.connections - from);
    await Promise.all(Array.from({ length: count }, (_, offset) => open(from + offset)));
  }
  return sockets;
}

if (import.meta.main) {
  const input = createInterface({ input: process.stdin });
  // Whoever ordered this is gone, or has enough of the held connections.
  input.once('close', () => process.exit(0));
  const line = await new Promise<string>((resolve) => input.once('line', resolve));
  const order = JSON.parse(line) as LoadOrder | HoldOrder;
  const result = order.kind === 'load' ? await load(order) : { held: (await hold(order)).length };
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
