import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { conforms } from '../conformance.ts';
import { type Played, type PlayOptions, play, TEST_NOW } from '../play.ts';
import type { Persona } from '../surfaces/persona.ts';
import { makePersona } from '../surfaces/personas.ts';
import { http } from './service.ts';

const folder = join(import.meta.dirname, 'fixtures');
const fixtures = Object.fromEntries(
  readdirSync(folder)
    .filter((name) => name.endsWith('.bin') && !name.includes('tls'))
    .map((name) => [name, readFileSync(join(folder, name))]),
);

function persona(kind: Persona['kind'], software: string): Persona {
  for (let fill = 1; fill < 64; fill += 1) {
    const made = makePersona(kind, Buffer.alloc(32, fill), TEST_NOW);
    if (`${made.products.http?.name} ${made.products.http?.version}`.startsWith(software)) return made;
  }
  throw new Error(`no seed makes ${software}`);
}
const NGINX = persona('ubuntu-server', 'nginx 1.18');
const NGINX_NEW = persona('ubuntu-server', 'nginx 1.24');
const APACHE = persona('ubuntu-server', 'Apache');
const IIS = persona('windows-server', 'Microsoft');

conforms(http, fixtures, { persona: APACHE });
conforms(
  http,
  { 'curl-keepalive': fixtures['curl-keepalive.bin'] ?? '', 'hydra-form': fixtures['hydra-form.bin'] ?? '' },
  { persona: NGINX },
);
conforms(
  http,
  { 'curl-multipart': fixtures['curl-multipart.bin'] ?? '', 'nmap-help': fixtures['nmap-help.bin'] ?? '' },
  { persona: IIS },
);

function talk(given: Persona, text: string, options: PlayOptions['options'] = {}): Played {
  return play(http, [Buffer.from(text, 'latin1')], { persona: given, options });
}
const statuses = (played: Played): number[] =>
  [...played.sent.matchAll(/HTTP\/1\.1 (\d{3})/g)].map((match) => Number(match[1]));
const ofType = (played: Played, type: string): Record<string, unknown>[] =>
  played.events.filter((event) => event.type === type).map((event) => event.fields);
const names = (played: Played): string[] =>
  (played.sent.split('\r\n\r\n')[0] ?? '')
    .split('\r\n')
    .slice(1)
    .map((line) => line.slice(0, line.indexOf(':')));

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';

test('each product sends its own headers in its own order', () => {
  assert.deepEqual(names(talk(NGINX, GET)), [
    'Server',
    'Date',
    'Content-Type',
    'Content-Length',
    'Last-Modified',
    'Connection',
    'ETag',
    'Accept-Ranges',
  ]);
  assert.deepEqual(names(talk(APACHE, GET)), [
    'Date',
    'Server',
    'Last-Modified',
    'ETag',
    'Accept-Ranges',
    'Content-Length',
    'Vary',
    'Content-Type',
  ]);
  assert.deepEqual(
    names(talk(IIS, GET)).filter((name) => name !== 'X-Powered-By'),
    ['Content-Type', 'Last-Modified', 'Accept-Ranges', 'ETag', 'Server', 'Date', 'Content-Length'],
  );
});

test('odd requests get the status that the real server gives them', () => {
  const post = (rest: string): string => `POST / HTTP/1.1\r\nHost: x\r\n${rest}`;
  const long = 'a'.repeat(9000);
  const cases: [string, number | undefined, number | undefined, number | undefined][] = [
    ['GET /nope HTTP/1.1\r\nHost: x\r\n\r\n', 404, 404, 404],
    ['GET / HTTP/1.1\r\n\r\n', 400, 400, 400],
    ['GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400, 400, 400],
    ['GET / HTTP/2.0\r\nHost: x\r\n\r\n', 505, 200, 505],
    ['get / HTTP/1.1\r\nHost: x\r\n\r\n', 400, 501, 405],
    ['G@T / HTTP/1.1\r\nHost: x\r\n\r\n', 400, 400, 400],
    ['FOO / HTTP/1.1\r\nHost: x\r\n\r\n', 405, 501, 405],
    ['OPTIONS / HTTP/1.1\r\nHost: x\r\n\r\n', 405, 200, 200],
    ['OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n', 400, 200, 200],
    ['TRACE / HTTP/1.1\r\nHost: x\r\n\r\n', 405, 405, 501],
    ['DELETE / HTTP/1.1\r\nHost: x\r\n\r\n', 405, 405, 405],
    [post('Content-Length: 3\r\n\r\nabc'), 405, 200, 405],
    [post('\r\n'), 405, 200, 411],
    [post('Content-Length: abc\r\n\r\n'), 400, 400, 400],
    [post('Content-Length: 1\r\nContent-Length: 2\r\n\r\nab'), 400, 400, 400],
    [post('Transfer-Encoding: foo\r\n\r\n'), 501, 400, 501],
    [post('Content-Length: 9000000\r\n\r\n'), 413, undefined, undefined],
    [`GET /${long} HTTP/1.1\r\nHost: x\r\n\r\n`, 414, 414, 400],
    [`GET / HTTP/1.1\r\nHost: x\r\nX: ${long}\r\n\r\n`, 400, 400, 200],
    ['GET /../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n', 400, 400, 404],
    ['GET / HTTP/1.1\nHost: x\n\n', 200, 400, 200],
    ['GET / HTTP/1.1\r\nHost: x\r\nExpect: foo\r\n\r\n', 200, 417, 200],
    ['GET / HTTP/1.1\r\nHost: x\r\nRange: bytes=0-4\r\n\r\n', 206, 206, 206],
    ['GET / HTTP/1.1\r\nHost: x\r\nRange: bytes=99999-\r\n\r\n', 416, 416, 416],
    ['GET / HTTP/1.1\r\nHost: x\r\nIf-None-Match: *\r\n\r\n', 304, 304, 304],
    ['\x03\x00\x00\x13\x0e\xe0', 400, undefined, 400],
  ];
  for (const [text, nginx, apache, iis] of cases)
    for (const [machine, expected] of [
      [NGINX, nginx],
      [APACHE, apache],
      [IIS, iis],
    ] as const) {
      const seen = talk(machine, text);
      assert.equal(statuses(seen)[0], expected, `${machine.products.http?.name}: ${text.slice(0, 70)}`);
    }
});

test('nginx refuses a space in the target only since 1.21', () => {
  const text = 'GET /a b HTTP/1.1\r\nHost: x\r\n\r\n';
  assert.deepEqual(statuses(talk(NGINX, text)), [404]);
  assert.deepEqual(statuses(talk(NGINX_NEW, text)), [400]);
});

test('the lengths of the pages are those of the real server', () => {
  const length = (played: Played): string | undefined => /Content-Length: (\d+)/.exec(played.sent)?.[1];
  assert.equal(length(talk(NGINX, GET)), '612');
  assert.equal(length(talk(NGINX_NEW, GET)), '615');
  assert.equal(length(talk(NGINX, 'GET /x HTTP/1.1\r\nHost: x\r\n\r\n')), '162');
  assert.equal(length(talk(IIS, GET)), '703');
  assert.equal(length(talk(IIS, 'GET /x HTTP/1.1\r\nHost: x\r\n\r\n')), '1245');
  assert.equal(length(talk(IIS, 'HELP\r\n')), '326');
  assert.equal(length(talk(IIS, 'GET / HTTP/1.1\r\n\r\n')), '334');
});

test('pipelined requests are answered in order and Connection: close ends the connection', () => {
  const played = talk(
    NGINX,
    'GET /nope HTTP/1.1\r\nHost: x\r\n\r\nHEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\nGET / HTTP/1.1\r\n\r\n',
  );
  assert.deepEqual(statuses(played), [404, 200]);
  assert.equal(played.closed, 'service_closed');
  assert.ok(played.sent.endsWith('\r\n\r\n'), 'HEAD has no body');
});

test('HTTP/1.0 is closed unless it asks to be kept, and Apache counts down what it keeps', () => {
  assert.equal(talk(APACHE, 'GET / HTTP/1.0\r\n\r\n').closed, 'service_closed');
  const kept = talk(APACHE, 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n'.repeat(2));
  assert.deepEqual(kept.sent.match(/max=\d+/g), ['max=100', 'max=99']);
  assert.equal(kept.closed, 'idle', 'closed only by the idle time');
});

test('a request is recorded as it came, with the status it got', () => {
  const played = talk(
    APACHE,
    'POST /a?b=%ff HTTP/1.1\r\nhOsT: x\r\nX-Y:  z\xe9\r\nContent-Length: 4\r\n\r\n\x00a\xffb',
  );
  assert.deepEqual(ofType(played, 'request'), [
    {
      method: 'POST',
      target: '/a?b=%ff',
      version: 'HTTP/1.1',
      headers: [
        ['hOsT', 'x'],
        ['X-Y', 'z\\xe9'],
        ['Content-Length', '4'],
      ],
      body: '\0a\\xffb',
      body_bytes: 4,
      status: 404,
    },
  ]);
});

test('a refused stream is recorded whole before it is answered', () => {
  const played = play(http, [Buffer.from('\x03'), Buffer.from('\x00\x00\x13Cookie: mstshash=Administr\r\n')], {
    persona: NGINX,
  });
  assert.deepEqual(ofType(played, 'peer.malformed'), [
    { code: 'bad_method', bytes: '\x03\0\0\x13Cookie: mstshash=Administr\r\n' },
  ]);
  assert.equal(played.closed, 'protocol_error');
});

test('a peer that leaves in the middle leaves what it had sent', () => {
  const half = talk(NGINX, 'POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc');
  assert.equal(half.closed, 'idle');
  assert.equal(ofType(half, 'request')[0]?.body, 'abc');
  assert.equal(ofType(half, 'request')[0]?.status, undefined);
  assert.equal(ofType(talk(NGINX, 'GET /slow HTTP/1.1\r\nX-a: b\r\n'), 'request')[0]?.target, '/slow');
  assert.equal(ofType(talk(APACHE, 'GET /par'), 'peer.malformed')[0]?.code, 'request_unfinished');
});

test('100 Continue comes before the body where the real server sends it', () => {
  const head = 'POST /wp-login.php HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n';
  assert.deepEqual(statuses(talk(NGINX, `${head}log=a&pwd=b`)), [100, 200]);
  assert.deepEqual(statuses(talk(NGINX, `${head.replace('/wp-login.php', '/nope')}log=a&pwd=b`)), [404]);
  assert.deepEqual(statuses(talk(APACHE, `${head}log=a&pwd=b`)), [100, 200]);
});

test('a body beyond the bound is kept up to it, counted whole, and said so', () => {
  const played = talk(APACHE, `PUT /x.jsp HTTP/1.1\r\nHost: x\r\nContent-Length: 3000\r\n\r\n${'z'.repeat(3000)}`, {
    maxBodyBytes: 1024,
  });
  assert.deepEqual(ofType(played, 'limit.reached'), [{ limit: 'body_bytes', value: 1024 }]);
  assert.equal(ofType(played, 'request')[0]?.body_bytes, 3000);
  const captured = ofType(played, 'file.captured')[0];
  assert.deepEqual(
    [captured?.name, captured?.via, captured?.bytes, captured?.truncated],
    ['x.jsp', 'upload', 1024, true],
  );
});

test('two sensors differ in all that a scanner could search for', () => {
  const first = makePersona('windows-server', Buffer.alloc(32, 3), TEST_NOW);
  const second = makePersona('windows-server', Buffer.alloc(32, 4), TEST_NOW);
  const etag = (given: Persona): string | undefined => /ETag: (.*)/.exec(talk(given, GET).sent)?.[1];
  assert.notEqual(etag(first), etag(second));
});
