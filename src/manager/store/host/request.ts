/**
 * The requests of ClickHouse's HTTP interface as `@clickhouse/client` sends them: what to run in the URL, in the body, or in the parts of a
 * form, with settings and parameters beside it. Values are read as bytes: a parameter may hold what is no UTF-8.
 */

import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import type { Transform } from 'node:stream';
import { constants, createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib';
import { badArguments, EngineError, syntaxError, tooLarge } from './exception.ts';
import { checkSettingName, DEFAULT_DATABASE, type SessionState } from './session.ts';

/** Largest body that is a statement or a form, decompressed. */
const MAX_FORM_BYTES = 32 * 1_048_576;
/** Most fields of a URL or a form. */
const MAX_FIELDS = 1024;
const PARAM_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;

/** What belongs to HTTP or to sessions and users, which the embedded engine does not have. */
const NO_SETTINGS = new Set(
  (
    'query,database,query_id,default_format,session_id,session_timeout,session_check,wait_end_of_query,buffer_size,' +
    'enable_http_compression,http_zlib_compression_level,send_progress_in_http_headers,http_headers_progress_interval_ms,' +
    'cancel_http_readonly_queries_on_client_close,http_write_exception_in_output_format,compress,decompress,user,password,role,' +
    'quota_key,client_protocol_version,stacktrace'
  ).split(','),
);

export type Fields = ReadonlyMap<string, Buffer>;

/** The fields of a query string, as bytes. */
export function parseQuery(query: string): Map<string, Buffer> {
  const fields = new Map<string, Buffer>();
  if (query === '') return fields;
  for (const part of query.split('&', MAX_FIELDS + 1)) {
    if (fields.size >= MAX_FIELDS) throw badArguments(`more than ${MAX_FIELDS} fields`);
    const equals = part.indexOf('=');
    const name = decode(equals < 0 ? part : part.slice(0, equals)).toString('utf8');
    fields.set(name, equals < 0 ? Buffer.alloc(0) : decode(part.slice(equals + 1)));
  }
  return fields;
}

const PERCENT = 0x25;
const PLUS = 0x2b;

/** Undoes form encoding (WHATWG URL §5.1). A percent sign that no two hexadecimal digits follow stands for itself. */
function decode(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  let length = 0;
  for (let at = 0; at < bytes.length; at += 1, length += 1) {
    let byte = bytes[at] ?? 0;
    if (byte === PLUS) byte = 0x20;
    else if (byte === PERCENT) {
      const code = text.slice(at + 1, at + 3);
      if (/^[0-9a-f]{2}$/i.test(code)) {
        byte = Number.parseInt(code, 16);
        at += 2;
      }
    }
    bytes[length] = byte;
  }
  return bytes.subarray(0, length);
}

const BOUNDARY = /^multipart\/form-data;.*boundary=(?:"([^"]{1,200})"|([^\s;"]{1,200}))/i;
const PART_NAME = /^content-disposition:\s*form-data;.*\bname="([^"]{1,200})"/im;

/** The boundary of a form, from the content type; null where the body is no form. */
export function formBoundary(contentType: string | undefined): string | null {
  const match = BOUNDARY.exec(contentType ?? '');
  return match === null ? null : (match[1] ?? match[2] ?? null);
}

/** The parts of a form (RFC 7578), as bytes. */
export function parseForm(body: Buffer, boundary: string): Map<string, Buffer> {
  const fields = new Map<string, Buffer>();
  const delimiter = Buffer.from(`--${boundary}`, 'latin1');
  const separator = Buffer.from(`\r\n--${boundary}`, 'latin1');
  let at = body.indexOf(delimiter);
  if (at < 0) throw badArguments('the form has no parts');
  at += delimiter.length;
  // Two dashes behind a boundary close the form (RFC 2046 §5.1.1).
  while (body.toString('latin1', at, at + 2) !== '--') {
    const blank = body.indexOf('\r\n\r\n', at);
    const end = blank < 0 ? -1 : body.indexOf(separator, blank + 2);
    if (blank < 0 || end < 0) throw badArguments('the form is cut short');
    if (fields.size >= MAX_FIELDS) throw badArguments(`more than ${MAX_FIELDS} fields`);
    const name = PART_NAME.exec(body.toString('latin1', at, Math.min(blank, at + 1024)))?.[1];
    if (name === undefined) throw badArguments('a part of the form has no name');
    fields.set(name, body.subarray(Math.min(blank + 4, end), end));
    at = end + separator.length;
  }
  return fields;
}

/**
 * The body without its compression. Leaving it early does not break the connection: the reason is answered first, and what is left of the
 * body is read and dropped behind the answer (node:http does so).
 */
export async function* bodyOf(request: IncomingMessage): AsyncGenerator<Buffer, void> {
  const decoder = decoderFor(request.headers['content-encoding']);
  if (decoder === null) {
    yield* request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
    return;
  }
  const fail = (error: Error): unknown => decoder.destroy(error);
  request.on('error', fail).pipe(decoder);
  try {
    yield* decoder as AsyncIterable<Buffer>;
  } catch (cause) {
    throw new EngineError(271, 'CANNOT_DECOMPRESS', 'the body cannot be decompressed', { cause });
  } finally {
    request.off('error', fail).unpipe(decoder);
    decoder.destroy();
  }
}

function decoderFor(encoding: string | undefined): Transform | null {
  switch (encoding) {
    case undefined:
    case '':
    case 'identity':
      return null;
    case 'gzip':
      return createGunzip();
    case 'deflate':
      return createInflate();
    case 'br':
      return createBrotliDecompress();
    case 'zstd':
      // A window of 8 MB at most: a frame cannot make us allocate what it only claims to need.
      return createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: 23 } });
    default:
      throw new EngineError(89, 'UNKNOWN_COMPRESSION_METHOD', 'unknown content encoding');
  }
}

/** The whole body, bounded. */
export async function readBody(body: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > MAX_FORM_BYTES) throw tooLarge(`The request is larger than ${MAX_FORM_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

export function textOf(bytes: Buffer): string {
  if (!isUtf8(bytes)) throw syntaxError('the statement is not UTF-8');
  return bytes.toString('utf8');
}

/** Database, settings and parameters of a request. */
export function stateOf(fields: Fields): SessionState {
  const settings = new Map<string, string>();
  const params = new Map<string, Buffer>();
  for (const [name, value] of fields) {
    if (name.startsWith('param_')) {
      const param = name.slice('param_'.length);
      if (!PARAM_NAME.test(param))
        throw new EngineError(457, 'BAD_QUERY_PARAMETER', 'a parameter has an impossible name');
      params.set(param, value);
    } else if (!NO_SETTINGS.has(name) && name !== 'readonly') {
      checkSettingName(name);
      settings.set(name, value.toString('utf8'));
    }
  }
  if (fields.get('session_id')?.length) throw new EngineError(113, 'THERE_IS_NO_SESSION', 'sessions are not supported');
  return { database: fields.get('database')?.toString('utf8') || DEFAULT_DATABASE, settings, params };
}
