import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { type Played, play, TEST_NOW } from '../../play.ts';
import type { Persona } from '../../surfaces/persona.ts';
import { makePersona } from '../../surfaces/personas.ts';
import { http } from '../service.ts';

function persona(kind: Persona['kind'], software: string): Persona {
  for (let fill = 1; fill < 64; fill += 1) {
    const made = makePersona(kind, Buffer.alloc(32, fill), TEST_NOW);
    if (made.products.http?.name.startsWith(software)) return made;
  }
  throw new Error(`no seed makes ${software}`);
}
const NGINX = persona('ubuntu-server', 'nginx');
const APACHE = persona('ubuntu-server', 'Apache');
const IIS = persona('windows-server', 'Microsoft');
const ALWAYS = { lure: { accept: 'always' } };

function visit(given: Persona, head: string, body = '', options: unknown = {}): Played {
  const length = body === '' ? '' : `Content-Length: ${body.length}\r\n`;
  const type = /content-type/i.test(head) || body === '' ? '' : 'Content-Type: application/x-www-form-urlencoded\r\n';
  const [line = '', ...rest] = head.split('\n');
  const fields = rest.map((field) => `${field}\r\n`).join('');
  return play(http, [`${line} HTTP/1.1\r\nHost: site.example\r\n${fields}${type}${length}\r\n${body}`], {
    persona: given,
    options,
  });
}
const status = (played: Played): string | undefined => /^HTTP\/1\.1 (\d+)/.exec(played.sent)?.[1];
const field = (played: Played, name: string): string | undefined =>
  new RegExp(`\r\n${name}: (.*)\r\n`).exec(played.sent)?.[1];
const login = (played: Played): unknown[] => {
  const fields = played.events.find((event) => event.type === 'auth.attempt')?.fields ?? {};
  return [fields.mechanism, fields.username, fields.password, fields.accepted];
};

test('WordPress tells an unknown user from a wrong password, and keeps both', () => {
  const unknown = visit(APACHE, 'POST /wp-login.php', 'log=nobody&pwd=x');
  assert.match(unknown.sent, /username <strong>nobody<\/strong> is not registered/);
  const wrong = visit(APACHE, 'POST /wp-login.php', 'log=admin&pwd=secret');
  assert.match(wrong.sent, /for the username <strong>admin<\/strong> is incorrect/);
  assert.deepEqual(login(wrong), ['http-form', 'admin', 'secret', false]);
});

test('an accepted WordPress login leads to a cookie that opens the dashboard in another connection', () => {
  const entered = visit(NGINX, 'POST /wp-login.php', 'log=admin&pwd=secret', ALWAYS);
  assert.equal(status(entered), '302');
  assert.deepEqual(login(entered), ['http-form', 'admin', 'secret', true]);
  const cookie = field(entered, 'Set-Cookie')?.split(';')[0] ?? '';
  assert.match(visit(NGINX, `GET /wp-admin/\nCookie: ${cookie}`).sent, /<title>Dashboard/);
  const forged = cookie.replace(/[0-9a-f]{4}$/, (end) => (end === '0000' ? '1111' : '0000'));
  assert.equal(status(visit(NGINX, `GET /wp-admin/\nCookie: ${forged}`)), '302');
});

test('XML-RPC logins are refused and accepted in its own format', () => {
  const call =
    '<methodCall><methodName>wp.getUsersBlogs</methodName><params><param><value>admin</value></param><param><value>pw</value></param></params></methodCall>';
  const refused = visit(APACHE, 'POST /xmlrpc.php\nContent-Type: text/xml', call);
  assert.match(refused.sent, /Incorrect username or password/);
  assert.deepEqual(login(refused), ['http-xmlrpc', 'admin', 'pw', false]);
  assert.match(visit(APACHE, 'POST /xmlrpc.php\nContent-Type: text/xml', call, ALWAYS).sent, /<name>isAdmin<\/name>/);
});

test('phpMyAdmin answers in the words of MySQL', () => {
  assert.equal(status(visit(APACHE, 'GET /phpmyadmin')), '301');
  const played = visit(APACHE, 'POST /phpmyadmin/index.php', 'pma_username=root&pma_password=&server=1');
  assert.match(played.sent, /Access denied for user 'root'@'localhost' \(using password: NO\)/);
  assert.deepEqual(login(played), ['http-form', 'root', '', false]);
  const entered = visit(APACHE, 'POST /phpmyadmin/index.php', 'pma_username=root&pma_password=x', ALWAYS);
  assert.equal(status(entered), '302');
});

test('what is typed into a form does not become markup', () => {
  const played = visit(APACHE, 'POST /phpmyadmin/index.php', 'pma_username=%3Cscript%3E&pma_password=x');
  assert.doesNotMatch(played.sent, /<script>'/);
  assert.match(played.sent, /&lt;script&gt;/);
});

test('Outlook sends a wrong password back to the form with its reason', () => {
  assert.match(field(visit(IIS, 'GET /owa/'), 'Location') ?? '', /\/owa\/auth\/logon\.aspx\?url=.*&reason=0$/);
  const played = visit(IIS, 'POST /owa/auth.owa', 'username=CORP%5Cjo&password=Winter1');
  assert.match(field(played, 'Location') ?? '', /reason=2/);
  assert.deepEqual(login(played), ['http-form', 'CORP\\jo', 'Winter1', false]);
  assert.match(visit(IIS, 'GET /owa/auth/logon.aspx?reason=2').sent, /isn't correct/);
  const entered = visit(IIS, 'POST /owa/auth.owa', 'username=a&password=b', ALWAYS);
  const cookie = field(entered, 'Set-Cookie')?.split(';')[0] ?? '';
  assert.equal(status(visit(IIS, `GET /owa/\nCookie: ${cookie}`)), '200');
});

test('the Tomcat manager asks for Basic, and takes an archive from who passes', () => {
  assert.equal(
    field(visit(NGINX, 'GET /manager/html'), 'WWW-Authenticate'),
    'Basic realm="Tomcat Manager Application"',
  );
  const authorization = `Authorization: Basic ${Buffer.from('tomcat:s3cret').toString('base64')}`;
  const refused = visit(NGINX, `GET /manager/html\n${authorization}`);
  assert.deepEqual([status(refused), ...login(refused)], ['401', 'http-basic', 'tomcat', 's3cret', false]);
  const listed = { lure: { accept: 'list', logins: [{ username: 'tomcat', password: 's3cret' }] } };
  assert.match(visit(NGINX, `GET /manager/html\n${authorization}`, '', listed).sent, /Tomcat Web Application Manager/);
  const body =
    '--b\r\nContent-Disposition: form-data; name="deployWar"; filename="sh.war"\r\n\r\nPK\x03\x04\r\n--b--\r\n';
  const deployed = visit(
    NGINX,
    `POST /manager/html/upload\n${authorization}\nContent-Type: multipart/form-data; boundary=b`,
    body,
    listed,
  );
  assert.match(deployed.sent, /OK - Deployed application/);
  assert.deepEqual(
    [...deployed.artifacts.values()].map((bytes) => bytes.toString('latin1')),
    ['PK\x03\x04'],
  );
});

test('Digest is asked for where the product has it, and a listed password passes', () => {
  const challenge = field(visit(APACHE, 'GET /private/'), 'WWW-Authenticate') ?? '';
  assert.match(
    challenge,
    /^Digest realm="Private", nonce="[A-Za-z0-9+/]{11}=[0-9a-f]{40}", algorithm=MD5, qop="auth"$/,
  );
  assert.equal(status(visit(NGINX, 'GET /private/')), '404');
  const md5 = (text: string): string => createHash('md5').update(text).digest('hex');
  const response = md5(`${md5('bob:Private:pw')}:n:00000001:c:auth:${md5('GET:/private/')}`);
  const head = `GET /private/\nAuthorization: Digest username="bob", realm="Private", nonce="n", uri="/private/", qop=auth, nc=00000001, cnonce="c", response="${response}"`;
  assert.equal(
    status(visit(APACHE, head, '', { lure: { accept: 'list', logins: [{ username: 'bob', password: 'pw' }] } })),
    '200',
  );
  assert.equal(
    status(visit(APACHE, head, '', { lure: { accept: 'list', logins: [{ username: 'bob', password: 'no' }] } })),
    '401',
  );
});

test('leaked files hold this machine and no other', () => {
  const first = visit(NGINX, 'GET /.env').sent;
  assert.match(first, /DB_PASSWORD=\w{14}/);
  assert.ok(first.includes(NGINX.fqdn));
  const secret = (given: Persona): string | undefined => /DB_PASSWORD=(.*)/.exec(visit(given, 'GET /.env').sent)?.[1];
  assert.notEqual(secret(NGINX), secret(APACHE));
  assert.equal(secret(NGINX), secret(NGINX));
  assert.match(visit(NGINX, 'GET /.git/config').sent, /\[remote "origin"\]/);
});

test('a login to a page that does not exist is recorded and never accepted', () => {
  const played = visit(NGINX, 'POST /nope/login.do', 'username=u&password=p', ALWAYS);
  assert.equal(status(played), '404');
  assert.deepEqual(login(played), ['http-form', 'u', 'p', false]);
});
