/** The API as its description says it: who may ask what, and what it answers to who asks wrongly. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Answer, type Ask, asker, json } from '../support/api.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

interface Operation {
  summary?: string;
  security?: unknown[];
  parameters?: { name: string; in: string; required?: boolean; schema: unknown }[];
  requestBody?: { content: Record<string, { schema: unknown }> };
  responses: Record<string, { description: string; content?: Record<string, { schema: unknown }> }>;
}
interface Description {
  openapi: string;
  info: { title: string; version: string };
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, unknown>; securitySchemes: Record<string, unknown> };
}

const PREFIX = '/api/v1';
const ABSENT = '0199ffff-0000-7000-8000-000000000000';
const EXAMPLES: Readonly<Record<string, string>> = {
  id: ABSENT,
  ip: '192.0.2.1',
  sha256: '0'.repeat(64),
  name: 'nobody',
  fingerprint: 'f00d',
};

let stack: Stack;
let ask: Ask;
let description: Description;
let admin: string;
let analyst: string;
before(async () => {
  stack = await startStack();
  ask = asker(stack.url);
  const make = async (name: string, role: string): Promise<string> =>
    (await stack.client.send<{ token: string }>('POST', '/tokens', { name, role })).token;
  admin = await make('admin', 'admin');
  analyst = await make('analyst', 'analyst');
  description = await stack.client.get<Description>('/openapi.json');
});
after(async () => {
  await stack?.stop();
});

interface Route {
  method: string;
  path: string;
  /** The path with values for its parameters. */
  example: string;
  operation: Operation;
}

const routes = (): Route[] =>
  Object.entries(description.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path: path.slice(PREFIX.length),
      example: path.slice(PREFIX.length).replace(/\{(\w+)\}/g, (_, name: string) => EXAMPLES[name] ?? 'missing'),
      operation,
    })),
  );
const isOpen = ({ operation }: Route): boolean => operation.security?.length === 0;
const nameOf = ({ method, path }: Route): string => `${method} ${path}`;

function checkProblem(answer: Answer, status: number, mentions?: string | RegExp): void {
  assert.equal(answer.status, status, answer.text);
  assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/);
  const problem = answer.json<{ type: string; title: string; status: number; detail?: string }>();
  assert.equal(problem.status, status);
  assert.ok(problem.type.length > 0 && problem.title.length > 0, answer.text);
  if (mentions !== undefined) assert.ok(new RegExp(mentions).test(problem.detail ?? ''), answer.text);
}

describe('the description', () => {
  test('is OpenAPI 3.1 with every path of the API', () => {
    assert.match(description.openapi, /^3\.1\.\d+$/);
    assert.ok(description.info.title.length > 0 && description.info.version.length > 0);
    const paths = new Set(routes().map(nameOf));
    for (const wanted of [
      ...['GET /health', 'POST /ingest', 'GET /sessions', 'GET /sessions/{id}', 'GET /sessions/{id}/transcript'],
      ...['GET /events', 'GET /stats/summary', 'GET /stats/top', 'GET /stats/timeline', 'GET /stats/matrix'],
      ...['GET /sources', 'GET /sources/{ip}', 'GET /credentials', 'GET /artifacts', 'GET /artifacts/{sha256}'],
      ...['GET /stream', 'GET /sensors', 'GET /users', 'GET /tokens', 'GET /export', 'GET /metrics'],
    ])
      assert.ok(paths.has(wanted), wanted);
  });

  test('describes every operation, its parameters and its answers, and refers to nothing that is not there', () => {
    for (const route of routes()) {
      const { operation, path } = route;
      assert.ok(operation.summary, nameOf(route));
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const given = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
      assert.deepEqual(given.map(({ name }) => name).sort(), inPath.sort(), nameOf(route));
      for (const parameter of operation.parameters ?? []) {
        assert.ok(['path', 'query'].includes(parameter.in) && parameter.schema !== undefined, nameOf(route));
        if (parameter.in === 'path') assert.equal(parameter.required, true, nameOf(route));
      }
      const statuses = Object.keys(operation.responses);
      assert.ok(statuses.some((status) => /^2\d\d$/.test(status)) && statuses.includes('default'), nameOf(route));
      for (const response of Object.values(operation.responses)) assert.equal(typeof response.description, 'string');
    }
    const resolve = (reference: string): unknown =>
      reference
        .slice(2)
        .split('/')
        .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], description);
    const references = [...JSON.stringify(description).matchAll(/"\$ref":"(#[^"]+)"/g)].map(([, one]) => one as string);
    assert.ok(references.length > 10);
    for (const reference of references) assert.notEqual(resolve(reference), undefined, reference);
  });

  test('is what the routes answer: each answer has the properties that its schema requires', async () => {
    for (const route of routes().filter(
      ({ method, path }) => method === 'GET' && !/\{|stream|export|metrics/.test(path),
    )) {
      const query = (route.operation.parameters ?? [])
        .filter(({ required }) => required)
        .map(({ name }) => `${name}=protocol`)
        .join('&');
      const answer = await ask('GET', `${route.example}?${query}`, { token: admin });
      assert.equal(answer.status, 200, `${nameOf(route)}: ${answer.text}`);
      const schema = route.operation.responses['200']?.content?.['application/json']?.schema as
        | { $ref?: string; required?: string[] }
        | undefined;
      const own =
        schema?.$ref === undefined
          ? schema
          : (description.components.schemas[schema.$ref.split('/').at(-1) ?? ''] as { required?: string[] });
      for (const name of own?.required ?? [])
        assert.ok(name in answer.json<Record<string, unknown>>(), `${nameOf(route)} lacks ${name}`);
    }
  });
});

describe('who may ask', () => {
  test('every route that is not open refuses who shows no credential, a wrong one, or that of a sensor', async () => {
    const { token: sensorToken } = await stack.client.send<{ token: string }>('POST', '/sensors', { name: 'stranger' });
    const open = routes().filter(isOpen).map(nameOf);
    assert.deepEqual(open.sort(), ['GET /health', 'POST /signin', 'POST /signout']);
    for (const route of routes().filter((one) => !isOpen(one))) {
      const isSensors = route.path.startsWith('/ingest');
      for (const token of [undefined, 'wrong', 'sdt_wrong', isSensors ? admin : sensorToken]) {
        const answer = await ask(route.method, route.example, token === undefined ? {} : { token });
        assert.equal(answer.status, 401, `${nameOf(route)} with ${token}: ${answer.text}`);
        checkProblem(answer, 401);
      }
    }
    for (const header of ['Basic YTpi', 'Bearer', `Bearer  ${admin}`, admin])
      checkProblem(await ask('GET', '/sessions', { headers: { authorization: header } }), 401);
  });

  test('an analyst may ask everything, and change and see nothing of users, tokens, sensors and imports', async () => {
    const forAdmins = /^(POST \/sensors|\w+ \/users|\w+ \/tokens|\w+ \/imports)/;
    for (const route of routes().filter(
      (one) => !isOpen(one) && !one.path.startsWith('/ingest') && one.path !== '/stream',
    )) {
      const answer = await ask(route.method, route.example, { token: analyst });
      if (forAdmins.test(nameOf(route))) checkProblem(answer, 403);
      else assert.ok(![401].includes(answer.status), `${nameOf(route)}: ${answer.status}`);
      if (route.method === 'GET' && !forAdmins.test(nameOf(route))) assert.notEqual(answer.status, 403, nameOf(route));
    }
  });

  test('a token that was removed works no more', async () => {
    const { token } = await stack.client.send<{ token: string }>('POST', '/tokens', { name: 'short-lived' });
    assert.equal((await ask('GET', '/me', { token })).status, 200);
    await stack.client.send('DELETE', '/tokens/short-lived');
    checkProblem(await ask('GET', '/me', { token }), 401);
  });
});

describe('a wrong question', () => {
  test('with a parameter that a route does not know is refused on every route, and the parameter is named', async () => {
    for (const route of routes().filter(({ method, path }) => method === 'GET' && path !== '/stream')) {
      const required = (route.operation.parameters ?? []).filter(
        (parameter) => parameter.in === 'query' && parameter.required,
      );
      const query = [...required.map(({ name }) => `${name}=protocol`), 'surprise=1', 'sesnor=x'].join('&');
      const answer = await ask('GET', `${route.example}?${query}`, { token: admin });
      assert.equal(answer.status, 400, `${nameOf(route)}: ${answer.text}`);
      checkProblem(answer, 400, 'surprise');
      checkProblem(answer, 400, 'sesnor');
    }
    checkProblem(await ask('GET', '/stream?surprise=1', { token: admin }), 400, 'surprise');
  });

  test('with impossible values is refused with where they are, and none is a fault of the manager', async () => {
    for (const [path, mentions] of [
      ['/sessions?limit=0', 'limit'],
      ['/sessions?limit=1001', 'limit'],
      ['/sessions?limit=abc', 'limit'],
      ['/sessions?from=yesterday', 'from'],
      ['/sessions?src_ip=10.0.0.0/33', 'src_ip'],
      ['/sessions?src_ip=10.0.0.0/8/8', 'src_ip'],
      ['/sessions?src_ip=fe80::1%25eth0', 'src_ip'],
      ['/sessions?dst_port=65536', 'dst_port'],
      ['/sessions?order=sideways', 'order'],
      ['/sessions?cursor=nonsense', 'cursor'],
      ['/sessions/not-a-uuid', 'id'],
      ['/sources/999.1.1.1', 'ip'],
      ['/artifacts/xyz', 'sha256'],
      ['/stats/top', 'by'],
      ['/stats/top?by=nothing', 'by'],
      ['/stats/timeline?by=credential', 'by'],
      ['/stats/timeline?interval=fortnight', 'interval'],
      [`/sessions?${Array.from({ length: 101 }, (_, n) => `country=${n}`).join('&')}`, 'country'],
      ['/export?format=exe', 'format'],
    ] as const)
      checkProblem(await ask('GET', path, { token: admin }), 400, mentions);
    for (const path of [
      '/sessions?q=%ff%00',
      '/events?username=%27%22%5C%00',
      "/stats/top?by=username&country='",
      '/sessions?from=0000-01-01T00:00:00%2B23:59',
    ])
      assert.equal((await ask('GET', path, { token: admin })).status, 200, path);
  });

  test('for what is not there is told so', async () => {
    for (const path of [
      `/sessions/${ABSENT}`,
      '/sources/192.0.2.1',
      '/sources/::',
      `/artifacts/${'0'.repeat(64)}`,
      '/nothing',
      '/imports/none',
    ])
      checkProblem(await ask('GET', path, { token: admin }), 404);
    checkProblem(await ask('DELETE', '/users/nobody', { token: admin }), 404, 'nobody');
    checkProblem(await ask('DELETE', '/tokens/nothing', { token: admin }), 404);
    checkProblem(
      await ask('PUT', '/users/nobody/password', { token: admin, ...withJson({ password: 'long enough to be one' }) }),
      404,
    );
  });

  test('that was answered before is a conflict', async () => {
    const user = { username: 'ann', password: 'correct horse battery' };
    assert.equal((await ask('POST', '/users', { token: admin, ...withJson(user) })).status, 201);
    checkProblem(await ask('POST', '/users', { token: admin, ...withJson(user) }), 409, 'ann');
    checkProblem(await ask('POST', '/tokens', { token: admin, ...withJson({ name: 'admin' }) }), 409);
    assert.equal((await ask('POST', '/sensors', { token: admin, ...withJson({ name: 'porch' }) })).status, 201);
    checkProblem(await ask('POST', '/sensors', { token: admin, ...withJson({ name: 'porch' }) }), 409);
  });

  test('with a body that is none, too much, or of another kind is refused', async () => {
    const send = async (body: string, type = 'application/json'): Promise<Answer> =>
      await ask('POST', '/users', { token: admin, body, headers: { 'content-type': type } });
    checkProblem(await send('{"username":'), 400);
    checkProblem(await send(''), 400);
    checkProblem(await send('[]'), 400);
    checkProblem(await send('{"username":"x","password":"long enough to be one","role":"root"}'), 400, 'role');
    checkProblem(await send('{"username":"x","password":"long enough to be one","admin":true}'), 400, 'admin');
    checkProblem(await send('{"username":"bob","password":"short"}'), 400, 'at least 12');
    checkProblem(await send(JSON.stringify({ username: 'x'.repeat(1_100_000) })), 413);
    checkProblem(await send('a=b', 'application/x-www-form-urlencoded'), 415);
    checkProblem(await send('{"__proto__":{"role":"admin"},"username":"x","password":"long enough to be one"}'), 400);
  });
});

const withJson = (value: unknown): { headers: Record<string, string>; body: string } => ({
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(value),
});

describe('a browser', () => {
  const own = (): string => stack.url;
  let cookie: string;

  test('signs in once with the link, and gets a cookie that scripts and other sites cannot use', async () => {
    const answer = await ask('POST', '/signin', json({ token: stack.signInToken }));
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(answer.json(), { username: 'owner', role: 'admin', needs_password: true });
    const given = answer.headers.get('set-cookie') ?? '';
    assert.match(given, /; HttpOnly/);
    assert.match(given, /; SameSite=Strict/);
    assert.match(given, /; Path=\//);
    assert.match(given, /; Max-Age=\d+/);
    assert.doesNotMatch(given, /Secure/, 'over plain HTTP a browser would drop it');
    cookie = given.split(';')[0] ?? '';
    checkProblem(await ask('POST', '/signin', json({ token: stack.signInToken })), 401, 'link');
    assert.equal((await ask('GET', '/me', { headers: { cookie } })).status, 200);
    checkProblem(await ask('GET', '/me', { headers: { cookie: `${cookie}x` } }), 401);
  });

  test('that shows a page of another site changes nothing, signed in or not', async () => {
    const body = JSON.stringify({ name: 'forged' });
    for (const origin of ['https://evil.example', 'null', `${own()}.evil.example`, 'http://127.0.0.1:1', 'nonsense']) {
      const headers = { cookie, origin, 'content-type': 'application/json' };
      checkProblem(await ask('POST', '/tokens', { headers, body }), 403, 'another site');
      checkProblem(await ask('POST', '/signin', { ...json({ token: 'x' }), headers: { ...headers, cookie: '' } }), 403);
    }
    assert.ok(!(await ask('GET', '/tokens', { token: admin })).text.includes('forged'));
    const same = await ask('POST', '/tokens', {
      headers: { cookie, origin: own(), 'content-type': 'application/json' },
      body,
    });
    assert.equal(same.status, 201, same.text);
  });

  test('may run no script but ours, and shows us in no frame', async () => {
    const policy = (await ask('GET', '/health')).headers.get('content-security-policy') ?? '';
    assert.match(policy, /default-src 'none'/);
    assert.match(policy, /script-src 'self'(;|$)/);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.equal((await ask('GET', '/health')).headers.get('x-content-type-options'), 'nosniff');
  });

  test('chooses a name and a password once, and is signed out when it says so', async () => {
    const claim = async (username: string): Promise<Answer> =>
      await ask('POST', '/account', {
        headers: { cookie, 'content-type': 'application/json' },
        body: JSON.stringify({ username, password: 'correct horse battery' }),
      });
    assert.equal((await claim('ada')).status, 200);
    checkProblem(await claim('eve'), 409);
    assert.equal((await ask('POST', '/signout', { headers: { cookie } })).status, 204);
    checkProblem(await ask('GET', '/me', { headers: { cookie } }), 401);
    checkProblem(
      await ask('POST', '/account', { token: admin, ...json({ username: 'x', password: 'long enough to be' }) }),
      403,
    );
  });

  test('that guesses passwords is stopped after a few, whatever it says of itself', async () => {
    const statuses: number[] = [];
    for (let n = 0; n < 12; n += 1) {
      const headers = { 'content-type': 'application/json', 'x-forwarded-for': `198.51.100.${n}` };
      const body = JSON.stringify({ username: 'ada', password: `guess ${n}` });
      const answer = await ask('POST', '/signin', { headers, body });
      statuses.push(answer.status);
      checkProblem(answer, answer.status);
    }
    assert.ok(statuses.includes(401));
    assert.equal(statuses.at(-1), 429);
    const { headers } = await ask('POST', '/signin', json({ username: 'ada', password: 'x' }));
    assert.ok(Number(headers.get('retry-after')) > 0);
  });
});

test('metrics are for who is signed in, in the form that Prometheus reads', async () => {
  const { text, headers } = await ask('GET', '/metrics', { token: analyst });
  assert.match(headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  for (const name of ['sundew_intake_waiting_records', 'sundew_disk_free_bytes', 'process_resident_memory_bytes'])
    assert.match(text, new RegExp(`^${name} [0-9.e+]+$`, 'm'));
});

test('a store that is down is told as such, and the rest goes on', async () => {
  assert.deepEqual((await ask('GET', '/health')).json(), { status: 'ok', store: true, room: true });
  await stack.store.stop();
  for (const path of ['/sessions', '/stats/summary', '/export', '/credentials']) {
    const answer = await ask('GET', path, { token: admin });
    checkProblem(answer, 503);
    assert.ok(Number(answer.headers.get('retry-after')) > 0);
  }
  const health = await until('the health to say so', async () => {
    const now = (await ask('GET', '/health')).json<{ status: string; store: boolean }>();
    return now.store ? undefined : now;
  });
  assert.equal(health.status, 'degraded');
  for (const path of ['/sensors', '/users', '/status', '/metrics'])
    assert.equal((await ask('GET', path, { token: admin })).status, 200);
});
