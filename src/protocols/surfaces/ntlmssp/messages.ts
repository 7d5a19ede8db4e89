/**
 * NTLMSSP messages (MS-NLMP §2.2.1): NEGOTIATE and AUTHENTICATE from a peer, CHALLENGE to it. Every message starts with the signature
 * `NTLMSSP\0` and its type; variable fields are (length, allocated length, offset from the start of the message), little-endian.
 */

const SIGNATURE = Buffer.from('NTLMSSP\0', 'latin1');
/** Longer messages are refused: an AUTHENTICATE is a few hundred bytes, its longest field at most 65,535. */
export const MAX_NTLMSSP = 65_536;

/** MS-NLMP §2.2.2.5. */
export const FLAG = {
  unicode: 0x0000_0001,
  oem: 0x0000_0002,
  requestTarget: 0x0000_0004,
  sign: 0x0000_0010,
  seal: 0x0000_0020,
  ntlm: 0x0000_0200,
  alwaysSign: 0x0000_8000,
  targetTypeDomain: 0x0001_0000,
  targetTypeServer: 0x0002_0000,
  extendedSessionSecurity: 0x0008_0000,
  targetInfo: 0x0080_0000,
  version: 0x0200_0000,
  key128: 0x2000_0000,
  keyExchange: 0x4000_0000,
  key56: 0x8000_0000,
} as const;

export interface NtlmVersion {
  major: number;
  minor: number;
  build: number;
}

export interface Negotiate {
  type: 'negotiate';
  flags: number;
  /** OEM bytes. */
  domain: Buffer;
  workstation: Buffer;
  version: NtlmVersion | undefined;
}

export interface Authenticate {
  type: 'authenticate';
  flags: number;
  /** Whether names are UTF-16LE; OEM bytes otherwise. */
  unicode: boolean;
  lmResponse: Buffer;
  ntResponse: Buffer;
  domain: Buffer;
  user: Buffer;
  workstation: Buffer;
  version: NtlmVersion | undefined;
}

export type NtlmMessage = Negotiate | Authenticate;
export type DecodedNtlm = { kind: 'message'; message: NtlmMessage } | { kind: 'malformed'; code: string };

export function isNtlmssp(bytes: Uint8Array): boolean {
  return bytes.length >= 8 && SIGNATURE.equals(bytes.subarray(0, 8));
}

/** A variable field, or undefined when it points outside the message. Absent (all zero) is empty. */
function field(bytes: Buffer, at: number): Buffer | undefined {
  if (at + 8 > bytes.length) return Buffer.alloc(0);
  const length = bytes.readUInt16LE(at);
  const offset = bytes.readUInt32LE(at + 4);
  if (length === 0) return Buffer.alloc(0);
  return offset + length > bytes.length ? undefined : bytes.subarray(offset, offset + length);
}

function versionAt(bytes: Buffer, at: number, flags: number): NtlmVersion | undefined {
  if ((flags & FLAG.version) === 0 || at + 8 > bytes.length) return undefined;
  return { major: bytes.readUInt8(at), minor: bytes.readUInt8(at + 1), build: bytes.readUInt16LE(at + 2) };
}

export function decodeNtlmssp(bytes: Buffer): DecodedNtlm {
  if (bytes.length > MAX_NTLMSSP) return { kind: 'malformed', code: 'ntlmssp_too_large' };
  if (!isNtlmssp(bytes)) return { kind: 'malformed', code: 'ntlmssp_signature' };
  if (bytes.length < 16) return { kind: 'malformed', code: 'ntlmssp_truncated' };
  switch (bytes.readUInt32LE(8)) {
    case 1:
      return decodeNegotiate(bytes);
    case 3:
      return decodeAuthenticate(bytes);
    default:
      return { kind: 'malformed', code: 'ntlmssp_type' };
  }
}

function decodeNegotiate(bytes: Buffer): DecodedNtlm {
  const flags = bytes.readUInt32LE(12);
  // §2.2.1.1: old clients end after the flags.
  const domain = field(bytes, 16);
  const workstation = field(bytes, 24);
  if (domain === undefined || workstation === undefined) return { kind: 'malformed', code: 'ntlmssp_field' };
  return {
    kind: 'message',
    message: { type: 'negotiate', flags, domain, workstation, version: versionAt(bytes, 32, flags) },
  };
}

function decodeAuthenticate(bytes: Buffer): DecodedNtlm {
  if (bytes.length < 52) return { kind: 'malformed', code: 'ntlmssp_truncated' };
  const lmResponse = field(bytes, 12);
  const ntResponse = field(bytes, 20);
  const domain = field(bytes, 28);
  const user = field(bytes, 36);
  const workstation = field(bytes, 44);
  if (!lmResponse || !ntResponse || !domain || !user || !workstation)
    return { kind: 'malformed', code: 'ntlmssp_field' };
  // LAN Manager era clients leave out session key and flags: their names start where the flags would lie, and are OEM text.
  const flags = bytes.length >= 64 ? bytes.readUInt32LE(60) : FLAG.oem;
  return {
    kind: 'message',
    message: {
      type: 'authenticate',
      flags,
      unicode: (flags & FLAG.unicode) !== 0,
      lmResponse,
      ntResponse,
      domain,
      user,
      workstation,
      version: versionAt(bytes, 64, flags),
    },
  };
}

/** MS-NLMP §2.2.2.1. */
const AV = { end: 0, nbComputer: 1, nbDomain: 2, dnsComputer: 3, dnsDomain: 4, dnsTree: 5, timestamp: 7 } as const;

export interface ChallengeNames {
  netbiosComputer: string;
  netbiosDomain: string;
  dnsComputer: string;
  dnsDomain: string;
  /** Forest; left out of a machine that is in no domain. */
  dnsTree?: string;
}

export interface Challenge {
  /** The flags of the peer's NEGOTIATE. */
  requested: number;
  serverChallenge: Uint8Array;
  names: ChallengeNames;
  version: NtlmVersion;
  /** Unix time in milliseconds; Windows Vista and later send it. */
  nowMs: number;
}

/** Seconds from 1601 to 1970. */
const FILETIME_EPOCH = 11_644_473_600n;
export function fileTime(unixMs: number): bigint {
  return (BigInt(Math.floor(unixMs)) + FILETIME_EPOCH * 1000n) * 10_000n;
}

function pair(id: number, value: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16LE(id, 0);
  head.writeUInt16LE(value.length, 2);
  return Buffer.concat([head, value]);
}

function targetInfo(names: ChallengeNames, nowMs: number): Buffer {
  const text = (value: string): Buffer => Buffer.from(value, 'utf16le');
  const time = Buffer.alloc(8);
  time.writeBigUInt64LE(fileTime(nowMs));
  // The order in which Windows sends them.
  return Buffer.concat([
    pair(AV.nbDomain, text(names.netbiosDomain)),
    pair(AV.nbComputer, text(names.netbiosComputer)),
    pair(AV.dnsDomain, text(names.dnsDomain)),
    pair(AV.dnsComputer, text(names.dnsComputer)),
    ...(names.dnsTree === undefined ? [] : [pair(AV.dnsTree, text(names.dnsTree))]),
    pair(AV.timestamp, time),
    pair(AV.end, Buffer.alloc(0)),
  ]);
}

/** What the server grants of the flags that a client asked for. */
const GRANTABLE =
  FLAG.requestTarget |
  FLAG.sign |
  FLAG.seal |
  FLAG.ntlm |
  FLAG.alwaysSign |
  FLAG.extendedSessionSecurity |
  FLAG.version |
  FLAG.key128 |
  FLAG.keyExchange |
  FLAG.key56;

export function encodeChallenge(challenge: Challenge): Buffer {
  const { names, version } = challenge;
  const inDomain = names.dnsTree !== undefined;
  const unicode = (challenge.requested & FLAG.unicode) !== 0 || (challenge.requested & FLAG.oem) === 0;
  const flags =
    (challenge.requested & GRANTABLE) |
    (unicode ? FLAG.unicode : FLAG.oem) |
    FLAG.ntlm |
    FLAG.targetInfo |
    FLAG.version |
    (inDomain ? FLAG.targetTypeDomain : FLAG.targetTypeServer);
  // Windows names its target and its version whether or not the client asked.
  const name = inDomain ? names.netbiosDomain : names.netbiosComputer;
  const target = Buffer.from(name, unicode ? 'utf16le' : 'latin1');
  const info = targetInfo(names, challenge.nowMs);
  const head = Buffer.alloc(56);
  SIGNATURE.copy(head);
  head.writeUInt32LE(2, 8);
  head.writeUInt16LE(target.length, 12);
  head.writeUInt16LE(target.length, 14);
  head.writeUInt32LE(56, 16);
  head.writeUInt32LE(flags >>> 0, 20);
  head.set(challenge.serverChallenge.subarray(0, 8), 24);
  head.writeUInt16LE(info.length, 40);
  head.writeUInt16LE(info.length, 42);
  head.writeUInt32LE(56 + target.length, 44);
  head[48] = version.major;
  head[49] = version.minor;
  head.writeUInt16LE(version.build, 50);
  // NTLMSSP_REVISION_W2K3, §2.2.2.10.
  head[55] = 15;
  return Buffer.concat([head, target, info]);
}
