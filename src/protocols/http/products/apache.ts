/**
 * Apache httpd 2.4.41, 2.4.52 and 2.4.58 as Ubuntu packages them, default site (HttpProtocolOptions Strict, TraceEnable Off, ServerTokens OS,
 * ServerSignature On, mod_deflate, mod_status). Answers and their order compared with Apache 2.4.71 on 2026-11-23, whose error pages differ in
 * their DOCTYPE alone.
 */
import type { Persona } from '../../surfaces/persona.ts';
import { header, headers, pathOf, type Request, type RequestLine } from '../message.ts';
import { apacheDefault } from '../pages/apache.ts';
import {
  bodyOf,
  contentLength,
  escapeHtml,
  type Framing,
  finish,
  hostOf,
  isChunked,
  lastModified,
  type Place,
  type Product,
  type Refusal,
  type Reply,
  rootTime,
  type StaticFile,
  selectPart,
  validHost,
} from './product.ts';

/** LimitRequestLine and LimitRequestFieldSize, LimitRequestFields. */
const MAX_LINE = 8190;
const MAX_FIELDS = 100;
/** LimitRequestBody since 2.4.53; before, none. */
const MAX_BODY = 1_073_741_824;
/** MaxKeepAliveRequests. */
const MAX_KEPT = 100;
const ALLOW = 'GET,POST,OPTIONS,HEAD';
const METHODS: ReadonlySet<string> = new Set(
  'GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK VERSION-CONTROL CHECKOUT UNCHECKOUT CHECKIN UPDATE LABEL REPORT MKWORKSPACE MKACTIVITY BASELINE-CONTROL MERGE'.split(
    ' ',
  ),
);

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
  408: 'Request Timeout',
  413: 'Request Entity Too Large',
  414: 'Request-URI Too Long',
  416: 'Requested Range Not Satisfiable',
  417: 'Expectation Failed',
  501: 'Not Implemented',
};
const NOT_UNDERSTOOD = '<p>Your browser sent a request that this server could not understand.<br />\n';

/** What stands under the heading of an error page (http_protocol.c, get_canned_error_string). */
function explanation(status: number, request: Request | undefined, code: string): string {
  switch (status) {
    case 301:
      return '';
    case 400:
      if (code === 'header_too_large')
        return `${NOT_UNDERSTOOD}Size of a request header field exceeds server limit.</p>`;
      if (code === 'too_many_headers')
        return `${NOT_UNDERSTOOD}The number of request header fields exceeds this server's limit.</p>`;
      if (code === 'plain_on_tls')
        return `${NOT_UNDERSTOOD}Reason: You're speaking plain HTTP to an SSL-enabled server port.<br />\n Instead use the HTTPS scheme to access this URL, please.<br />\n</p>`;
      return `${NOT_UNDERSTOOD}</p>`;
    case 401:
      return "<p>This server could not verify that you\nare authorized to access the document\nrequested.  Either you supplied the wrong\ncredentials (e.g., bad password), or your\nbrowser doesn't understand how to supply\nthe credentials required.</p>";
    case 403:
      return "<p>You don't have permission to access this resource.</p>";
    case 404:
      return '<p>The requested URL was not found on this server.</p>';
    case 405:
      return `<p>The requested method ${escapeHtml(request?.method ?? '')} is not allowed for this URL.</p>`;
    case 408:
      return '<p>Server timeout waiting for the HTTP request from the client.</p>';
    case 413:
      return `<p>The requested resource does not allow request data with ${escapeHtml(request?.method ?? '')} requests, or the amount of data provided in\nthe request exceeds the capacity limit.</p>`;
    case 414:
      return "<p>The requested URL's length exceeds the capacity\nlimit for this server.<br />\n</p>";
    case 416:
      return '<p>None of the range-specifier values in the Range\nrequest-header field overlap the current extent\nof the selected resource.</p>';
    case 417:
      return `<p>The expectation given in the Expect request-header\nfield could not be met by this server.\nThe client sent<pre>\n    Expect: ${escapeHtml((request && header(request, 'expect')) ?? '')}\n</pre>\n</p><p>Only the 100-continue expectation is supported.</p>`;
    case 501:
      return `<p>${escapeHtml(request?.method ?? '')} not supported for current URL.<br />\n</p>`;
    default:
      return '';
  }
}

const etagOf = (file: StaticFile): string =>
  `"${file.body.length.toString(16)}-${Math.round(file.modifiedMs * 1000).toString(16)}"`;

export function apache(persona: Persona, version: string): Product {
  const software = `Apache/${version} (Ubuntu)`;
  const index: StaticFile = { type: 'text/html', body: apacheDefault(), modifiedMs: rootTime(persona) };
  const files: Readonly<Record<string, StaticFile>> = { '/': index, '/index.html': index };

  /** Without ServerName the host is the one that was asked for, and 127.0.1.1 (Ubuntu's /etc/hosts) before one is known. */
  function signature(place: Place, request: Request | undefined): string {
    const asked = request === undefined ? undefined : hostOf(request, place);
    const usable = asked !== undefined && header(request as Request, 'host') !== undefined && validHost(asked);
    const split = usable ? /^(.*?)(?::(\d+))?$/.exec(asked) : null;
    const host = split?.[1] ?? '127.0.1.1';
    const port = split?.[2] ?? (place.secure ? '443' : '80');
    return `<hr>\n<address>${software} Server at ${escapeHtml(host)} Port ${port}</address>\n`;
  }

  function page(status: number, text: string, place: Place, request: Request | undefined): Buffer {
    const reason = REASONS[status] ?? '';
    const heading = status === 416 ? 'Requested Range Not Satisfiable' : reason;
    return Buffer.from(
      `<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">\n<html><head>\n<title>${status} ${reason}</title>\n</head><body>\n<h1>${heading}</h1>\n${text}\n${signature(place, request)}</body></html>\n`,
      'latin1',
    );
  }

  function error(
    status: number,
    place: Place,
    request: Request | undefined,
    extra: readonly (readonly [string, string])[] = [],
    code = '',
  ): Reply {
    const allow: readonly (readonly [string, string])[] = status === 405 || status === 501 ? [['Allow', ALLOW]] : [];
    return {
      status,
      type: 'text/html; charset=iso-8859-1',
      headers: [...allow, ...extra],
      body: page(status, explanation(status, request, code), place, request),
      closes: status === 400 || status === 408 || status === 413 || status === 414 || status === 417 || status === 501,
    };
  }

  function judgeLine(line: RequestLine): Refusal | undefined {
    const bad = { code: 'bad_request_line', status: 400 };
    if (line.method.length + line.target.length + line.version.length + 2 > MAX_LINE)
      return { code: 'line_too_long', status: 414 };
    if (line.bareLf || line.loose || !/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(line.method)) return bad;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
    if (line.target === '' || /[\x00-\x20\x7f]/.test(line.target)) return bad;
    if (line.version === '') return line.method === 'GET' && line.target.startsWith('/') ? undefined : bad;
    return /^HTTP\/[1-9]\.\d$/.test(line.version) ? undefined : bad;
  }

  function judgeHead(request: Request): Refusal | undefined {
    const { faults } = request;
    if (request.fields.length > MAX_FIELDS) return { code: 'too_many_headers', status: 400 };
    if (request.longestField > MAX_LINE) return { code: 'header_too_large', status: 400 };
    for (const fault of faults) if (fault !== 'fold') return { code: `bad_header_${fault}`, status: 400 };
    const hosts = headers(request, 'host');
    if (hosts.length > 1 || hosts.some((host) => !validHost(host))) return { code: 'bad_host', status: 400 };
    if (hosts.length === 0 && (request.major > 1 || (request.major === 1 && request.minor > 0)))
      return { code: 'no_host', status: 400 };
    const { target, method } = request;
    const star = target === '*' && method === 'OPTIONS';
    if (!target.startsWith('/') && !star && method !== 'CONNECT' && !/^https?:\/\/./i.test(target))
      return { code: target.includes('://') ? 'bad_path_scheme' : 'bad_target', status: 400 };
    if (header(request, 'transfer-encoding') !== undefined && !isChunked(request))
      return { code: 'unknown_encoding', status: 400 };
    const lengths = headers(request, 'content-length');
    if (!isChunked(request) && (lengths.length > 1 || Number.isNaN(contentLength(request))))
      return { code: 'bad_length', status: 400 };
    const { fault } = pathOf(target);
    if (fault === 'encoding' || fault === 'above_root') return { code: `bad_path_${fault}`, status: 400 };
    const expect = header(request, 'expect');
    if (expect !== undefined && expect.toLowerCase() !== '100-continue')
      return { code: 'unknown_expectation', status: 417 };
    if ((contentLength(request) ?? 0) > MAX_BODY) return { code: 'body_too_large', status: 413 };
    return undefined;
  }

  return {
    name: 'apache',
    title: `Apache httpd ${version} ((Ubuntu))`,
    maxBodyBytes: MAX_BODY,
    idleMs: 5_000,
    requestMs: 40_000,
    skipsBlankLines: true,
    refusesPrefix: () => false,
    judgeLine,
    judgeHead,
    refusal(refusal, place, request) {
      // A request line or header that was not accepted leaves the host unknown.
      const known = refusal.status > 400 || refusal.code.startsWith('bad_path') || refusal.code === 'bad_chunk';
      return error(refusal.status, place, known ? request : undefined, [], refusal.code);
    },
    plainOnTls: (place, isHttp) => (isHttp ? error(400, place, undefined, [], 'plain_on_tls') : undefined),
    error: (status, place, request, extra) => error(status, place, request, extra),
    redirect: (location, place, request) => ({
      status: 301,
      type: 'text/html; charset=iso-8859-1',
      headers: [['Location', location]],
      body: page(301, `<p>The document has moved <a href="${escapeHtml(location)}">here</a>.</p>`, place, request),
    }),
    serve(path, request, place) {
      if (request.method === 'TRACE') {
        const refused = error(405, place, request);
        return { ...refused, headers: [['Allow', '']] };
      }
      if (request.method === 'CONNECT') return error(405, place, request);
      if (
        path.split('/').some((segment) => segment.startsWith('.ht')) ||
        path === '/server-status' ||
        path === '/icons/'
      )
        return error(403, place, request);
      const file = Object.hasOwn(files, path) ? files[path] : undefined;
      if (!METHODS.has(request.method)) return error(501, place, request);
      if (request.method === 'OPTIONS') {
        if (path === '*') return { status: 200, body: Buffer.alloc(0) };
        const options: Reply = { status: 200, body: Buffer.alloc(0), headers: [['Allow', ALLOW]] };
        return file === undefined ? options : { ...options, type: file.type };
      }
      if (request.method !== 'GET' && request.method !== 'HEAD' && request.method !== 'POST')
        return error(405, place, request);
      if (file === undefined) return error(404, place, request);
      const part = selectPart(request, file, etagOf(file));
      if (part === 'not_modified') return { status: 304, body: Buffer.alloc(0), file };
      if (part === 'unsatisfiable') return error(416, place, request);
      if (part === 'all') return { status: 200, body: file.body, file };
      return { status: 206, body: file.body, file, range: part };
    },
    continues: () => true,
    write: (reply, framing) => write(reply, framing, software),
  };
}

/** Status line and headers in the order of Apache's tables: the page's own, then length, Vary, keep-alive and type. */
function write(reply: Reply, framing: Framing, software: string): Buffer {
  const body = bodyOf(reply);
  if (framing.bare && reply.status < 400) return body;
  let head = `HTTP/1.1 ${reply.status} ${REASONS[reply.status] ?? ''}\r\nDate: ${framing.date}\r\nServer: ${software}\r\n`;
  if (reply.file !== undefined) {
    head += `Last-Modified: ${lastModified(reply.file)}\r\nETag: ${etagOf(reply.file)}\r\n`;
    head += 'Accept-Ranges: bytes\r\n';
  }
  for (const [name, value] of reply.headers ?? []) head += `${name}: ${value}\r\n`;
  // A HEAD request for an error page gets no length: the page is not made.
  const counted = reply.status !== 304 && !(framing.bodiless && reply.status >= 400);
  if (reply.file !== undefined || (reply.dynamic === true && reply.status === 200)) {
    if (counted && reply.range === undefined) head += `Content-Length: ${body.length}\r\nVary: Accept-Encoding\r\n`;
    else if (counted && reply.range !== undefined && reply.file !== undefined)
      head += `Content-Length: ${body.length}\r\nVary: Accept-Encoding\r\nContent-Range: bytes ${reply.range.from}-${reply.range.to}/${reply.file.body.length}\r\n`;
  } else if (counted) head += `Content-Length: ${body.length}\r\n`;
  if (framing.keepAlive && framing.asked && framing.answered < MAX_KEPT)
    head += `Keep-Alive: timeout=5, max=${MAX_KEPT - framing.answered}\r\nConnection: Keep-Alive\r\n`;
  else if (!framing.keepAlive) head += 'Connection: close\r\n';
  const type = reply.type ?? reply.file?.type;
  if (type && reply.status !== 304) head += `Content-Type: ${type}\r\n`;
  return finish(head, body, framing, false, reply.status);
}
