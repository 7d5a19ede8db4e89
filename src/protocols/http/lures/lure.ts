/** A lure: an application or a forgotten file beside the start page, with the logins that it checks. */
import { createHmac } from 'node:crypto';
import type { Persona, PersonaKind } from '../../surfaces/persona.ts';
import type { Attempt, Form } from '../credentials.ts';
import { header, type Request } from '../message.ts';
import type { Place, Product, Reply } from '../products/product.ts';

export interface Visit {
  request: Request;
  path: string;
  query: Form;
  form: Form;
  place: Place;
  product: Product;
  /** Unix time in milliseconds. */
  nowMs: number;
  /** The login that the lure checks, where the request carries one. */
  login: (Attempt & { accepted: boolean }) | undefined;
  random(bytes: number): Buffer;
}

export interface Lure {
  readonly name: string;
  readonly personas: readonly PersonaKind[];
  /** Paths under it, in lower case; one that ends with `/` takes all below it. */
  readonly paths: readonly string[];
  /** The mechanisms that it checks; a login by another is recorded and not looked at. */
  readonly mechanisms: readonly string[];
  /** Only with this product (an authentication module that the others do not have). */
  readonly products?: readonly Product['name'][];
  /** What it answers; nothing where the server itself should. */
  answer(visit: Visit): Reply | undefined;
}

export const get = (form: Form, name: string): string | undefined => form.find(([field]) => field === name)?.[1];

const MAC_CHARACTERS = 24;

/** A value for a session cookie that any later connection can check: random, and signed by this sensor for this lure. */
export function signIn(visit: Visit, lure: string): string {
  const salt = visit.random(8).toString('hex');
  return salt + mac(visit.place.persona, lure, salt);
}

function mac(persona: Persona, lure: string, salt: string): string {
  return createHmac('sha256', persona.secret(`http cookie ${lure}`, 32))
    .update(salt)
    .digest('hex')
    .slice(0, MAC_CHARACTERS);
}

const SIGNED = /[0-9a-f]{40}/g;

/** Whether a cookie of the request was given out by `signIn`. */
export function isSignedIn(visit: Visit, lure: string): boolean {
  const cookies = header(visit.request, 'cookie')?.slice(0, 4096) ?? '';
  for (const [value] of cookies.matchAll(SIGNED))
    if (value.slice(16) === mac(visit.place.persona, lure, value.slice(0, 16))) return true;
  return false;
}

export const html = (text: string): Buffer => Buffer.from(text, 'utf8');

/** A day some weeks after the machine was set up, for files that came later. */
export function laterDate(persona: Persona, label: string): number {
  return persona.installedAt + persona.number(label, 3 * 86_400, 30 * 86_400) * 1000;
}

/** A secret as people write them into configuration files, the same for every visit to this sensor. */
export function secretWord(persona: Persona, label: string, length: number): string {
  const letters = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789';
  return [...persona.secret(`http ${label}`, length)].map((byte) => letters.charAt(byte % letters.length)).join('');
}
