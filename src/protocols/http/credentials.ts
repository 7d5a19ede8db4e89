/** Logins in a request, wherever it carries them: Authorization, forms, JSON, XML-RPC. */
import { createHash } from 'node:crypto';
import { MAX_SHORT_TEXT, textFromBytes } from '../../events/index.ts';
import { header, percentDecoded, type Request, shortText } from './message.ts';
import { type Part, parseMultipart } from './multipart.ts';

/** Most form fields, and most logins of one request (system.multicall carries many), that are looked at. */
const MAX_FIELDS = 512;
const MAX_LOGINS = 256;
/** Longest JSON or XML body that is read for logins. */
const MAX_DOCUMENT = 262_144;

export interface Attempt {
  mechanism: string;
  username: string | null;
  password: string | null;
  hash?: string;
  hash_format?: string;
  /** Whether this password would have passed. */
  verify(password: string): boolean;
}

/** Names and values of a form, decoded to recordable text. */
export type Form = readonly (readonly [string, string])[];

const USER_FIELDS: ReadonlySet<string> = new Set(
  'log user username user_name userid user_id uname usr login loginname login_name login_id name account acct email mail e-mail j_username pma_username uid admin user_login userlogin txtusername signin_username os_username'.split(
    ' ',
  ),
);
const PASSWORD_FIELDS: ReadonlySet<string> = new Set(
  'pwd pass passwd password passwort passcode passphrase psw pswd j_password pma_password user_password userpass user_pass userpassword passwordtext login_password loginpassword txtpassword admin_password psd pw secret os_password secretkey'.split(
    ' ',
  ),
);

/** `user[login]`, `ctl00$Main$txtUserName` and `form.password` name the same things by their last part. */
function fieldKind(name: string): 'user' | 'password' | undefined {
  const lower = name.toLowerCase();
  const last = lower.split(/[[\]$.:]/).findLast((part) => part !== '') ?? lower;
  for (const key of [lower, last, last.replace(/^(?:txt|tb|inp|input|frm)_?/, '')]) {
    if (PASSWORD_FIELDS.has(key)) return 'password';
    if (USER_FIELDS.has(key)) return 'user';
  }
  return undefined;
}

const decoded = (text: string): string => shortText(percentDecoded(text.replaceAll('+', ' ')));

export function parseForm(latin1: string): Form {
  const fields: [string, string][] = [];
  for (const pair of latin1.split('&', MAX_FIELDS)) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    fields.push(equals < 0 ? [decoded(pair), ''] : [decoded(pair.slice(0, equals)), decoded(pair.slice(equals + 1))]);
  }
  return fields;
}

/** The strings of a JSON document, by the last name on their way. */
function parseJson(body: Buffer): Form {
  let document: unknown;
  try {
    document = JSON.parse(body.toString('utf8'));
  } catch {
    return [];
  }
  const fields: [string, string][] = [];
  const visit = (value: unknown, name: string, depth: number): void => {
    if (fields.length >= MAX_FIELDS || depth > 6) return;
    if (typeof value === 'string' || typeof value === 'number')
      fields.push([name, textFromBytes(Buffer.from(String(value))).slice(0, MAX_SHORT_TEXT)]);
    else if (typeof value === 'object' && value !== null)
      for (const [key, inner] of Object.entries(value).slice(0, MAX_FIELDS)) visit(inner, key, depth + 1);
  };
  visit(document, '', 0);
  return fields;
}

export interface Content {
  form: Form;
  files: readonly Part[];
}

/** What the body says, by its type. */
export function readContent(request: Request): Content {
  const type = (header(request, 'content-type') ?? '').toLowerCase();
  const { body } = request;
  if (body.length === 0) return { form: [], files: [] };
  if (type.includes('multipart/')) {
    const parts = parseMultipart(header(request, 'content-type') ?? '', body);
    const form = parts
      .filter((part) => part.filename === undefined)
      .map(
        (part) => [part.name, textFromBytes(part.bytes.subarray(0, MAX_SHORT_TEXT)).slice(0, MAX_SHORT_TEXT)] as const,
      );
    return { form, files: parts.filter((part) => part.filename !== undefined) };
  }
  if (type.includes('json') || body[0] === 0x7b)
    return { form: body.length > MAX_DOCUMENT ? [] : parseJson(body), files: [] };
  if (type.includes('urlencoded') || type === '')
    return { form: parseForm(body.subarray(0, MAX_DOCUMENT).toString('latin1')), files: [] };
  return { form: [], files: [] };
}

/** A user and a password field make a login; a page with only one of them asks for something else. */
function fromForm(form: Form, mechanism: string): Attempt[] {
  let username: string | undefined;
  let password: string | undefined;
  for (const [name, value] of form) {
    const kind = fieldKind(name);
    if (kind === 'user') username ??= value;
    if (kind === 'password') password ??= value;
  }
  if (password === undefined) return [];
  const given = password;
  return [{ mechanism, username: username ?? null, password, verify: (listed) => listed === given }];
}

const unescapeXml = (text: string): string =>
  text.replace(/&(amp|lt|gt|quot|apos);/g, (_, name: string) =>
    name === 'amp' ? '&' : name === 'lt' ? '<' : name === 'gt' ? '>' : name === 'quot' ? '"' : "'",
  );

/** WordPress XML-RPC: user and password are the first strings of a wp.* call, also inside system.multicall. */
function fromXmlRpc(body: Buffer): Attempt[] {
  const text = body.toString('latin1');
  const method = /<methodName>\s*([\w.]{1,64})\s*<\/methodName>/.exec(text)?.[1];
  if (method === undefined) return [];
  const strings: string[] = [];
  for (const match of text.matchAll(/<string>([^<]*)<\/string>|<value>([^<]*)<\/value>/g)) {
    const value = match[1] ?? match[2] ?? '';
    if (match[1] !== undefined || value.trim() !== '') strings.push(unescapeXml(value));
    if (strings.length >= MAX_LOGINS * 3) break;
  }
  const pairs: (readonly [string, string])[] = [];
  if (method === 'system.multicall') {
    for (let at = 0; at + 2 < strings.length; at += 1)
      if (/^(?:wp|metaWeblog|blogger|mt)\./.test(strings[at] ?? ''))
        pairs.push([strings[at + 1] ?? '', strings[at + 2] ?? '']);
  } else if (/^(?:wp|metaWeblog|blogger|mt)\./.test(method) && strings.length >= 2)
    pairs.push([strings.at(-2) ?? '', strings.at(-1) ?? '']);
  return pairs.slice(0, MAX_LOGINS).map(([username, password]) => ({
    mechanism: 'http-xmlrpc',
    username: shortText(username),
    password: shortText(password),
    verify: (listed) => listed === shortText(password),
  }));
}

function fromBasic(encoded: string): Attempt[] {
  const bytes = Buffer.from(encoded, 'base64');
  const colon = bytes.indexOf(0x3a);
  if (bytes.length === 0) return [];
  const text = (part: Buffer): string => textFromBytes(part).slice(0, MAX_SHORT_TEXT);
  const username = text(colon < 0 ? bytes : bytes.subarray(0, colon));
  const password = text(colon < 0 ? Buffer.alloc(0) : bytes.subarray(colon + 1));
  return [{ mechanism: 'http-basic', username, password, verify: (listed) => listed === password }];
}

const md5 = (text: string): string => createHash('md5').update(text, 'latin1').digest('hex');

/** The parameters of a Digest header (RFC 7616 §3.4). */
function digestFields(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const match of text.matchAll(/([a-z]{1,16})\s*=\s*(?:"([^"]*)"|([^",\s]+))/gi)) {
    if (fields.size >= 32) break;
    fields.set((match[1] ?? '').toLowerCase(), match[2] ?? match[3] ?? '');
  }
  return fields;
}

function fromDigest(text: string, method: string): Attempt[] {
  const fields = digestFields(text);
  const get = (name: string): string => fields.get(name) ?? '';
  if (get('response') === '') return [];
  const session = get('algorithm').toLowerCase() === 'md5-sess';
  const tail = [get('nonce'), ...(get('qop') === '' ? [] : [get('nc'), get('cnonce'), get('qop')])];
  const verify = (password: string): boolean => {
    const plain = md5(`${get('username')}:${get('realm')}:${password}`);
    const first = session ? md5(`${plain}:${get('nonce')}:${get('cnonce')}`) : plain;
    return md5([first, ...tail, md5(`${method}:${get('uri')}`)].join(':')) === get('response').toLowerCase();
  };
  // John's `hdaa`: response, user, realm, method, uri, nonce, nc, cnonce, qop. It has no form for MD5-sess.
  const line = ['$response', get('response'), get('username'), get('realm'), method, get('uri'), ...tail].join('$');
  return [
    {
      mechanism: 'http-digest',
      username: shortText(get('username')),
      password: null,
      hash: shortText(line),
      hash_format: session ? 'digest-md5-sess' : 'hdaa',
      verify,
    },
  ];
}

/** Every login that the request carries. */
export function findAttempts(request: Request, content: Content, query: string): Attempt[] {
  const found: Attempt[] = [];
  const authorization = header(request, 'authorization');
  if (authorization !== undefined) {
    const space = authorization.indexOf(' ');
    const rest = authorization.slice(space + 1).trim();
    const scheme = authorization.slice(0, Math.max(0, space)).toLowerCase();
    if (scheme === 'basic') found.push(...fromBasic(rest));
    if (scheme === 'digest') found.push(...fromDigest(rest, request.method));
  }
  const xml = request.body.length > 0 && request.body.length <= MAX_DOCUMENT && request.body.includes('<methodCall');
  if (xml) found.push(...fromXmlRpc(request.body));
  else found.push(...fromForm(content.form, 'http-form'));
  if (found.length === 0 && query !== '') found.push(...fromForm(parseForm(query), 'http-query'));
  return found;
}
