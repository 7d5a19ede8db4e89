import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { findAttempts, readContent } from './credentials.ts';
import { type Field, parseRequestLine, type Request } from './message.ts';

function request(method: string, fields: Field[], body = ''): Request {
  return {
    ...parseRequestLine(`${method} / HTTP/1.1`, false),
    fields,
    faults: new Set(),
    longestField: 0,
    body: Buffer.from(body, 'latin1'),
    bodyBytes: body.length,
    secure: false,
  };
}
function logins(given: Request, query = ''): (string | null)[][] {
  return findAttempts(given, readContent(given), query).map((found) => [
    found.mechanism,
    found.username,
    found.password,
  ]);
}
const typed = (type: string): Field[] => [{ name: 'Content-Type', value: type }];
const FORM = typed('application/x-www-form-urlencoded');

test('a form with a user and a password field is a login, whatever the application calls them', () => {
  for (const [user, password] of [
    ['log', 'pwd'],
    ['pma_username', 'pma_password'],
    ['j_username', 'j_password'],
    ['user%5Bemail%5D', 'user%5Bpassword%5D'],
    ['ctl00%24Main%24txtUserName', 'ctl00%24Main%24txtPassword'],
  ] as const)
    assert.deepEqual(logins(request('POST', FORM, `x=1&${user}=adm%2Bin&${password}=p+w%C3%A9%ff`)), [
      ['http-form', 'adm+in', 'p wé\\xff'],
    ]);
  assert.deepEqual(logins(request('POST', FORM, 'email=a%40b&subject=hello')), []);
});

test('logins in JSON, in multipart and in the query are found', () => {
  const json = request('POST', typed('application/json'), '{"user":{"name":"a","secret":1},"password":"b"}');
  assert.deepEqual(logins(json), [['http-form', 'a', '1']]);
  const multipart = request(
    'POST',
    typed('multipart/form-data; boundary=zz'),
    '--zz\r\nContent-Disposition: form-data; name="username"\r\n\r\nu\r\n--zz\r\nContent-Disposition: form-data; name="password"\r\n\r\np\r\n--zz--\r\n',
  );
  assert.deepEqual(logins(multipart), [['http-form', 'u', 'p']]);
  assert.deepEqual(logins(request('GET', []), 'username=u&psw=p'), [['http-query', 'u', 'p']]);
});

test('every login of a system.multicall is found', () => {
  const call = (user: string, password: string): string =>
    `<value><struct><member><name>methodName</name><value><string>wp.getUsersBlogs</string></value></member><member><name>params</name><value><array><data><value><array><data><value><string>${user}</string></value><value><string>${password}</string></value></data></array></value></data></array></value></member></struct></value>`;
  const body = `<?xml version="1.0"?><methodCall><methodName>system.multicall</methodName><params><param><value><array><data>${call('admin', 'a&amp;b')}${call('root', 'c')}</data></array></value></param></params></methodCall>`;
  assert.deepEqual(logins(request('POST', typed('text/xml'), body)), [
    ['http-xmlrpc', 'admin', 'a&b'],
    ['http-xmlrpc', 'root', 'c'],
  ]);
});

test('Basic keeps colons of the password and bytes that are no text', () => {
  const basic = (bytes: string): Field[] => [
    { name: 'Authorization', value: `Basic ${Buffer.from(bytes, 'latin1').toString('base64')}` },
  ];
  assert.deepEqual(logins(request('GET', basic('u:p:q'))), [['http-basic', 'u', 'p:q']]);
  assert.deepEqual(logins(request('GET', basic('u\xff'))), [['http-basic', 'u\\xff', '']]);
});

test('a Digest response becomes the line that john reads, and verifies against the right password alone', () => {
  // The worked example of RFC 2617 §3.5.
  const value =
    'Digest username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", uri="/dir/index.html", qop=auth, nc=00000001, cnonce="0a4f113b", response="6629fae49393a05397450978507c4ef1", opaque="5ccc069c403ebaf9f0171e9517f40e41"';
  const found = findAttempts(request('GET', [{ name: 'authorization', value }]), { form: [], files: [] }, '')[0];
  assert.equal(
    found?.hash,
    '$response$6629fae49393a05397450978507c4ef1$Mufasa$testrealm@host.com$GET$/dir/index.html$dcd98b7102dd2f0e8b11d0f600bfb0c093$00000001$0a4f113b$auth',
  );
  assert.equal(found?.hash_format, 'hdaa');
  assert.equal(found?.verify('Circle Of Life'), true);
  assert.equal(found?.verify('circle of life'), false);
  // What john does with that line.
  const [response, user, realm, method, uri, nonce, nc, cnonce, qop] = (found?.hash ?? '').split('$').slice(2);
  const md5 = (text: string): string => createHash('md5').update(text).digest('hex');
  const expected = md5(
    `${md5(`${user}:${realm}:Circle Of Life`)}:${nonce}:${nc}:${cnonce}:${qop}:${md5(`${method}:${uri}`)}`,
  );
  assert.equal(response, expected);
});

test('files of a form come out whole', () => {
  const body =
    '--b\r\nContent-Disposition: form-data; name="f"; filename="a.php"\r\nContent-Type: x/y\r\n\r\n<?php\r\n\r\n--?>\r\n--b--\r\n';
  const { files } = readContent(request('POST', typed('multipart/form-data; boundary="b"'), body));
  assert.deepEqual(
    files.map((file) => [file.name, file.filename, file.bytes.toString()]),
    [['f', 'a.php', '<?php\r\n\r\n--?>']],
  );
});
