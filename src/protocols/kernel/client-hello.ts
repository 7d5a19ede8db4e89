/** Reads a TLS ClientHello (RFC 8446 §4.1.2, RFC 5246 §7.4.1.2) and makes its JA4 fingerprint. */
import { createHash } from 'node:crypto';
import type { Step } from './codec.ts';

export interface ClientHello {
  /** legacy_version. */
  version: number;
  ciphers: number[];
  extensions: number[];
  serverName: string | undefined;
  alpn: string[];
  supportedVersions: number[];
  signatureAlgorithms: number[];
}

const RECORD_HANDSHAKE = 22;
const MAX_RECORD = 16_640;
const MAX_MESSAGE = 65_536;

/** A cursor that never reads past its end: `ok` turns false instead. */
class Cursor {
  private readonly bytes: Buffer;
  private at = 0;
  ok = true;
  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }
  get left(): number {
    return this.bytes.length - this.at;
  }
  int(size: 1 | 2 | 3): number {
    if (this.left < size) {
      this.ok = false;
      return 0;
    }
    const value = this.bytes.readUIntBE(this.at, size);
    this.at += size;
    return value;
  }
  take(size: number): Buffer {
    if (this.left < size) {
      this.ok = false;
      return Buffer.alloc(0);
    }
    const part = this.bytes.subarray(this.at, this.at + size);
    this.at += size;
    return part;
  }
}

function list16(bytes: Buffer): number[] {
  const values: number[] = [];
  for (let at = 0; at + 2 <= bytes.length; at += 2) values.push(bytes.readUInt16BE(at));
  return values;
}

/** The handshake message out of one or several records, or why not. */
function handshakeMessage(bytes: Buffer): Step<Buffer> {
  const parts: Buffer[] = [];
  let have = 0;
  let at = 0;
  for (;;) {
    if (bytes.length - at < 5) return { kind: 'need', bytes: 5 - (bytes.length - at) };
    if (bytes[at] !== RECORD_HANDSHAKE || bytes[at + 1] !== 3) return { kind: 'malformed', code: 'not_tls', used: at };
    const length = bytes.readUInt16BE(at + 3);
    if (length === 0 || length > MAX_RECORD) return { kind: 'malformed', code: 'tls_record_length', used: at };
    if (bytes.length - at - 5 < length) return { kind: 'need', bytes: length - (bytes.length - at - 5) };
    parts.push(bytes.subarray(at + 5, at + 5 + length));
    have += length;
    at += 5 + length;
    if (have < 4) continue;
    const message = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
    const size = 4 + message.readUIntBE(1, 3);
    if (size > MAX_MESSAGE) return { kind: 'malformed', code: 'tls_hello_too_large', used: at };
    if (message[0] !== 1) return { kind: 'malformed', code: 'not_client_hello', used: at };
    if (have >= size) return { kind: 'frame', frame: message.subarray(4, size), used: at };
  }
}

export function decodeClientHello(bytes: Buffer): Step<ClientHello> {
  const message = handshakeMessage(bytes);
  if (message.kind !== 'frame') return message;
  const cursor = new Cursor(message.frame);
  const hello: ClientHello = {
    version: cursor.int(2),
    ciphers: [],
    extensions: [],
    serverName: undefined,
    alpn: [],
    supportedVersions: [],
    signatureAlgorithms: [],
  };
  cursor.take(32);
  cursor.take(cursor.int(1));
  hello.ciphers = list16(cursor.take(cursor.int(2)));
  cursor.take(cursor.int(1));
  if (cursor.ok && cursor.left >= 2) {
    const extensions = new Cursor(cursor.take(cursor.int(2)));
    while (extensions.ok && extensions.left >= 4) {
      const type = extensions.int(2);
      readExtension(hello, type, extensions.take(extensions.int(2)));
      hello.extensions.push(type);
    }
    if (!extensions.ok) cursor.ok = false;
  }
  if (!cursor.ok) return { kind: 'malformed', code: 'tls_hello_truncated', used: message.used };
  return { kind: 'frame', frame: hello, used: message.used };
}

function readExtension(hello: ClientHello, type: number, body: Buffer): void {
  switch (type) {
    case 0: // server_name, RFC 6066 §3: list length, type 0, name length, name
      if (body.length > 5)
        hello.serverName = body.toString('latin1', 5, Math.min(body.length, 5 + body.readUInt16BE(3)));
      return;
    case 13: // signature_algorithms
      hello.signatureAlgorithms = list16(body.subarray(2));
      return;
    case 16: {
      // ALPN, RFC 7301 §3.1
      const names = new Cursor(body.subarray(2));
      while (names.ok && names.left > 0) hello.alpn.push(names.take(names.int(1)).toString('latin1'));
      return;
    }
    case 43: // supported_versions
      hello.supportedVersions = list16(body.subarray(1));
      return;
  }
}

/** GREASE values (RFC 8701) say nothing of the client. */
const isGrease = (value: number): boolean => (value & 0x0f0f) === 0x0a0a && value >> 8 === (value & 0xff);
const hex4 = (value: number): string => value.toString(16).padStart(4, '0');
const hash12 = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 12);
const VERSIONS: Readonly<Record<number, string>> = { 772: '13', 771: '12', 770: '11', 769: '10', 768: 's3', 2: 's2' };

function alpnMark(name: string | undefined): string {
  if (name === undefined || name === '') return '00';
  const first = name.charAt(0);
  const last = name.charAt(name.length - 1);
  if (/[a-z0-9]/i.test(first) && /[a-z0-9]/i.test(last)) return first + last;
  const bytes = Buffer.from(name, 'latin1').toString('hex');
  return bytes.charAt(0) + bytes.charAt(bytes.length - 1);
}

/** JA4 of a TLS-over-TCP client (FoxIO JA4 technical details, version of 2023-09). */
export function ja4(hello: ClientHello): string {
  const ciphers = hello.ciphers.filter((value) => !isGrease(value));
  const extensions = hello.extensions.filter((value) => !isGrease(value));
  const offered = hello.supportedVersions.filter((value) => !isGrease(value));
  const version = VERSIONS[offered.length > 0 ? Math.max(...offered) : hello.version] ?? '00';
  const two = (value: number): string => String(Math.min(99, value)).padStart(2, '0');
  const signatures = hello.signatureAlgorithms.filter((value) => !isGrease(value));
  const sorted = extensions
    .filter((value) => value !== 0 && value !== 16)
    .map(hex4)
    .sort()
    .join(',');
  const head = `t${version}${extensions.includes(0) ? 'd' : 'i'}${two(ciphers.length)}${two(extensions.length)}${alpnMark(hello.alpn[0])}`;
  const cipherHash = ciphers.length === 0 ? '000000000000' : hash12(ciphers.map(hex4).sort().join(','));
  const extensionHash =
    extensions.length === 0
      ? '000000000000'
      : hash12(signatures.length === 0 ? sorted : `${sorted}_${signatures.map(hex4).join(',')}`);
  return `${head}_${cipherHash}_${extensionHash}`;
}
