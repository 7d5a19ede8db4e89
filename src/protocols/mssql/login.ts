/** The login messages: LOGIN7 of TDS 7.0 and later (MS-TDS §2.2.6.4) and the fixed record of TDS 4.2 (MS-SSTDS §2.2.6.2). */
import { textFromBytes, textFromUtf16 } from '../../events/index.ts';

/** Longest name in either message, in characters; SQL Server calls a longer one structurally invalid. */
const MAX_NAME = 128;
/** Features in one extension block; the document names ten. */
const MAX_FEATURES = 32;

export interface Feature {
  id: number;
  data: Buffer;
}

export interface Login {
  /** As the client sent it: 0x74000004, 0x42000000… */
  tdsVersion: number;
  packetSize: number;
  /** Version of the client library, in hex. */
  clientVersion: string;
  clientPid: number;
  connectionId: number;
  /** OptionFlags1, OptionFlags2, TypeFlags, OptionFlags3 in hex. */
  flags: string;
  timeZone: number;
  lcid: number;
  host: string;
  user: string;
  password: string;
  app: string;
  server: string;
  library: string;
  language: string;
  database: string;
  /** MAC address of the client, as the library found it. */
  clientId: string;
  attachFile: string;
  newPassword: string | undefined;
  /** The client logs in with its Windows account; `sspi` is its first token. */
  integrated: boolean;
  sspi: Buffer;
  features: Feature[];
}

export type DecodedLogin = { kind: 'login'; login: Login; tooLong: boolean } | { kind: 'malformed'; code: string };

/** A password byte is XORed with 0xA5 after its halves were swapped (§2.2.6.4). */
const CLEAR = Buffer.from(
  Array.from({ length: 256 }, (_, byte) => (((byte ^ 0xa5) << 4) | ((byte ^ 0xa5) >> 4)) & 0xff),
);

function unscramble(bytes: Buffer): Buffer {
  const clear = Buffer.allocUnsafe(bytes.length);
  for (let i = 0; i < bytes.length; i += 1) clear[i] = CLEAR[bytes[i] ?? 0] ?? 0;
  return clear;
}

/** Where the (offset, length) pairs stand, and where the fixed part ends without and with what TDS 7.2 added. */
const AT = {
  host: 36,
  user: 40,
  password: 44,
  app: 48,
  server: 52,
  extension: 56,
  library: 60,
  language: 64,
  database: 68,
  clientId: 72,
  sspi: 78,
  attach: 82,
  newPassword: 86,
  sspiLong: 90,
} as const;
const FIXED = 86;
const FIXED_72 = 94;
const EXTENSION = 0x10;
const CHANGE_PASSWORD = 0x01;
const INTEGRATED = 0x80;

export function decodeLogin7(body: Buffer): DecodedLogin {
  if (body.length < FIXED) return { kind: 'malformed', code: 'login7_truncated' };
  const length = body.readUInt32LE(0);
  if (length < FIXED || length > body.length) return { kind: 'malformed', code: 'login7_length' };
  const bytes = body.subarray(0, length);
  const tdsVersion = bytes.readUInt32LE(4);
  const recent = tdsVersion >= 0x7200_0000 || tdsVersion === 0x0800_0000;
  const whole = recent && length >= FIXED_72;
  let inside = true;
  let tooLong = false;

  function part(at: number, width: number): Buffer {
    const offset = bytes.readUInt16LE(at);
    const size = bytes.readUInt16LE(at + 2) * width;
    if (size === 0) return bytes.subarray(0, 0);
    if (offset + size > bytes.length) {
      inside = false;
      return bytes.subarray(0, 0);
    }
    return bytes.subarray(offset, offset + size);
  }
  function name(at: number): string {
    const value = part(at, 2);
    if (value.length > MAX_NAME * 2) tooLong = true;
    return value.length === 0 ? '' : textFromUtf16(value);
  }
  function secret(at: number): string {
    const value = part(at, 2);
    if (value.length > MAX_NAME * 2) tooLong = true;
    return value.length === 0 ? '' : textFromUtf16(unscramble(value));
  }

  const flags3 = bytes[27] ?? 0;
  const integrated = ((bytes[25] ?? 0) & INTEGRATED) !== 0;
  // §2.2.6.4: an SSPI token longer than 65,535 bytes has its length in cbSSPILong.
  let sspi = Buffer.alloc(0);
  if (whole && bytes.readUInt16LE(AT.sspi + 2) === 0xffff && bytes.readUInt32LE(AT.sspiLong) > 0) {
    const offset = bytes.readUInt16LE(AT.sspi);
    const size = bytes.readUInt32LE(AT.sspiLong);
    if (offset + size > bytes.length) inside = false;
    else sspi = Buffer.from(bytes.subarray(offset, offset + size));
  } else {
    sspi = Buffer.from(part(AT.sspi, 1));
  }
  const login: Login = {
    tdsVersion,
    packetSize: bytes.readUInt32LE(8),
    clientVersion: bytes.toString('hex', 12, 16),
    clientPid: bytes.readUInt32LE(16),
    connectionId: bytes.readUInt32LE(20),
    flags: bytes.toString('hex', 24, 28),
    timeZone: bytes.readInt32LE(28),
    lcid: bytes.readUInt32LE(32),
    host: name(AT.host),
    user: name(AT.user),
    password: secret(AT.password),
    app: name(AT.app),
    server: name(AT.server),
    library: name(AT.library),
    language: name(AT.language),
    database: name(AT.database),
    clientId: bytes.toString('hex', AT.clientId, AT.clientId + 6),
    attachFile: textFromUtf16(part(AT.attach, 2)),
    newPassword: whole && (flags3 & CHANGE_PASSWORD) !== 0 ? secret(AT.newPassword) : undefined,
    integrated: integrated || sspi.length > 0,
    sspi,
    features: [],
  };
  if (whole && (flags3 & EXTENSION) !== 0) {
    const features = decodeFeatures(bytes, part(AT.extension, 1));
    if (features === undefined) inside = false;
    else login.features = features;
  }
  return inside ? { kind: 'login', login, tooLong } : { kind: 'malformed', code: 'login7_field' };
}

/** FeatureExt (§2.2.6.4): the extension holds where the block begins; a feature is (id, length, data), 0xFF ends them. */
function decodeFeatures(bytes: Buffer, extension: Buffer): Feature[] | undefined {
  if (extension.length < 4) return undefined;
  const features: Feature[] = [];
  let at = extension.readUInt32LE(0);
  while (features.length <= MAX_FEATURES) {
    const id = bytes[at];
    if (id === undefined) return undefined;
    if (id === 0xff) return features;
    if (at + 5 > bytes.length) return undefined;
    const size = bytes.readUInt32LE(at + 1);
    if (at + 5 + size > bytes.length) return undefined;
    features.push({ id, data: Buffer.from(bytes.subarray(at + 5, at + 5 + size)) });
    at += 5 + size;
  }
  return undefined;
}

/** Fields of the TDS 4.2 record: bytes, then how many of them count. */
const AT42 = {
  host: [0, 30],
  user: [31, 30],
  password: [62, 30],
  process: [93, 30],
  app: [140, 30],
  server: [171, 30],
  library: [462, 10],
  language: [480, 30],
  packetSize: [557, 6],
} as const;
/** Up to the server name; some tools send no more. */
const MIN_42 = 202;

export function decodeLogin42(body: Buffer): DecodedLogin {
  if (body.length < MIN_42) return { kind: 'malformed', code: 'login42_truncated' };
  let inside = true;
  function name([at, size]: readonly [number, number]): string {
    if (at + size >= body.length) return '';
    const used = body[at + size] ?? 0;
    if (used > size) {
      inside = false;
      return '';
    }
    return textFromBytes(body.subarray(at, at + used));
  }
  const login: Login = {
    // 4.2.0.0 in most clients; zeros in old ones.
    tdsVersion: body.length >= 462 ? body.readUInt32BE(458) : 0,
    packetSize: Number.parseInt(name(AT42.packetSize), 10) || 512,
    clientVersion: body.length >= 477 ? body.toString('hex', 473, 477) : '',
    clientPid: Number.parseInt(name(AT42.process), 10) || 0,
    connectionId: 0,
    flags: body.toString('hex', 124, 133),
    timeZone: 0,
    lcid: 0,
    host: name(AT42.host),
    user: name(AT42.user),
    password: name(AT42.password),
    app: name(AT42.app),
    server: name(AT42.server),
    library: name(AT42.library),
    language: name(AT42.language),
    database: '',
    clientId: '',
    attachFile: '',
    newPassword: undefined,
    integrated: false,
    sspi: Buffer.alloc(0),
    features: [],
  };
  return inside ? { kind: 'login', login, tooLong: false } : { kind: 'malformed', code: 'login42_field' };
}
