/**
 * The control connection of FTP (RFC 959 §5.3): lines of a verb, a space and an argument, read as vsftpd and IIS read them: an LF ends a line
 * with or without a CR, the first space ends the verb, and the rest is the argument as it stands.
 */
import type { Step } from '../kernel/codec.ts';

/** vsftpd reads a line, its end included, into a buffer of this size and hangs up on a longer one. */
export const MAX_LINE = 4096;
/** Bytes kept of a line that is too long. */
const MAX_SHOWN = 512;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;

export interface Command {
  kind: 'command';
  /** In upper case. */
  verb: string;
  argument: Buffer;
  line: Buffer;
}

export type Line = Command | { kind: 'too_long'; start: Buffer };

/** Upper case of the letters of ASCII alone: telnet's bytes before an ABOR are no letters. */
const upperCase = (text: string): string => text.replace(/[a-z]+/g, (letters) => letters.toUpperCase());

/** One line of the peer, without its end. */
export function decodeLine(bytes: Buffer): Step<Line> {
  const at = bytes.indexOf(LF);
  if (at < 0 ? bytes.length >= MAX_LINE : at >= MAX_LINE)
    return { kind: 'frame', frame: { kind: 'too_long', start: bytes.subarray(0, MAX_SHOWN) }, used: bytes.length };
  if (at < 0) return { kind: 'need', bytes: 1 };
  let end = at;
  while (end > 0 && bytes[end - 1] === CR) end -= 1;
  const line = bytes.subarray(0, end);
  const space = line.indexOf(SPACE);
  const verb = upperCase((space < 0 ? line : line.subarray(0, space)).toString('latin1'));
  const argument = line.subarray(space < 0 ? end : space + 1);
  return { kind: 'frame', frame: { kind: 'command', verb, argument, line }, used: at + 1 };
}

/** One answer of the server. Text of the peer in it is latin1, one character a byte. */
export function encodeReply(text: string): Buffer {
  // RFC 854: a byte 255 in the data of a telnet connection is doubled.
  return Buffer.from(`${text.includes('\xff') ? text.replaceAll('\xff', '\xff\xff') : text}\r\n`, 'latin1');
}

export interface Address {
  address: string;
  port: number;
}

const DECIMAL = /^\d{1,5}$/;

/** The argument of PORT (RFC 959 §4.1.2): `h1,h2,h3,h4,p1,p2`. */
export function parsePort(argument: string): Address | undefined {
  const parts = argument.split(',', 7);
  if (parts.length !== 6 || !parts.every((part) => DECIMAL.test(part) && Number(part) < 256)) return undefined;
  const [a, b, c, d, high, low] = parts.map(Number);
  return { address: `${a}.${b}.${c}.${d}`, port: Number(high) * 256 + Number(low) };
}

export type ExtendedPort = { kind: 'address'; address: Address } | { kind: 'bad_protocol' } | { kind: 'malformed' };

/** The argument of EPRT (RFC 2428 §2): `|protocol|address|port|`, with 1 for IPv4 and 2 for IPv6. */
export function parseExtendedPort(argument: string): ExtendedPort {
  const [before, protocol = '', address = '', port = '', after, ...more] = argument.split('|', 6);
  if (before !== '') return { kind: 'malformed' };
  if (protocol !== '1' && protocol !== '2') return { kind: 'bad_protocol' };
  if (after !== '' || more.length > 0 || !DECIMAL.test(port) || Number(port) > 65_535) return { kind: 'malformed' };
  const shape = protocol === '1' ? /^\d{1,3}(\.\d{1,3}){3}$/ : /^[0-9a-fA-F:.]{2,45}$/;
  if (!shape.test(address)) return { kind: 'malformed' };
  return { kind: 'address', address: { address: address.toLowerCase(), port: Number(port) } };
}
