/**
 * Simulated sensors, in a process of their own: each delivers a batch, waits until it is acknowledged, and delivers the next, as an uplink does. One line of
 * JSON says what to do, one what came of it.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { percentile } from '../statistics.ts';
import type { PooledBatch } from './pool.ts';

export interface DeliverOrder {
  url: string;
  /** The credential of each sensor. */
  tokens: string[];
  batches: PooledBatch[];
  seconds: number;
  /** Sessions a second of all sensors together; as fast as they are acknowledged without it. */
  perSecond?: number;
}

export interface DeliverResult {
  sessions: number;
  records: number;
  deliveries: number;
  /** Deliveries that were put off (503) and came again. */
  putOff: number;
  seconds: number;
  latency: { p50: number; p95: number; max: number };
}

const AGAIN_MS = 100;

function post(url: URL, token: string, body: Buffer, agent: Agent): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${token}`,
      'content-type': 'application/x-ndjson',
      'content-encoding': 'zstd',
      'content-length': body.length,
    };
    const sending = request(url, { method: 'POST', agent, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    sending.on('error', reject);
    sending.end(body);
  });
}

async function deliver(order: DeliverOrder): Promise<DeliverResult> {
  const bodies = order.batches.map(({ file }) => readFileSync(file));
  const agent = new Agent({ keepAlive: true });
  const latencies: number[] = [];
  const result = { sessions: 0, records: 0, deliveries: 0, putOff: 0 };
  const started = performance.now();
  const stopAt = started + order.seconds * 1000;

  async function sensor(token: string, place: number): Promise<void> {
    const share = (order.perSecond ?? 0) / order.tokens.length;
    let due = started;
    // Each begins elsewhere in the pool; a boot ends where the pool does, for numbers only rise within one.
    let boot = randomUUID();
    let next = Math.floor((place * order.batches.length) / order.tokens.length);
    for (;;) {
      if (share > 0) await sleep(Math.max(0, due - performance.now()));
      if (performance.now() >= stopAt) return;
      const batch = order.batches[next] as PooledBatch;
      const url = new URL(`/api/v1/ingest?boot=${boot}&first=${batch.first}&last=${batch.last}`, order.url);
      const sent = performance.now();
      for (;;) {
        const { status, text } = await post(url, token, bodies[next] as Buffer, agent);
        if (status === 200) break;
        if (status !== 503) throw new Error(`a delivery was answered ${status}: ${text}`);
        result.putOff += 1;
        await sleep(AGAIN_MS);
      }
      latencies.push(performance.now() - sent);
      result.sessions += batch.sessions;
      result.records += batch.records;
      result.deliveries += 1;
      if (share > 0) due += (batch.sessions / share) * 1000;
      next += 1;
      if (next === order.batches.length) {
        next = 0;
        boot = randomUUID();
      }
    }
  }
  await Promise.all(order.tokens.map(sensor));
  agent.destroy();
  return {
    ...result,
    seconds: (performance.now() - started) / 1000,
    latency: { p50: percentile(latencies, 0.5), p95: percentile(latencies, 0.95), max: percentile(latencies, 1) },
  };
}

if (import.meta.main) {
  const input = createInterface({ input: process.stdin });
  input.once('close', () => process.exit(0));
  const line = await new Promise<string>((resolve) => input.once('line', resolve));
  process.stdout.write(`${JSON.stringify(await deliver(JSON.parse(line) as DeliverOrder))}\n`);
}
