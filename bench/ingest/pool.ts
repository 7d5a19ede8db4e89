/**
 * Deliveries made beforehand, of what a real sensor recorded of MSSQL logins: its own spool, read in batches and packed as its uplink does, with
 * addresses of the public internet in place of loopback. A batch is used again under another boot: to a manager those are new records.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { constants, zstdCompress } from 'node:zlib';
import { numberRecord } from '../../src/events/index.ts';
import type { Bench } from '../bench.ts';
import { factsOf } from '../modes.ts';
import { publicAddress, seededRandom } from '../random.ts';
import { spooledBatches } from '../recorded.ts';

const compress = promisify(zstdCompress);
const COMPRESSION = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };
const SOURCES = 5000;
const SEED = 7;

export interface PooledBatch {
  file: string;
  first: number;
  last: number;
  records: number;
  sessions: number;
}

export interface Pool {
  batches: PooledBatch[];
  sessions: number;
  records: number;
  /** Bytes of the records as JSON lines. */
  bytes: number;
}

/** Fills a sensor's spool with `attempts` MSSQL logins; returns the spool's folder. */
export async function fillSpool(bench: Bench, attempts: number): Promise<string> {
  const facts = factsOf('mssql-login');
  const sensor = await bench.startSensor({ services: [facts.service], persona: facts.persona });
  const { ok } = await bench.load({
    mode: facts.mode,
    host: '127.0.0.1',
    port: sensor.port(facts.service),
    sources: 8,
    run: 'f0',
    concurrency: 16,
    attempts,
    seconds: 600,
  });
  await sensor.stop();
  if (ok < attempts) throw new Error(`the sensor served ${ok} of ${attempts} attempts`);
  return sensor.queue;
}

const SESSION_ID = /"(?:session_id|id)":"[0-9a-f-]{28}([0-9a-f]{8})"/;
const LOOPBACK = /"src_ip":"127\.[\d.]+"/;

export async function makePool(queue: string, folder: string, maxRecords: number): Promise<Pool> {
  const random = seededRandom(SEED);
  const sources = Array.from({ length: SOURCES }, () => publicAddress(random));
  const pool: Pool = { batches: [], sessions: 0, records: 0, bytes: 0 };
  for await (const { first, last, records } of spooledBatches(queue, maxRecords)) {
    let sessions = 0;
    const lines = records.flatMap(({ seq, payload }) => {
      const text = payload.toString('utf8');
      if (text.startsWith('{"record":"session"')) sessions += 1;
      // All records of a session show one source.
      const source = sources[Number.parseInt(SESSION_ID.exec(text)?.[1] ?? '0', 16) % SOURCES];
      return numberRecord(seq, Buffer.from(text.replace(LOOPBACK, `"src_ip":"${source}"`)));
    });
    const body = Buffer.concat(lines);
    const file = join(folder, `${pool.batches.length}.zst`);
    writeFileSync(file, await compress(body, COMPRESSION));
    pool.batches.push({ file, first, last, records: records.length, sessions });
    pool.sessions += sessions;
    pool.records += records.length;
    pool.bytes += body.length;
  }
  return pool;
}
