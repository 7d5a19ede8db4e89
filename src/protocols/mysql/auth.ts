/**
 * The server's side of its authentication plugins (sql/auth of mysqld 5.7 and 8.0 behave so): what each makes of the client's packets, what it asks
 * next, and what of the password it lets us see. No session here: bytes in, a step out.
 */
import { constants, createHash, createPrivateKey, type KeyObject, privateDecrypt, timingSafeEqual } from 'node:crypto';
import { textFromBytes } from '../../events/index.ts';
import type { Verify } from '../kernel/lure.ts';

export const AUTH_PLUGINS = [
  'mysql_native_password',
  'caching_sha2_password',
  'sha256_password',
  'mysql_clear_password',
] as const;
export type AuthPlugin = (typeof AUTH_PLUGINS)[number];

const NATIVE_BYTES = 20;
const SHA2_BYTES = 32;
const REQUEST_KEY_CACHING = 2;
const REQUEST_KEY_SHA256 = 1;
/** caching_sha2_password: "perform full authentication" and "fast authentication succeeded". */
const FULL_AUTHENTICATION = Buffer.from([4]);

export interface KeyPair {
  publicPem: Buffer;
  privateKey: KeyObject;
  cipherBytes: number;
}

export function keyPairOf(pem: { privateKey: string; publicKey: string }): KeyPair {
  const privateKey = createPrivateKey(pem.privateKey);
  const bits = privateKey.asymmetricKeyDetails?.modulusLength ?? 2048;
  return { publicPem: Buffer.from(pem.publicKey), privateKey, cipherBytes: bits / 8 };
}

/** What is known of a login once the client has said all it says. */
export interface Credentials {
  mechanism: string;
  /** In clear, where it crossed the wire so that we can read it. */
  password: Buffer | null;
  hash?: { value: string; format: string };
  /** A response that no cracker reads, in hex. */
  unread?: { salt: string; response: string };
  /** What the server's error says of it. */
  withPassword: boolean;
  verify: Verify;
}

export interface Exchange {
  plugin: AuthPlugin;
  salt: Buffer;
  /** TLS is on, so that the client may send the password in clear. */
  secure: boolean;
  keys: () => KeyPair;
  stage: 'response' | 'full' | 'cipher';
  /** The scramble that came before the password. */
  scramble: Buffer | undefined;
}

export type AuthStep =
  | { kind: 'more'; data: Uint8Array }
  /** The client has said it all; `refuse` where the server refuses whatever the password. */
  | { kind: 'done'; credentials: Credentials; refuse: boolean }
  | { kind: 'malformed'; code: string; credentials: Credentials | undefined };

const sha1 = (...parts: readonly Uint8Array[]): Buffer => digest('sha1', parts);
const sha256 = (...parts: readonly Uint8Array[]): Buffer => digest('sha256', parts);

function digest(algorithm: string, parts: readonly Uint8Array[]): Buffer {
  const hash = createHash(algorithm);
  for (const part of parts) hash.update(part);
  return hash.digest();
}

const xor = (a: Buffer, b: Buffer): Buffer => Buffer.from(a.map((byte, i) => byte ^ (b[i] ?? 0)));

/** SHA1(password) XOR SHA1(salt + SHA1(SHA1(password))). */
export function nativeScramble(password: string, salt: Buffer): Buffer {
  const stage1 = sha1(Buffer.from(password));
  return xor(stage1, sha1(salt, sha1(stage1)));
}

/** SHA256(password) XOR SHA256(SHA256(SHA256(password)) + salt). */
export function sha2Scramble(password: string, salt: Buffer): Buffer {
  const stage1 = sha256(Buffer.from(password));
  return xor(stage1, sha256(sha256(stage1), salt));
}

const same = (a: Buffer, b: Buffer): boolean => a.length === b.length && timingSafeEqual(a, b);

/** The form of hashcat's mode 11200 and john's `mysqlna`. */
export const mysqlnaHash = (salt: Buffer, response: Buffer): string =>
  `$mysqlna$${salt.toString('hex')}*${response.toString('hex')}`;

export function emptyPassword(mechanism: string): Credentials {
  return { mechanism, password: Buffer.alloc(0), withPassword: false, verify: (password) => password === '' };
}

function clearPassword(mechanism: string, password: Buffer): Credentials {
  return { mechanism, password, withPassword: true, verify: (known) => same(Buffer.from(known), password) };
}

export function nativeCredentials(salt: Buffer, response: Buffer): Credentials {
  return {
    mechanism: 'mysql_native_password',
    password: null,
    hash: { value: mysqlnaHash(salt, response), format: 'mysqlna' },
    withPassword: true,
    verify: (password) => password !== '' && same(nativeScramble(password, salt), response),
  };
}

/** A response to caching_sha2_password, without the password: no cracker has a form for it. */
export function sha2Credentials(salt: Buffer, response: Buffer): Credentials {
  return {
    mechanism: 'caching_sha2_password',
    password: null,
    unread: { salt: salt.toString('hex'), response: response.toString('hex') },
    withPassword: true,
    verify: (password) => password !== '' && same(sha2Scramble(password, salt), response),
  };
}

/** What a response shows that was made for a plugin which the account does not have. Undefined where it shows nothing. */
export function credentialsOf(plugin: string, salt: Buffer, response: Buffer): Credentials | undefined {
  switch (plugin) {
    case 'mysql_native_password':
      return response.length === NATIVE_BYTES ? nativeCredentials(salt, response) : undefined;
    case 'caching_sha2_password':
      return response.length === SHA2_BYTES ? sha2Credentials(salt, response) : undefined;
    case 'mysql_clear_password':
      return response.length > 1 ? clearPassword(plugin, untilNul(response)) : undefined;
    default:
      return undefined;
  }
}

const isEmpty = (bytes: Buffer): boolean => bytes.length === 0 || (bytes.length === 1 && bytes[0] === 0);

/** The server reads passwords as C strings. */
function untilNul(bytes: Buffer): Buffer {
  const end = bytes.indexOf(0);
  return end < 0 ? bytes : bytes.subarray(0, end);
}

export function answerAuth(exchange: Exchange, bytes: Buffer): AuthStep {
  switch (exchange.plugin) {
    case 'mysql_native_password':
      return answerNative(exchange, bytes);
    case 'caching_sha2_password':
      return answerCachingSha2(exchange, bytes);
    case 'sha256_password':
      return answerSha256(exchange, bytes);
    case 'mysql_clear_password': {
      const password = untilNul(bytes);
      const credentials =
        password.length === 0 ? emptyPassword(exchange.plugin) : clearPassword(exchange.plugin, password);
      return { kind: 'done', credentials, refuse: false };
    }
  }
}

function answerNative(exchange: Exchange, bytes: Buffer): AuthStep {
  if (bytes.length === 0) return { kind: 'done', credentials: emptyPassword(exchange.plugin), refuse: false };
  if (bytes.length === NATIVE_BYTES)
    return { kind: 'done', credentials: nativeCredentials(exchange.salt, bytes), refuse: false };
  return { kind: 'malformed', code: 'auth_response_length', credentials: undefined };
}

function answerCachingSha2(exchange: Exchange, bytes: Buffer): AuthStep {
  switch (exchange.stage) {
    case 'response':
      if (isEmpty(bytes)) return { kind: 'done', credentials: emptyPassword(exchange.plugin), refuse: false };
      if (bytes.length !== SHA2_BYTES) return unreadable(exchange);
      // An account that has not logged in since the server's start is in no cache, so that the server asks for the password itself.
      exchange.scramble = Buffer.from(bytes);
      exchange.stage = 'full';
      return { kind: 'more', data: FULL_AUTHENTICATION };
    case 'full':
      if (exchange.secure) return fullPassword(exchange, untilNul(bytes));
      if (bytes.length === 1 && bytes[0] === REQUEST_KEY_CACHING) {
        exchange.stage = 'cipher';
        return { kind: 'more', data: exchange.keys().publicPem };
      }
      return decrypt(exchange, bytes);
    case 'cipher':
      return decrypt(exchange, bytes);
  }
}

function answerSha256(exchange: Exchange, bytes: Buffer): AuthStep {
  if (exchange.stage === 'response') {
    if (isEmpty(bytes)) return { kind: 'done', credentials: emptyPassword(exchange.plugin), refuse: false };
    if (exchange.secure) return fullPassword(exchange, untilNul(bytes));
    if (bytes.length === 1 && bytes[0] === REQUEST_KEY_SHA256) {
      exchange.stage = 'cipher';
      return { kind: 'more', data: exchange.keys().publicPem };
    }
  }
  return decrypt(exchange, bytes);
}

function fullPassword(exchange: Exchange, password: Buffer): AuthStep {
  const credentials = password.length === 0 ? emptyPassword(exchange.plugin) : clearPassword(exchange.plugin, password);
  credentials.withPassword = true;
  return { kind: 'done', credentials, refuse: false };
}

/** The password, XORed with the salt, in RSA-OAEP. */
function decrypt(exchange: Exchange, bytes: Buffer): AuthStep {
  const keys = exchange.keys();
  if (bytes.length !== keys.cipherBytes) {
    // Some clients send the password itself, without TLS: refused, but readable.
    const clear = untilNul(bytes);
    const readable = clear.length > 0 && clear.length === bytes.length - 1;
    return readable
      ? { kind: 'done', credentials: clearPassword(exchange.plugin, clear), refuse: true }
      : unreadable(exchange);
  }
  try {
    const padded = { key: keys.privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING };
    const masked = privateDecrypt(padded, bytes);
    const plain = Buffer.from(masked.map((byte, i) => byte ^ (exchange.salt[i % exchange.salt.length] ?? 0)));
    return fullPassword(exchange, untilNul(plain));
  } catch {
    return { ...unreadable(exchange), code: 'rsa_decrypt' };
  }
}

function unreadable(exchange: Exchange): Extract<AuthStep, { kind: 'malformed' }> {
  return { kind: 'malformed', code: 'auth_response_length', credentials: pendingCredentials(exchange) };
}

/** What is known of a login whose client left, or sent nonsense, before it was done. */
export function pendingCredentials(exchange: Exchange): Credentials | undefined {
  return exchange.scramble === undefined ? undefined : sha2Credentials(exchange.salt, exchange.scramble);
}

export const passwordText = (credentials: Credentials): string | null =>
  credentials.password === null ? null : textFromBytes(credentials.password);
