/**
 * A session export of Modern Honey Network as its reference deployment wrote it: `mongoexport` of the `session` collection, 4,140,381 rows in 30 days, 98 %
 * of them MSSQL logins seen by Dionaea. The same seed and number of rows give the same bytes.
 *
 *     node bench/generate-mhn.ts ROWS [SEED] > session.json
 */

import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { publicAddress, type Random, seededRandom, zipf } from './random.ts';

export const REFERENCE_ROWS = 4_140_381;
export const DEFAULT_SEED = 20_181_122;
const STARTS_AT = Date.UTC(2018, 10, 1);
const SPAN_MS = 30 * 86_400_000;
/** Addresses, of which few knock all the time: brute-force tools against one open port. */
const SOURCES = 60_000;
const ZIPF_EXPONENT = 1.05;
/** Rows come a little out of order, as the collector's workers finished. */
const DISORDER_MS = 4000;

interface Kind {
  /** Of ten thousand rows. */
  share: number;
  protocol: string;
  ports: readonly number[];
  honeypot: string;
}

const KINDS: readonly Kind[] = [
  { share: 9800, protocol: 'mssqld', ports: [1433], honeypot: 'dionaea' },
  { share: 70, protocol: 'smbd', ports: [445], honeypot: 'dionaea' },
  { share: 50, protocol: 'pcap', ports: [23, 22, 8080, 3389, 5900, 81, 8088, 2323, 9200, 6379], honeypot: 'dionaea' },
  { share: 25, protocol: 'SipSession', ports: [5060], honeypot: 'dionaea' },
  { share: 20, protocol: 'httpd', ports: [80], honeypot: 'dionaea' },
  { share: 15, protocol: 'mysqld', ports: [3306], honeypot: 'dionaea' },
  { share: 12, protocol: 'ssh', ports: [22], honeypot: 'cowrie' },
  { share: 4, protocol: 'epmapper', ports: [135], honeypot: 'dionaea' },
  { share: 4, protocol: 'ftpd', ports: [21], honeypot: 'dionaea' },
];
const SHARES = KINDS.reduce((sum, kind) => sum + kind.share, 0);
const LOGINS = ['root', 'admin', 'ubuntu', 'pi', 'oracle', 'test', 'postgres', 'user'];
const PASSWORDS = ['123456', 'admin', 'password', 'root', '1234', 'raspberry', '12345678', 'qwerty', '', 'toor'];

function kindOf(random: Random): Kind {
  let left = random.below(SHARES);
  for (const kind of KINDS) {
    if (left < kind.share) return kind;
    left -= kind.share;
  }
  return KINDS[0] as Kind;
}

const pick = <Value>(random: Random, values: readonly [Value, ...Value[]] | readonly Value[]): Value =>
  values[random.below(values.length)] as Value;

/** A MongoDB ObjectId: seconds, machine and process, counter. */
function objectId(at: number, machine: string, counter: number): string {
  const seconds = Math.floor(at / 1000)
    .toString(16)
    .padStart(8, '0');
  return seconds + machine + (counter & 0xffffff).toString(16).padStart(6, '0');
}

/** The rows, one line each without its line end. */
export function* mhnRows(rows: number, seed: number = DEFAULT_SEED): Generator<string> {
  const random = seededRandom(seed);
  const sources = Array.from({ length: SOURCES }, () => publicAddress(random));
  const sourceOf = zipf(SOURCES, ZIPF_EXPONENT);
  const machine = random.hex(10);
  const sensors = new Map(
    ['dionaea', 'cowrie'].map((name) => [name, `${random.hex(8)}-${random.hex(4)}-11e8-b8ce-${random.hex(12)}`]),
  );
  let counter = random.below(0x1000000);
  for (let row = 0; row < rows; row += 1) {
    const at = STARTS_AT + Math.floor((SPAN_MS * row) / rows) + random.below(DISORDER_MS);
    const kind = kindOf(random);
    const hpfeedId = objectId(at, machine, counter);
    const id = objectId(at + 3000, machine, counter + 1);
    counter += 2;
    const fields = [
      `"_id" : { "$oid" : "${id}" }`,
      `"protocol" : "${kind.protocol}"`,
      `"hpfeed_id" : { "$oid" : "${hpfeedId}" }`,
      `"timestamp" : { "$date" : "${new Date(at).toISOString().replace('Z', '+0000')}" }`,
      `"source_ip" : "${sources[sourceOf(random)]}"`,
      `"source_port" : ${1024 + random.below(64_000)}`,
      `"destination_port" : ${pick(random, kind.ports)}`,
      `"identifier" : "${sensors.get(kind.honeypot)}"`,
      `"honeypot" : "${kind.honeypot}"`,
    ];
    if (kind.honeypot === 'cowrie') {
      const attempts = Array.from(
        { length: 1 + random.below(3) },
        () => `{ "login" : "${pick(random, LOGINS)}", "password" : "${pick(random, PASSWORDS)}" }`,
      );
      fields.push(
        '"session_ssh" : { "version" : "SSH-2.0-libssh2_1.4.3" }',
        `"auth_attempts" : [ ${attempts.join(', ')} ]`,
      );
    }
    yield `{ ${fields.join(', ')} }`;
  }
}

const PIECE = 1 << 18;

async function writeRows(out: Writable, rows: number, seed: number): Promise<number> {
  let bytes = 0;
  let piece = '';
  const flush = async (): Promise<void> => {
    bytes += Buffer.byteLength(piece);
    const goOn = out.write(piece);
    piece = '';
    if (!goOn) await once(out, 'drain');
  };
  for (const row of mhnRows(rows, seed)) {
    piece += `${row}\n`;
    if (piece.length >= PIECE) await flush();
  }
  await flush();
  return bytes;
}

/** Writes an export; resolves with its size in bytes. */
export async function writeMhnExport(path: string, rows: number, seed: number = DEFAULT_SEED): Promise<number> {
  const out = createWriteStream(path);
  const bytes = await writeRows(out, rows, seed);
  out.end();
  await finished(out);
  return bytes;
}

if (import.meta.main) {
  const [rows, seed = String(DEFAULT_SEED)] = process.argv.slice(2);
  if (rows === undefined || !/^\d+$/.test(rows) || !/^\d+$/.test(seed)) {
    process.stderr.write('usage: node bench/generate-mhn.ts ROWS [SEED]\n');
    process.exitCode = 2;
  } else {
    process.stdout.on('error', () => process.exit(1));
    await writeRows(process.stdout, Number(rows), Number(seed));
  }
}
