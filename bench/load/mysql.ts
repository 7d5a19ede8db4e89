/** As much of MySQL's client side as a login with `mysql_native_password` needs. */
import { createHash } from 'node:crypto';

const PROTOCOL_41 = 0x200;
const SECURE_CONNECTION = 0x8000;
const LONG_PASSWORD = 0x1;
const MAX_PACKET = 0x01000000;
const UTF8 = 33;

export const MYSQL_QUIT = Buffer.from([1, 0, 0, 0, 1]);

function sha1(...parts: readonly (Buffer | string)[]): Buffer {
  const hash = createHash('sha1');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** Bytes of the packet at `from`, header included; undefined until all of it is there. */
export function packetEnd(bytes: Buffer, from: number): number | undefined {
  if (bytes.length < from + 4) return undefined;
  const end = from + 4 + bytes.readUIntLE(from, 3);
  return bytes.length < end ? undefined : end;
}

/** The 20 bytes of challenge in a greeting: 8 after version and thread id, 12 behind the capabilities (HandshakeV10). */
export function challengeOf(greeting: Buffer): Buffer {
  const first = greeting.indexOf(0, 5) + 5;
  const second = first + 8 + 1 + 2 + 1 + 2 + 2 + 1 + 10;
  return Buffer.concat([greeting.subarray(first, first + 8), greeting.subarray(second, second + 12)]);
}

/** HandshakeResponse41. The response is SHA1(password) XOR SHA1(challenge + SHA1(SHA1(password))). */
export function loginPacket(user: string, password: string, challenge: Buffer): Buffer {
  const head = Buffer.alloc(32);
  head.writeUInt32LE(LONG_PASSWORD | PROTOCOL_41 | SECURE_CONNECTION, 0);
  head.writeUInt32LE(MAX_PACKET, 4);
  head[8] = UTF8;
  const once = sha1(password);
  const mask = sha1(challenge, sha1(once));
  const response = Buffer.from(once.map((byte, index) => byte ^ (mask[index] ?? 0)));
  const body = Buffer.concat([head, Buffer.from(`${user}\0`), Buffer.from([response.length]), response]);
  const frame = Buffer.alloc(4);
  frame.writeUIntLE(body.length, 0, 3);
  frame[3] = 1;
  return Buffer.concat([frame, body]);
}
