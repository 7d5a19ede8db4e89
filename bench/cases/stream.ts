/**
 * Attack to screen: from the client's last byte to the event on the live stream, for attempts that come at a steady, ordinary rate. Client and watcher are one
 * process with one clock.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { serverSentEvents } from '../../src/cli/server-sent-events.ts';
import { startStack } from '../../test/support/stack.ts';
import { until } from '../../test/support/until.ts';
import type { Benchmark } from '../bench.ts';
import { attempt } from '../load/attempt.ts';
import { tokenOf } from '../load/conversations.ts';
import { factsOf, isServed } from '../modes.ts';
import { formatMs, formatNumber } from '../report.ts';
import { percentile } from '../statistics.ts';

const PER_SECOND = 50;
const LIMIT_MS = 1000;
const MODES = ['http-get', 'ftp-login', 'mysql-login', 'mssql-login'] as const;
const TOKEN = /tk[a-z]\dx\d{8}/;
const ARRIVE_MS = 30_000;

export const stream: Benchmark = {
  name: 'stream',
  title: 'Attack to screen',
  async run(bench) {
    const stack = await startStack({ sensor: true });
    bench.atEnd(() => stack.stop());
    const modes = MODES.map(factsOf).filter(isServed);
    const sentAt = new Map<string, number>();
    const seenAt = new Map<string, number>();
    const watching = new AbortController();
    const response = await stack.client.fetch('GET', '/stream', { signal: watching.signal });
    let open = false;
    const watch = (async (): Promise<void> => {
      for await (const { event, data } of serverSentEvents(response)) {
        const now = performance.now();
        open = true;
        if (event !== 'record') continue;
        const { type } = data as { type?: string };
        if (type !== 'auth.attempt' && type !== 'request') continue;
        const token = TOKEN.exec(JSON.stringify(data))?.[0];
        if (token !== undefined && !seenAt.has(token)) seenAt.set(token, now);
      }
    })().catch((error: unknown) => {
      if (!watching.signal.aborted) throw error;
    });
    await until('the stream to be open', () => (open ? true : undefined));

    const attempts = PER_SECOND * bench.choose(30, 4);
    const answered: number[] = [];
    const running: Promise<void>[] = [];
    const started = performance.now();
    for (let index = 0; index < attempts; index += 1) {
      await sleep(Math.max(0, started + (index * 1000) / PER_SECOND - performance.now()));
      const facts = modes[index % modes.length];
      if (facts === undefined) break;
      const token = tokenOf('v0', index);
      const target = { mode: facts.mode, host: '127.0.0.1', port: stack.port(facts.service), sources: 8 };
      let lastSent = 0;
      let answeredMs = 0;
      const observe = (direction: 'sent' | 'received'): void => {
        // What is sent with the leave-taking comes after the attempt: the last byte of it is the one before the last answer.
        if (direction === 'sent') lastSent = performance.now();
        else {
          sentAt.set(token, lastSent);
          answeredMs = performance.now() - lastSent;
        }
      };
      running.push(
        attempt(target, index, token, observe).then(({ result }) => {
          if (result === 'ok') answered.push(answeredMs);
          else sentAt.delete(token);
        }),
      );
    }
    await Promise.all(running);
    await until(
      'every attempt to be on the stream',
      () => ([...sentAt.keys()].every((token) => seenAt.has(token)) ? true : undefined),
      ARRIVE_MS,
    ).catch(() => undefined);
    watching.abort();
    await watch;
    await stack.stop();

    const latencies = [...sentAt].flatMap(([token, sent]) => {
      const seen = seenAt.get(token);
      return seen === undefined ? [] : [seen - sent];
    });
    const p99 = percentile(latencies, 0.99);
    return [
      {
        what: `${PER_SECOND} attempts a second: ${modes.map((facts) => facts.service).join(', ')}`,
        measured: `p50 ${formatMs(percentile(latencies, 0.5))}, p99 ${formatMs(p99)}`,
        yardstick: `the sensor's own answer p50 ${formatMs(percentile(answered, 0.5))}, p99 ${formatMs(percentile(answered, 0.99))}`,
        reach: 'p99 under 1 s',
        holds: latencies.length === sentAt.size && sentAt.size === attempts && p99 < LIMIT_MS,
        note: `${formatNumber(latencies.length)} of ${formatNumber(attempts)} seen, slowest ${formatMs(percentile(latencies, 1))}`,
      },
    ];
  },
};
