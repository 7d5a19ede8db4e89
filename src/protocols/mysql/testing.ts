/** What the tests of this folder share: a persona of a wanted version, a client's packets, and a reader of what the server sent. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Conversation, converse, TEST_NOW, TEST_SEED } from '../play.ts';
import type { Persona } from '../surfaces/persona.ts';
import { makePersona } from '../surfaces/personas.ts';
import { CLIENT, encodePackets, FULL_PACKET, HEADER } from './codec.ts';
import { mysql } from './service.ts';

const machines = new Map<string, Persona>();

/** One persona for each version, so that all tests share its keys. */
export function personaOf(version: '5.7.44' | '8.0.36'): Persona {
  const made = machines.get(version);
  if (made !== undefined) return made;
  const plain = makePersona(version === '5.7.44' ? 'windows-server' : 'ubuntu-server', TEST_SEED, TEST_NOW);
  const persona = { ...plain, products: { ...plain.products, mysql: { name: 'MySQL', version } } };
  machines.set(version, persona);
  return persona;
}

export const fixture = (name: string): Buffer => readFileSync(join(import.meta.dirname, 'fixtures', `${name}.bin`));

export const DEFAULT_FLAGS = CLIENT.protocol41 | CLIENT.secureConnection | CLIENT.pluginAuth | CLIENT.multiStatements;

export interface LoginFields {
  username: string;
  response: Buffer;
  plugin?: string;
  flags?: number;
  database?: string;
}

export function loginPayload(fields: LoginFields): Buffer {
  const flags = (fields.flags ?? DEFAULT_FLAGS) | (fields.database === undefined ? 0 : CLIENT.connectWithDb);
  const head = Buffer.alloc(32);
  head.writeUInt32LE(flags >>> 0, 0);
  head.writeUInt32LE(FULL_PACKET, 4);
  head[8] = 45;
  return Buffer.concat([
    head,
    Buffer.from(`${fields.username}\0`),
    Buffer.from([fields.response.length]),
    fields.response,
    Buffer.from(fields.database === undefined ? '' : `${fields.database}\0`),
    Buffer.from(fields.plugin === undefined ? '' : `${fields.plugin}\0`),
  ]);
}

export const frame = (payload: Buffer, sequence: number): Buffer => encodePackets([payload], sequence);

/** The packets sent so far. */
export function packetsOf(sent: string): { sequence: number; payload: Buffer }[] {
  const bytes = Buffer.from(sent, 'latin1');
  const list: { sequence: number; payload: Buffer }[] = [];
  for (let at = 0; at + HEADER <= bytes.length; ) {
    const length = bytes.readUIntLE(at, 3);
    list.push({ sequence: bytes[at + 3] ?? 0, payload: bytes.subarray(at + HEADER, at + HEADER + length) });
    at += HEADER + length;
  }
  return list;
}

export function lastPacket(conversation: Conversation): { sequence: number; payload: Buffer } {
  return packetsOf(conversation.sent).at(-1) ?? { sequence: -1, payload: Buffer.alloc(0) };
}

/** The salt of the greeting. */
export function greetingSalt(conversation: Conversation): Buffer {
  const greeting = packetsOf(conversation.sent)[0]?.payload ?? Buffer.alloc(0);
  const at = greeting.indexOf(0) + 5;
  return Buffer.concat([greeting.subarray(at, at + 8), greeting.subarray(at + 27, at + 39)]);
}

export function events(conversation: Conversation, type: string): Record<string, unknown>[] {
  return conversation.events.filter((event) => event.type === type).map((event) => event.fields);
}

/** A client that is logged in, with any password. */
export function loggedIn(options: object = {}, flags = DEFAULT_FLAGS): Conversation {
  const config = { persona: personaOf('5.7.44'), options: { lure: { accept: 'always' }, ...options } };
  const conversation = converse(mysql, config);
  const login = loginPayload({
    username: 'root',
    response: Buffer.alloc(20, 1),
    plugin: 'mysql_native_password',
    flags,
  });
  conversation.push(frame(login, 1));
  return conversation;
}

/** Sends one command and gives the packets of its answer. */
export function command(conversation: Conversation, code: number, body: Buffer | string = ''): Buffer[] {
  const before = conversation.sent.length;
  conversation.push(frame(Buffer.concat([Buffer.from([code]), Buffer.from(body as string, 'latin1')]), 0));
  return packetsOf(conversation.sent.slice(before)).map(({ payload }) => payload);
}

/** The rows of a text result set as the client would print them, tab-separated; an error or OK as one line. */
export function shown(packets: readonly Buffer[]): string[] {
  const [first] = packets;
  if (first === undefined) return [];
  if (first[0] === 0xff) return [`${first.readUInt16LE(1)} ${first.toString('latin1', 4)}`];
  if (first[0] === 0) return [`OK ${first[1]}`];
  const count = first[0] ?? 0;
  return packets.slice(2 + count, -1).map(textRow);
}

function textRow(payload: Buffer): string {
  const cells: string[] = [];
  for (let at = 0; at < payload.length; ) {
    const length = payload[at] ?? 0;
    if (length === 0xfb) {
      cells.push('NULL');
      at += 1;
    } else if (length === 0xfc) {
      const size = payload.readUInt16LE(at + 1);
      cells.push(payload.toString('latin1', at + 3, at + 3 + size));
      at += 3 + size;
    } else {
      cells.push(payload.toString('latin1', at + 1, at + 1 + length));
      at += 1 + length;
    }
  }
  return cells.join('\t');
}
