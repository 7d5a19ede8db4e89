/** What stays the same in one mysqld from connection to connection, made once for each persona and key store. */
import type { Identity } from '../kernel/contract.ts';
import type { Persona } from '../surfaces/persona.ts';
import { type KeyPair, keyPairOf } from './auth.ts';
import { CLIENT } from './codec.ts';
import { greetingTemplate } from './handshake.ts';
import { type Face, faceOf } from './replies.ts';

export interface Machine {
  face: Face;
  capabilities: number;
  greeting: Buffer;
  /** Connections that the server has had before those we count. */
  threadBase: number;
}

const plain = new WeakMap<Persona, Machine>();
const withTls = new WeakMap<Persona, Machine>();
const keyPairs = new WeakMap<Identity, KeyPair>();

export function machineOf(persona: Persona, tls: boolean): Machine {
  const known = tls ? withTls : plain;
  const made = known.get(persona);
  if (made !== undefined) return made;
  const face = faceOf(persona);
  const capabilities = (tls ? face.capabilities : face.capabilities & ~CLIENT.ssl) >>> 0;
  const machine = {
    face,
    capabilities,
    greeting: greetingTemplate({ version: face.version, capabilities, charset: face.charset, plugin: face.plugin }),
    threadBase: persona.number('mysql thread id', 9, 180_000),
  };
  known.set(persona, machine);
  return machine;
}

export function keysOf(identity: Identity): KeyPair {
  const made = keyPairs.get(identity);
  if (made !== undefined) return made;
  const pair = keyPairOf(identity.rsa('mysql'));
  keyPairs.set(identity, pair);
  return pair;
}
