/** The first packets of a connection: the server's greeting and what a client answers to it (internals manual, "Connection Phase Packets"). */
import { CLIENT, HEADER, has, Reader } from './codec.ts';

export const SALT_BYTES = 20;
/** The server refuses a longer block of connection attributes. */
const MAX_ATTRIBUTES_BYTES = 65_535;
/** Attributes read of one client; real ones send five to ten. */
const MAX_ATTRIBUTES = 64;
const HEADER_41 = 32;
const HEADER_40 = 5;

export interface Greeting {
  version: string;
  capabilities: number;
  charset: number;
  plugin: string;
}

/**
 * The frame of a HandshakeV10 but for its thread id and salt. All of them are the same in a server, so that a connection costs one copy.
 */
export function greetingTemplate(greeting: Greeting): Buffer {
  const version = Buffer.from(`\x0a${greeting.version}\0`, 'latin1');
  const tail = Buffer.from(`${greeting.plugin}\0`, 'latin1');
  const fixed = Buffer.alloc(4 + 8 + 1 + 2 + 1 + 2 + 2 + 1 + 10 + 13);
  fixed.writeUInt16LE(greeting.capabilities & 0xffff, 13);
  fixed[15] = greeting.charset;
  fixed.writeUInt16LE(2, 16);
  fixed.writeUInt16LE(greeting.capabilities >>> 16, 18);
  fixed[20] = SALT_BYTES + 1;
  const frame = Buffer.concat([Buffer.alloc(HEADER), version, fixed, tail]);
  frame.writeUIntLE(frame.length - HEADER, 0, 3);
  return frame;
}

export function encodeGreeting(template: Buffer, version: string, threadId: number, salt: Buffer): Buffer {
  const frame = Buffer.from(template);
  const at = HEADER + version.length + 2;
  frame.writeUInt32LE(threadId >>> 0, at);
  salt.copy(frame, at + 4, 0, 8);
  salt.copy(frame, at + 31, 8, SALT_BYTES);
  return frame;
}

/**
 * A salt as the server makes it: seven-bit bytes, none of them NUL or `$` (which are moved up by one), because it is also used where those end a
 * string.
 */
export function saltFrom(random: Buffer): Buffer {
  const salt = Buffer.from(random.subarray(0, SALT_BYTES));
  for (let i = 0; i < salt.length; i += 1) {
    const byte = (salt[i] ?? 0) & 0x7f;
    salt[i] = byte === 0 || byte === 0x24 ? byte + 1 : byte;
  }
  return salt;
}

export interface LoginRequest {
  capabilities: number;
  maxPacket: number;
  charset: number;
  username: Buffer;
  response: Buffer;
  database: Buffer | undefined;
  /** Undefined where the client knows of no plugins. */
  plugin: string | undefined;
  attributes: readonly (readonly [Buffer, Buffer])[];
}

/** The client's answer to the greeting, a request to go on in TLS, or neither. `capabilities` is what its first bytes claim, if there are any. */
export type FirstAnswer =
  | { kind: 'login'; login: LoginRequest }
  | { kind: 'tls'; capabilities: number }
  | { kind: 'malformed'; capabilities: number | undefined; old?: OldLogin };

/** What a client before 4.1 says: its response is eight bytes and a NUL. */
export interface OldLogin {
  username: Buffer;
  response: Buffer;
}

const MAX_OLD_RESPONSE = 64;

function decodeOldLogin(payload: Buffer): OldLogin {
  const reader = new Reader(payload);
  reader.at = HEADER_40;
  return { username: reader.terminatedOrRest(), response: reader.terminatedOrRest().subarray(0, MAX_OLD_RESPONSE) };
}

/** Reads the answer in the order in which the server does, so that what it refuses is refused here. `secure` is true inside TLS. */
export function decodeFirstAnswer(payload: Buffer, serverCapabilities: number, secure: boolean): FirstAnswer {
  if (payload.length < 2) return { kind: 'malformed', capabilities: undefined };
  const low = payload.readUInt16LE(0);
  // Connector/J sends only its capabilities before it begins TLS.
  if (!secure && payload.length === 4 && has(low, CLIENT.ssl))
    return { kind: 'tls', capabilities: payload.readUInt32LE(0) & serverCapabilities };
  const modern = has(low, CLIENT.protocol41);
  if (payload.length < (modern ? HEADER_41 : HEADER_40)) return { kind: 'malformed', capabilities: low };
  const capabilities = (modern ? payload.readUInt32LE(0) : low) & serverCapabilities;
  if (!secure && has(capabilities, CLIENT.ssl)) return { kind: 'tls', capabilities };

  const reader = new Reader(payload);
  reader.at = modern ? HEADER_41 : HEADER_40;
  const maxPacket = modern ? payload.readUInt32LE(4) : payload.readUIntLE(2, 3);
  const username = modern ? reader.terminated() : reader.terminatedOrRest();
  const response = reader.take(has(capabilities, CLIENT.lenencAuth) ? reader.lengthEncoded() : reader.int(1));
  const field = (): Buffer => (modern ? reader.terminated() : reader.terminatedOrRest());
  const database = has(capabilities, CLIENT.connectWithDb) ? field() : undefined;
  if (!reader.ok) return { kind: 'malformed', capabilities, ...(modern ? {} : { old: decodeOldLogin(payload) }) };
  // A missing plugin name counts as an empty one.
  const plugin = reader.left > 0 ? reader.terminatedOrRest() : Buffer.alloc(0);
  let attributes: [Buffer, Buffer][] = [];
  if (has(capabilities, CLIENT.connectAttrs)) {
    const block = readAttributes(reader);
    if (block === undefined) return { kind: 'malformed', capabilities };
    attributes = block;
  }
  return {
    kind: 'login',
    login: {
      capabilities,
      maxPacket,
      charset: modern ? (payload[8] ?? 0) : 0,
      username: unquoted(username),
      response,
      database,
      plugin: has(capabilities, CLIENT.pluginAuth) ? plugin.toString('latin1') : undefined,
      attributes,
    },
  };
}

/** The server takes quotes off a name that begins and ends with them. */
function unquoted(name: Buffer): Buffer {
  return name.length > 1 && name[0] === 0x27 && name.at(-1) === 0x27 ? name.subarray(1, -1) : name;
}

function readAttributes(reader: Reader): [Buffer, Buffer][] | undefined {
  const block = reader.lengthEncodedBytes();
  if (!reader.ok || block.length > MAX_ATTRIBUTES_BYTES) return undefined;
  const pairs: [Buffer, Buffer][] = [];
  const inner = new Reader(block);
  // What does not parse inside the block is left out and refused by nobody.
  while (inner.left > 0 && pairs.length < MAX_ATTRIBUTES) {
    const name = inner.lengthEncodedBytes();
    const value = inner.lengthEncodedBytes();
    if (!inner.ok) break;
    pairs.push([name, value]);
  }
  return pairs;
}

export interface ChangeUser {
  username: Buffer;
  response: Buffer;
  database: Buffer;
  charset: number | undefined;
  plugin: string | undefined;
  attributes: readonly (readonly [Buffer, Buffer])[];
}

/** COM_CHANGE_USER without its command byte. Undefined where the server answers "Unknown command". */
export function decodeChangeUser(payload: Buffer, capabilities: number): ChangeUser | undefined {
  const reader = new Reader(payload);
  const username = reader.terminated();
  const response = reader.take(reader.int(1));
  const database = reader.terminated();
  if (!reader.ok) return undefined;
  const charset = reader.left >= 2 ? reader.int(2) : undefined;
  const plugin = has(capabilities, CLIENT.pluginAuth) ? reader.terminatedOrRest().toString('latin1') : undefined;
  const attributes = has(capabilities, CLIENT.connectAttrs) && reader.left > 0 ? (readAttributes(reader) ?? []) : [];
  return { username, response, database, charset, plugin, attributes };
}

/** Protocol::AuthSwitchRequest: the plugin to go on with and its salt. */
export function encodeAuthSwitch(plugin: string, salt: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`\xfe${plugin}\0`, 'latin1'), salt, Buffer.from([0])]);
}

/** Protocol::AuthMoreData. */
export function encodeAuthMore(data: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([1]), data]);
}
