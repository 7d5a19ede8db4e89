/**
 * The design sandbox: the manager's API with invented data, and the built dashboard beside it under the same strict content security policy.
 *
 *     node web/dev/mock-api.ts [--port 8421] [--sessions 6000] [--every 3000] [--slow MS] [--fail] [--account]
 *
 * `--every` is the pause between live sessions in milliseconds (0: none), `--slow` delays every answer, `--fail` answers data routes with an
 * error, `--account` starts signed in by a one-time link without an account. Sign in as analyst / sundew, or with `#token=sandbox`.
 */
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { parseArgs } from 'node:util';
import { select, summary, timeline, top } from './query.ts';
import { eventsOf, type Recorded, transcriptOf, World } from './world.ts';

const { values: flags } = parseArgs({
  options: {
    port: { type: 'string', default: '8421' },
    sessions: { type: 'string', default: '6000' },
    every: { type: 'string', default: '3000' },
    slow: { type: 'string', default: '0' },
    fail: { type: 'boolean', default: false },
    account: { type: 'boolean', default: false },
  },
});

const DIST = join(import.meta.dirname, '../dist');
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};
const POLICY = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";
const MAX_BODY = 65_536;

const world = new World(Number(flags.sessions), Date.now());
let account = flags.account ? null : 'analyst';
const listeners = new Set<{ params: URLSearchParams; response: ServerResponse }>();

function answer(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): ServerResponse {
  const type = status >= 400 ? 'application/problem+json' : 'application/json';
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store', ...headers });
  return response.end(JSON.stringify(body));
}

function problem(response: ServerResponse, status: number, title: string, detail: string): ServerResponse {
  return answer(response, status, { type: 'about:blank', title, status, detail });
}

async function readBody(request: IncomingMessage): Promise<Record<string, unknown>> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > MAX_BODY) break;
    parts.push(part);
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString()) as Record<string, unknown>;
  } catch {
    return {};
  }
}

const SIGNED_IN = { 'set-cookie': 'sundew_session=sandbox; HttpOnly; SameSite=Strict; Path=/' };
const SIGNED_OUT = { 'set-cookie': 'sundew_session=; Max-Age=0; Path=/' };

async function post(path: string, request: IncomingMessage, response: ServerResponse): Promise<ServerResponse> {
  const body = await readBody(request);
  if (path === '/signout') return answer(response, 200, {}, SIGNED_OUT);
  if (path === '/account') {
    account = String(body.username);
    return answer(response, 200, {});
  }
  if (body.token === 'sandbox' || (body.username === 'analyst' && body.password === 'sundew'))
    return answer(response, 200, {}, SIGNED_IN);
  if (body.username === 'busy') return problem(response, 429, 'Too many attempts', 'Try again in 40 seconds.');
  if (body.token !== undefined)
    return problem(response, 401, 'Link no longer valid', 'This sign-in link has been used or has expired.');
  return problem(response, 401, 'Not signed in', 'The user name or the password is wrong.');
}

function page(rows: readonly Recorded[], params: URLSearchParams): { data: unknown[]; next: string | null } {
  const cursor = params.get('cursor');
  const limit = Number(params.get('limit') ?? 50);
  const newest = rows.toReversed();
  const start = cursor === null ? 0 : newest.findIndex((row) => row.session.id === cursor) + 1;
  const data = newest.slice(start, start + limit).map((row) => row.session);
  return { data, next: start + limit < newest.length ? (data.at(-1)?.id ?? null) : null };
}

function stream(params: URLSearchParams, response: ServerResponse): ServerResponse {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  response.write('event: ping\ndata: {}\n\n');
  const listener = { params, response };
  listeners.add(listener);
  return response.on('close', () => listeners.delete(listener));
}

function get(path: string, params: URLSearchParams, response: ServerResponse): ServerResponse {
  const found = (id: string): Recorded | undefined => world.sessions.find((row) => row.session.id === id);
  const [, id = '', rest] = /^\/sessions\/([^/]+)(\/transcript)?$/.exec(path) ?? [];
  if (path === '/me')
    return answer(response, 200, { username: account, role: 'admin', needs_password: account === null });
  if (path === '/stream') return stream(params, response);
  if (flags.fail)
    return problem(response, 503, 'Store unavailable', 'The store is being restarted. Sensors are waiting.');
  if (id !== '') {
    const row = found(id);
    if (row === undefined) return problem(response, 404, 'Not found', 'There is no session with this id.');
    if (rest === undefined) return answer(response, 200, row.session);
    return answer(response, 200, { data: transcriptOf(row), truncated: row.session.files > 0 });
  }
  if (path === '/events') {
    const row = found(params.get('session_id') ?? '');
    return answer(response, 200, { data: row === undefined ? [] : eventsOf(row), next: null });
  }
  const rows = select(world.sessions, params);
  const limit = Number(params.get('limit') ?? 10);
  switch (path) {
    case '/sessions':
      return answer(response, 200, page(rows, params));
    case '/stats/summary':
      return answer(response, 200, summary(rows));
    case '/stats/top': {
      const data = top(rows, params.get('by') ?? 'protocol', limit, params.get('unique') === 'src_ip');
      return answer(response, 200, { data, next: null });
    }
    case '/stats/timeline':
      return answer(response, 200, timeline(rows, params));
    default:
      return problem(response, 404, 'Not found', `There is no ${path}.`);
  }
}

async function file(path: string, response: ServerResponse): Promise<ServerResponse> {
  const name = extname(path) === '' ? '/index.html' : normalize(path);
  try {
    const bytes = await readFile(join(DIST, name));
    response.writeHead(200, {
      'content-type': TYPES[extname(name)] ?? 'application/octet-stream',
      'content-security-policy': POLICY,
    });
    return response.end(bytes);
  } catch {
    return response.writeHead(404).end('Run `vite build web` first.\n');
  }
}

const server = createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://sandbox');
  const serve = async (): Promise<ServerResponse> => {
    if (!url.pathname.startsWith('/api/v1/')) return file(url.pathname, response);
    const path = url.pathname.slice('/api/v1'.length);
    if (Number(flags.slow) > 0) await new Promise((done) => setTimeout(done, Number(flags.slow)));
    if (request.method === 'POST') return post(path, request, response);
    if (!(request.headers.cookie ?? '').includes('sundew_session=sandbox'))
      return problem(response, 401, 'Signed out', 'Sign in first.');
    return get(path, url.searchParams, response);
  };
  serve().catch((cause: unknown) => {
    process.stderr.write(`${String(cause)}\n`);
    response.destroy();
  });
});

if (Number(flags.every) > 0) {
  setInterval(() => {
    const recorded = world.add(Date.now());
    for (const { params, response } of listeners)
      if (select([recorded], params).length > 0)
        response.write(`event: session\ndata: ${JSON.stringify(recorded.session)}\n\n`);
  }, Number(flags.every));
}
setInterval(() => {
  for (const { response } of listeners) response.write('event: ping\ndata: {}\n\n');
}, 15_000);

server.listen(Number(flags.port), '127.0.0.1', () => {
  process.stdout.write(`Sandbox on http://127.0.0.1:${flags.port}/signin#token=sandbox\n`);
});
