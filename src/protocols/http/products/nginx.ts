/**
 * nginx 1.18.0 and 1.24.0 as Ubuntu packages them, default site. Answers and their order compared with nginx 1.22.1 on 2026-11-23.
 * 1.21.1 began to refuse spaces in the target and in header names, and Transfer-Encoding beside Content-Length or in HTTP/1.0.
 */
import type { Persona } from '../../surfaces/persona.ts';
import { header, headers, pathOf, type Request, type RequestLine } from '../message.ts';
import { nginxWelcome } from '../pages/nginx.ts';
import {
  bodyOf,
  contentLength,
  type Framing,
  finish,
  lastModified,
  type Product,
  type Refusal,
  type Reply,
  rootTime,
  type StaticFile,
  selectPart,
  validHost,
} from './product.ts';

/** large_client_header_buffers: one line must fit into 8 KiB, all of them into four such. */
const MAX_LINE = 8192;
const MAX_HEAD = 4 * 8192;
/** client_max_body_size. */
const MAX_BODY = 1_048_576;

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
  405: 'Not Allowed',
  413: 'Request Entity Too Large',
  414: 'Request-URI Too Large',
  416: 'Requested Range Not Satisfiable',
  501: 'Not Implemented',
  505: 'HTTP Version Not Supported',
};
/** A page whose title or extra line is not just its status. */
const SPECIAL: Readonly<Record<string, string>> = {
  header_too_large: 'Request Header Or Cookie Too Large',
  plain_on_tls: 'The plain HTTP request was sent to HTTPS port',
};

const etagOf = (file: StaticFile): string =>
  `"${Math.floor(file.modifiedMs / 1000).toString(16)}-${file.body.length.toString(16)}"`;

export function nginx(persona: Persona, version: string): Product {
  const software = `nginx/${version} (Ubuntu)`;
  const [, minor = 0] = version.split('.').map(Number);
  const strict = minor >= 22;
  const pages = new Map<string, Buffer>();
  const welcome: StaticFile = { type: 'text/html', body: nginxWelcome(version), modifiedMs: rootTime(persona) };
  const files: Readonly<Record<string, StaticFile>> = { '/': welcome, '/index.nginx-debian.html': welcome };

  function page(status: number, special = ''): Buffer {
    const key = `${status} ${special}`;
    const made = pages.get(key);
    if (made !== undefined) return made;
    const heading = status === 401 ? '401 Authorization Required' : `${status} ${REASONS[status] ?? ''}`;
    const note = SPECIAL[special];
    const body = Buffer.from(
      [
        '<html>',
        `<head><title>${note === undefined ? heading : `${status} ${note}`}</title></head>`,
        '<body>',
        `<center><h1>${heading}</h1></center>`,
        ...(note === undefined ? [] : [`<center>${note}</center>`]),
        `<hr><center>${software}</center>`,
        '</body>',
        '</html>',
        '',
      ].join('\r\n'),
    );
    pages.set(key, body);
    return body;
  }

  function judgeLine(line: RequestLine): Refusal | undefined {
    const bad = { code: 'bad_request_line', status: 400 };
    if (line.method.length + line.target.length + line.version.length + 2 > MAX_LINE)
      return { code: 'line_too_long', status: 414 };
    if (!/^[A-Z_-]+$/.test(line.method)) return { code: 'bad_method', status: 400 };
    if (!line.target.startsWith('/') && !/^[A-Za-z]+:\/\/./.test(line.target)) return bad;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
    if (strict ? /[\x00-\x20\x7f]/.test(line.target) : line.target.includes('\0')) return bad;
    if (line.version === '') return line.method === 'GET' ? undefined : bad;
    if (line.major > 1) return { code: 'version_not_supported', status: 505 };
    return line.major === 1 ? undefined : bad;
  }

  function judgeHead(request: Request): Refusal | undefined {
    const { faults } = request;
    const total = request.fields.reduce((sum, field) => sum + field.name.length + field.value.length + 4, 0);
    if (request.longestField > MAX_LINE || total > MAX_HEAD) return { code: 'header_too_large', status: 400 };
    if (faults.has('control')) return { code: 'bad_header', status: 400 };
    if (strict && (faults.has('empty_name') || faults.has('space_in_name') || faults.has('fold')))
      return { code: 'bad_header', status: 400 };
    const hosts = headers(request, 'host');
    if (hosts.length > 1 || hosts.some((host) => !validHost(host))) return { code: 'bad_host', status: 400 };
    if (hosts.length === 0 && request.major === 1 && request.minor > 0) return { code: 'no_host', status: 400 };
    const encoding = header(request, 'transfer-encoding');
    const length = contentLength(request);
    if (headers(request, 'content-length').length > 1 || Number.isNaN(length))
      return { code: 'bad_length', status: 400 };
    if (encoding !== undefined) {
      if (strict && request.minor === 0) return { code: 'bad_encoding', status: 400 };
      if (encoding.toLowerCase() === 'chunked') {
        if (strict && length !== undefined) return { code: 'bad_encoding', status: 400 };
      } else if (strict || encoding.toLowerCase() !== 'identity') return { code: 'unknown_encoding', status: 501 };
    }
    const { fault } = pathOf(request.target);
    if (fault !== undefined) return { code: `bad_path_${fault}`, status: 400 };
    if (length !== undefined && length > MAX_BODY) return { code: 'body_too_large', status: 413 };
    if (request.method === 'TRACE') return { code: 'trace', status: 405 };
    return undefined;
  }

  const error: Product['error'] = (status, _place, _request, extra) => ({
    status,
    type: 'text/html',
    body: page(status),
    ...(extra === undefined ? {} : { headers: extra }),
  });

  return {
    name: 'nginx',
    title: `nginx ${version} (Ubuntu)`,
    maxBodyBytes: MAX_BODY,
    idleMs: 65_000,
    requestMs: 60_000,
    skipsBlankLines: true,
    refusesPrefix(bytes) {
      const word = bytes.toString('latin1', 0, 64);
      const space = word.indexOf(' ');
      return !/^[A-Z_-]*\r?$/.test(space < 0 ? word : word.slice(0, space));
    },
    judgeLine,
    judgeHead,
    refusal: (refusal) => ({
      status: refusal.status,
      type: 'text/html',
      body: page(refusal.status, refusal.code),
      closes: true,
    }),
    plainOnTls: (_place, isHttp) => ({
      status: 400,
      type: 'text/html',
      body: page(400, isHttp ? 'plain_on_tls' : ''),
      closes: true,
    }),
    error,
    redirect: (location) => ({ status: 301, type: 'text/html', body: page(301), headers: [['Location', location]] }),
    serve(path, request, place) {
      if (path.split('/').some((segment) => segment.startsWith('.ht'))) return error(403, place, request);
      const file = Object.hasOwn(files, path) ? files[path] : undefined;
      if (file === undefined) return error(404, place, request);
      if (request.method !== 'GET' && request.method !== 'HEAD') return error(405, place, request);
      const part = selectPart(request, file, etagOf(file));
      if (part === 'not_modified') return { status: 304, body: Buffer.alloc(0), file };
      if (part === 'unsatisfiable')
        return error(416, place, request, [['Content-Range', `bytes */${file.body.length}`]]);
      if (part === 'all') return { status: 200, body: file.body, file };
      return { status: 206, body: file.body, file, range: part };
    },
    continues: (dynamic) => dynamic,
    write: (reply, framing) => write(reply, framing, software),
  };
}

/** Status line and headers in the order of ngx_http_header_filter; what an application or a module added comes after Connection. */
function write(reply: Reply, framing: Framing, software: string): Buffer {
  const body = bodyOf(reply);
  if (framing.bare) return body;
  const chunked = reply.dynamic === true && framing.http11 && reply.status !== 304;
  // A redirect of its own stands before Connection, one from an application among the application's headers.
  const location = reply.dynamic === true ? undefined : reply.headers?.find(([name]) => name === 'Location');
  let head = `HTTP/1.1 ${reply.status} ${REASONS[reply.status] ?? ''}\r\nServer: ${software}\r\nDate: ${framing.date}\r\n`;
  const type = reply.type ?? reply.file?.type;
  if (reply.status !== 304) {
    if (type) head += `Content-Type: ${type}\r\n`;
    if (!chunked && reply.dynamic !== true) head += `Content-Length: ${body.length}\r\n`;
  }
  if (reply.file !== undefined) head += `Last-Modified: ${lastModified(reply.file)}\r\n`;
  if (chunked) head += 'Transfer-Encoding: chunked\r\n';
  if (location !== undefined) head += `Location: ${location[1]}\r\n`;
  head += framing.keepAlive ? 'Connection: keep-alive\r\n' : 'Connection: close\r\n';
  for (const field of reply.headers ?? []) if (field !== location) head += `${field[0]}: ${field[1]}\r\n`;
  if (reply.file !== undefined) {
    head += `ETag: ${etagOf(reply.file)}\r\n`;
    if (reply.status === 200) head += 'Accept-Ranges: bytes\r\n';
    if (reply.range !== undefined)
      head += `Content-Range: bytes ${reply.range.from}-${reply.range.to}/${reply.file.body.length}\r\n`;
  }
  return finish(head, body, framing, chunked, reply.status);
}
