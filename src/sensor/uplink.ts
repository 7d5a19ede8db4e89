/**
 * Brings the spool's records to the manager: batches in order, compressed, one under way at a time, let go only when the manager has answered that they are
 * stored. Whatever fails is tried again with growing pauses; records wait on disk meanwhile.
 */
import { type ClientRequest, Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { constants, zstdCompress } from 'node:zlib';
import { z } from 'zod';
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
/** Longest pause that a manager can ask for (Retry-After, RFC 9110 §10.2.3). */
const RETRY_AFTER_MAX_MS = 300_000;
/** How long one delivery may take in all: the manager answers when the store has the records. */
const ANSWER_MS = 120_000;
const STATUS_EVERY_MS = 5000;
const MAX_ANSWER_BYTES = 1_048_576;
/** Of an answer that is logged. */
const MAX_REASON = 500;

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
  retryAfterMs: number;
  body: string;
}

const storedAnswer = z.object({ stored: z.int().nonnegative() });

type Verdict = { kind: 'stored' } | { kind: 'too_large' } | { kind: 'again'; reason: string };

/** What an answer means for the batch: the one place where the uplink decides about trying again. */
function verdictOf(answer: Answer, last: number): Verdict {
  if (answer.status !== 200)
    return answer.status === 413
      ? { kind: 'too_large' }
      : { kind: 'again', reason: `the manager answered ${answer.status}: ${answer.body.slice(0, MAX_REASON)}` };
  // Something else than a manager can stand at the address (a sign-in page, a proxy): only a manager's own words free records.
  const stored = storedAnswer.safeParse(parseJson(answer.body));
  return stored.success && stored.data.stored >= last
    ? { kind: 'stored' }
    : { kind: 'again', reason: `the answer is not a manager's: ${answer.body.slice(0, MAX_REASON)}` };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function retryAfterMs(header: string | undefined): number {
  const seconds = header !== undefined && /^\d{1,9}$/.test(header) ? Number(header) : 0;
  return Math.min(RETRY_AFTER_MAX_MS, seconds * 1000);
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
      let asked = 0;
      try {
        const batch = spool.read(BATCH_BYTES, records);
        if (batch === undefined) {
          await spool.waitForRecords(signal);
          await this.pause(GATHER_MS);
          continue;
        }
        const answer = await this.deliver(batch);
        const verdict = verdictOf(answer, batch.last);
        if (verdict.kind === 'stored') {
          spool.ack(batch.boot, batch.last);
          wait = RETRY_FIRST_MS;
          records = Math.min(BATCH_RECORDS, records * 2);
          this.trouble('');
          continue;
        }
        if (verdict.kind === 'too_large' && batch.records.length > 1) {
          records = Math.ceil(batch.records.length / 2);
          continue;
        }
        this.trouble(verdict.kind === 'again' ? verdict.reason : 'the manager takes not even one record: 413');
        asked = answer.retryAfterMs;
      } catch (error) {
        if (signal.aborted) return;
        this.trouble(errorText(error));
      }
      // Spread, so that a fleet does not come back in step; never before the manager asked for it.
      await this.pause(Math.max(asked, wait * 0.75) + (Math.random() * wait) / 2);
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
      await this.report().catch(() => undefined);
      await this.pause(STATUS_EVERY_MS);
    }
  }

  /** What becomes of it is seen in the manager: a sensor that does not report is shown as silent. */
  private async report(): Promise<void> {
    await this.post('/api/v1/ingest/status', Buffer.from(JSON.stringify(this.options.status())), {
      'content-type': 'application/json',
    });
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
          headers: { ...headers, 'content-length': body.length, authorization: `Bearer ${this.options.token}` },
        },
        (response) => {
          const chunks: Buffer[] = [];
          let size = 0;
          response.on('data', (chunk: Buffer) => {
            size += chunk.length;
            if (size <= MAX_ANSWER_BYTES) chunks.push(chunk);
            else request.destroy(new ProjectError('UPLINK_ANSWER_TOO_LONG', `more than ${MAX_ANSWER_BYTES} bytes`));
          });
          response.on('error', reject);
          response.on('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              retryAfterMs: retryAfterMs(response.headers['retry-after']),
              body: Buffer.concat(chunks).toString('utf8'),
            }),
          );
        },
      );
      // Of the whole exchange, and not of silence only: an answer that dribbles has an end too.
      const late = setTimeout(
        () => request.destroy(new ProjectError('UPLINK_TIMEOUT', `no answer within ${ANSWER_MS / 1000} s`)),
        ANSWER_MS,
      );
      request.on('close', () => clearTimeout(late));
      request.on('error', reject);
      request.end(body);
    });
  }
}
