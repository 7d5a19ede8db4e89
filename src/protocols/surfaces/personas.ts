/** The personas there are, by name. */
import { type Persona, type PersonaKind, type PersonaSeed, seedOf } from './persona.ts';
import { ubuntuServer } from './ubuntu-server.ts';
import { windowsServer } from './windows-server.ts';

const MAKERS: Readonly<Record<PersonaKind, (seed: PersonaSeed, nowMs: number) => Persona>> = {
  'windows-server': windowsServer,
  'ubuntu-server': ubuntuServer,
};

/** The machine that this seed makes of a persona, at the time `nowMs` (Unix milliseconds), which only its uptime depends on. */
export function makePersona(kind: PersonaKind, seed: Uint8Array, nowMs: number): Persona {
  return MAKERS[kind](seedOf(seed), nowMs);
}
