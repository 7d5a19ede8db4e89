/**
 * Brings the spool's records to the manager: batches in order, compressed, one under way at a time, let go only when the manager has answered that they are
 * stored. Whatever fails is tried again with growing pauses; records wait on disk meanwhile.
 */
import { type ClientRequest, Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { constants, zstdCompress } from 'node:zlib';
import { errorText, numberRecord, ProjectError } from '../events/index.ts';
import type { Batch, Spool } from '../spool/index.ts';

const compress = promisify(zstdCompress);
const COMPRESSION = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

/** Payload and records of one batch at most. */
const BATCH_BYTES = 8 * 1_048_576;
const BATCH_RECORDS = 20_000;
/** After the first record of a quiet time, how long to wait for more. */
const GATHER_MS = 30;
const RETRY_FIRST_MS = 250;
const RETRY_MAX_MS = 30_000;
/** How long one delivery may take: the manager answers when the store has the records. */
const ANSWER_MS = 120_000;
const STATUS_EVERY_MS = 5000;
const MAX_ANSWER_BYTES = 1_048_576;

export interface UplinkOptions {
  /** The manager's address: `http://127.0.0.1:8420`. */
  url: string;
  token: string;
  spool: Spool;
  /** What the sensor says of itself. */
  status: () => unknown;
  log: (level: 'info' | 'warn', message: string, facts: Readonly<Record<string, unknown>>) => void;
}

interface Answer {
  status: number;
  retryAfterMs: number | undefined;
  body: string;
}

/** Why a delivery failed, and whether the records are to blame: the one place where the uplink decides about trying again. */
function verdictOf(answer: Answer): 'stored' | 'too_large' | 'again' {
  if (answer.status === 200) return 'stored';
  return answer.status === 413 ? 'too_large' : 'again';
}

export class Uplink {
  private readonly options: UplinkOptions;
  private readonly agent: HttpAgent;
  private readonly stopping = new AbortController();
  private readonly tasks: Promise<void>[] = [];
  private lastTrouble = '';

  constructor(options: UplinkOptions) {
    this.options = options;
    const keep = { keepAlive: true, maxSockets: 2 };
    this.agent = new URL(options.url).protocol === 'https:' ? new HttpsAgent(keep) : new HttpAgent(keep);
  }

  start(): void {
    this.tasks.push(this.deliverForever(), this.reportForever());
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await Promise.allSettled(this.tasks);
    this.agent.destroy();
  }

  private async pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.stopping.signal }).catch(() => undefined);
  }

  private async deliverForever(): Promise<void> {
    const { spool } = this.options;
    const { signal } = this.stopping;
    let wait = RETRY_FIRST_MS;
    let records = BATCH_RECORDS;
    while (!signal.aborted) {
      let batch = spool.read(BATCH_BYTES, records);
      if (batch === undefined) {
        await spool.waitForRecords(signal).catch(() => undefined);
        await this.pause(GATHER_MS);
        batch = spool.read(BATCH_BYTES, records);
        if (batch === undefined) continue;
      }
      try {
        const answer = await this.deliver(batch);
        const verdict = verdictOf(answer);
        if (verdict === 'stored') {
          spool.ack(batch.boot, batch.last);
          wait = RETRY_FIRST_MS;
          records = BATCH_RECORDS;
          this.trouble('');
          continue;
        }
        if (verdict === 'too_large' && batch.records.length > 1) {
          records = Math.ceil(batch.records.length / 2);
          continue;
        }
        this.trouble(`the manager answered ${answer.status}: ${answer.body.slice(0, 500)}`);
        wait = Math.max(wait, answer.retryAfterMs ?? 0);
      } catch (error) {
        this.trouble(errorText(error));
      }
      await this.pause(wait * (0.75 + Math.random() / 2));
      wait = Math.min(RETRY_MAX_MS, wait * 2);
    }
  }

  /** Says once what is wrong, and once that it is right again. */
  private trouble(text: string): void {
    if (text === this.lastTrouble) return;
    if (text === '') this.options.log('info', 'records reach the manager again', {});
    else this.options.log('warn', 'records cannot be delivered; they wait on disk', { reason: text });
    this.lastTrouble = text;
  }

  private async deliver(batch: Batch): Promise<Answer> {
    const lines = batch.records.flatMap((record) => numberRecord(record.seq, record.payload));
    const body = await compress(Buffer.concat(lines), COMPRESSION);
    return await this.post(`/api/v1/ingest?boot=${batch.boot}&first=${batch.first}&last=${batch.last}`, body, {
      'content-type': 'application/x-ndjson',
      'content-encoding': 'zstd',
    });
  }

  private async reportForever(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      await this.post('/api/v1/ingest/status', Buffer.from(JSON.stringify(this.options.status())), {
        'content-type': 'application/json',
      }).catch(() => undefined);
      await this.pause(STATUS_EVERY_MS);
    }
  }

  private post(path: string, body: Buffer, headers: Readonly<Record<string, string>>): Promise<Answer> {
    const url = new URL(path, this.options.url);
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    return new Promise((resolve, reject) => {
      const request: ClientRequest = send(
        url,
        {
          method: 'POST',
          agent: this.agent,
          signal: this.stopping.signal,
          timeout: ANSWER_MS,
          headers: { ...headers, 'content-length': body.length, authorization: `Bearer ${this.options.token}` },
        },
        (response) => {
          const chunks: Buffer[] = [];
          let size = 0;
          response.on('data', (chunk: Buffer) => {
            size += chunk.length;
            if (size <= MAX_ANSWER_BYTES) chunks.push(chunk);
          });
          response.on('error', reject);
          response.on('end', () => {
            const retryAfter = Number(response.headers['retry-after']);
            resolve({
              status: response.statusCode ?? 0,
              retryAfterMs: Number.isFinite(retryAfter) ? retryAfter * 1000 : undefined,
              body: Buffer.concat(chunks).toString('utf8'),
            });
          });
        },
      );
      request.on('timeout', () =>
        request.destroy(new ProjectError('UPLINK_TIMEOUT', `no answer within ${ANSWER_MS / 1000} s`)),
      );
      request.on('error', reject);
      request.end(body);
    });
  }
}
