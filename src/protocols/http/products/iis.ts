/**
 * Microsoft IIS 10.0 (Windows Server 2016 to 2022), default site with static content and error pages for remote clients. What the driver below it
 * (HTTP.sys) refuses is answered by the driver, which calls itself Microsoft-HTTPAPI/2.0. The page texts have the lengths seen on real servers.
 */
import type { Persona } from '../../surfaces/persona.ts';
import { header, headers, pathOf, type Request, type RequestLine } from '../message.ts';
import { driverError, iisError, iisStart } from '../pages/iis.ts';
import {
  bodyOf,
  contentLength,
  escapeHtml,
  type Framing,
  finish,
  isChunked,
  lastModified,
  type Product,
  type Refusal,
  type Reply,
  rootTime,
  type StaticFile,
  selectPart,
  validHost,
} from './product.ts';

/** MaxRequestBytes: request line and headers together; MaxFieldLength. */
const MAX_HEAD = 16_384;
/** UrlSegmentMaxLength. */
const MAX_SEGMENT = 260;
/** Request filtering: maxUrl, maxQueryString, maxAllowedContentLength. What is over is hidden behind a 404. */
const MAX_URL = 4096;
const MAX_QUERY = 2048;
const MAX_BODY = 30_000_000;

const REASONS: Readonly<Record<number, string>> = {
  200: 'OK',
  206: 'Partial Content',
  301: 'Moved Permanently',
  302: 'Found',
  304: 'Not Modified',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  411: 'Length Required',
  414: 'URI Too Long',
  416: 'Requested Range Not Satisfiable',
  501: 'Not Implemented',
  505: 'HTTP Version Not Supported',
};

/** Heading and sentence of the driver's pages, by our code. */
const DRIVER: Readonly<Record<string, readonly [string, string]>> = {
  bad_method: ['Bad Request - Invalid Verb', 'The request verb is invalid.'],
  bad_target: ['Bad Request - Invalid URL', 'The request URL is invalid.'],
  bad_header: ['Bad Request - Invalid Header', 'The request has an invalid header name.'],
  bad_host: ['Bad Request - Invalid Hostname', 'The request hostname is invalid.'],
  bad_length: [
    'Bad Request - Invalid Content Length',
    'There is an invalid content length or chunk length in the request.',
  ],
  header_too_large: ['Bad Request - Request Too Long', 'The size of the request headers is too long.'],
  length_required: ['Length Required', 'The request must be chunked or have a content length.'],
  line_too_long: ['Request URL Too Long', 'The request URL is too long.'],
  unknown_encoding: ['Not Implemented', 'The requested transfer encoding type is not supported.'],
  version_not_supported: ['HTTP Version Not Supported', 'The HTTP version is not supported.'],
};
const BADLY_FORMED = ['Bad Request', 'The request is badly formed.'] as const;

const driverPages = new Map<string, Buffer>();

/** FILETIME in little-endian order, each byte in hex without its leading zero, and the change number of the metabase. */
function etagOf(file: StaticFile): string {
  const time = Buffer.alloc(8);
  time.writeBigUInt64LE((BigInt(Math.floor(file.modifiedMs)) + 11_644_473_600_000n) * 10_000n);
  return `"${[...time].map((byte) => byte.toString(16)).join('')}:0"`;
}

export function iis(persona: Persona, version: string): Product {
  const software = `Microsoft-IIS/${version}`;
  // ASP.NET adds it to every answer of IIS once the feature is installed.
  const poweredBy = persona.pick('iis asp.net', ['X-Powered-By: ASP.NET\r\n', '']);
  const start: StaticFile = { type: 'text/html', body: iisStart(), modifiedMs: rootTime(persona) };
  const files: Readonly<Record<string, StaticFile>> = { '/': start, '/iisstart.htm': start };
  const pages = new Map<number, Buffer>();

  function page(status: number): Buffer {
    const made = pages.get(status) ?? iisError(status);
    pages.set(status, made);
    return made;
  }

  function refusal(given: Refusal): Reply {
    if (given.status === 404) return { status: 404, type: 'text/html', body: page(404) };
    const [heading, sentence] = DRIVER[given.code] ?? BADLY_FORMED;
    const title = heading.split(' - ')[0] ?? heading;
    const body = driverPages.get(given.code) ?? driverError(given.status, title, heading, sentence);
    driverPages.set(given.code, body);
    return { status: given.status, type: 'text/html; charset=us-ascii', body, driver: true, closes: true };
  }

  function judgeLine(line: RequestLine): Refusal | undefined {
    if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(line.method) || line.target === '')
      return { code: 'bad_method', status: 400 };
    if (line.target.length > MAX_HEAD) return { code: 'line_too_long', status: 414 };
    if (line.version === '') return { code: 'badly_formed', status: 400 };
    if (line.major !== 1) return { code: 'version_not_supported', status: 505 };
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
    if (/[\x00-\x20\x7f]/.test(line.target)) return { code: 'bad_target', status: 400 };
    return undefined;
  }

  function judgeHead(request: Request): Refusal | undefined {
    const total = request.fields.reduce((sum, field) => sum + field.name.length + field.value.length + 4, 0);
    if (total > MAX_HEAD) return { code: 'header_too_large', status: 400 };
    for (const fault of request.faults) if (fault !== 'fold') return { code: 'bad_header', status: 400 };
    const hosts = headers(request, 'host');
    if (hosts.length > 1 || hosts.some((host) => !validHost(host))) return { code: 'bad_host', status: 400 };
    if (hosts.length === 0 && request.minor > 0) return { code: 'bad_host', status: 400 };
    const { target, method } = request;
    const { path, query, fault } = pathOf(target);
    const star = target === '*' && method === 'OPTIONS';
    if (!star && !target.startsWith('/') && !/^https?:\/\/./i.test(target)) return { code: 'bad_target', status: 400 };
    if (fault === 'nul' || fault === 'encoding' || path.split('/').some((segment) => segment.length > MAX_SEGMENT))
      return { code: 'bad_target', status: 400 };
    if (header(request, 'transfer-encoding') !== undefined && !isChunked(request))
      return { code: 'unknown_encoding', status: 501 };
    const lengths = headers(request, 'content-length');
    if (lengths.length > 1 || Number.isNaN(contentLength(request))) return { code: 'bad_length', status: 400 };
    if ((method === 'POST' || method === 'PUT') && lengths.length === 0 && !isChunked(request))
      return { code: 'length_required', status: 411 };
    if (target.length > MAX_URL || query.length > MAX_QUERY) return { code: 'url_filtered', status: 404 };
    if ((contentLength(request) ?? 0) > MAX_BODY) return { code: 'body_too_large', status: 404 };
    return undefined;
  }

  const error: Product['error'] = (status, _place, _request, extra) => ({
    status,
    type: 'text/html',
    body: page(status),
    ...(extra === undefined ? {} : { headers: extra }),
  });

  return {
    name: 'iis',
    title: `Microsoft IIS httpd ${version}`,
    maxBodyBytes: MAX_BODY,
    idleMs: 120_000,
    requestMs: 120_000,
    skipsBlankLines: false,
    refusesPrefix(bytes) {
      const word = bytes.toString('latin1', 0, 64);
      const space = word.indexOf(' ');
      return !/^[!#$%&'*+\-.^_`|~0-9A-Za-z]*$/.test(space < 0 ? word : word.slice(0, space));
    },
    judgeLine,
    judgeHead,
    refusal,
    // Schannel closes the connection.
    plainOnTls: () => undefined,
    error,
    redirect: (location) => ({
      status: 301,
      type: 'text/html; charset=UTF-8',
      headers: [['Location', location]],
      body: Buffer.from(
        `<head><title>Document Moved</title></head>\n<body><h1>Object Moved</h1>This document may be found <a HREF="${escapeHtml(location)}">here</a></body>`,
        'latin1',
      ),
    }),
    serve(path, request, place) {
      const { method } = request;
      if (method === 'OPTIONS') {
        const allowed = 'OPTIONS, TRACE, GET, HEAD, POST';
        return {
          status: 200,
          body: Buffer.alloc(0),
          headers: [
            ['Allow', allowed],
            ['Public', allowed],
          ],
        };
      }
      if (method === 'TRACE') return error(501, place, request);
      const file = Object.hasOwn(files, path.toLowerCase()) ? files[path.toLowerCase()] : undefined;
      if (file === undefined) return error(404, place, request);
      if (method !== 'GET' && method !== 'HEAD')
        return error(405, place, request, [['Allow', 'GET, HEAD, OPTIONS, TRACE']]);
      const part = selectPart(request, file, etagOf(file));
      if (part === 'not_modified') return { status: 304, body: Buffer.alloc(0), file };
      if (part === 'unsatisfiable') return { status: 416, type: 'text/html', body: Buffer.alloc(0), file };
      if (part === 'all') return { status: 200, body: file.body, file };
      return { status: 206, body: file.body, file, range: part };
    },
    continues: () => true,
    write: (reply, framing) => write(reply, framing, software, poweredBy),
  };
}

/** Headers that stand before Server; the others of a page come after it. */
const BEFORE_SERVER: ReadonlySet<string> = new Set(['Allow', 'Location', 'Cache-Control', 'Pragma', 'Expires']);

function write(reply: Reply, framing: Framing, software: string, poweredBy: string): Buffer {
  const body = bodyOf(reply);
  const { file, range } = reply;
  let head = `HTTP/1.1 ${reply.status} ${REASONS[reply.status] ?? ''}\r\n`;
  const own = reply.headers ?? [];
  for (const [name, value] of own) if (name === 'Allow' || name === 'Cache-Control') head += `${name}: ${value}\r\n`;
  const type = reply.type ?? file?.type;
  if (type && reply.status !== 304) head += `Content-Type: ${type}\r\n`;
  if (range !== undefined && file !== undefined)
    head += `Content-Range: bytes ${range.from}-${range.to}/${file.body.length}\r\n`;
  if (file !== undefined)
    head += `Last-Modified: ${lastModified(file)}\r\nAccept-Ranges: bytes\r\nETag: ${etagOf(file)}\r\n`;
  for (const [name, value] of own)
    if (BEFORE_SERVER.has(name) && name !== 'Allow' && name !== 'Cache-Control') head += `${name}: ${value}\r\n`;
  head += `Server: ${reply.driver === true ? 'Microsoft-HTTPAPI/2.0' : software}\r\n`;
  for (const [name, value] of own) if (!BEFORE_SERVER.has(name)) head += `${name}: ${value}\r\n`;
  if (reply.driver !== true) head += poweredBy;
  head += `Date: ${framing.date}\r\n`;
  if (!framing.keepAlive) head += 'Connection: close\r\n';
  else if (!framing.http11) head += 'Connection: keep-alive\r\n';
  if (reply.status !== 304) head += `Content-Length: ${body.length}\r\n`;
  return finish(head, body, framing, false, reply.status);
}
