/**
 * The coherent machine that a sensor pretends to be. Everything that differs between two real machines derives from the sensor's own secret
 * seed, so that one sensor's services agree with one another, agree with themselves after a restart, and share no constant with another sensor.
 */
import { hkdfSync } from 'node:crypto';

export const PERSONA_KINDS = ['windows-server', 'ubuntu-server'] as const;
export type PersonaKind = (typeof PERSONA_KINDS)[number];

/** One product of the machine, as its banners show it. */
export interface Product {
  name: string;
  version: string;
}

export interface Persona {
  readonly kind: PersonaKind;
  /** NetBIOS-style name on Windows (`WIN-7Q2…`), host name on Linux (`web-03`). */
  readonly hostName: string;
  /** DNS name of the machine, lower case. */
  readonly fqdn: string;
  /** Windows domain or workgroup; the DNS domain on Linux. */
  readonly domain: string;
  /** `Windows Server 2019 Standard`, `Ubuntu 22.04.4 LTS`. */
  readonly os: Product;
  /** Kernel release on Linux (`5.15.0-105-generic`), build on Windows (`10.0.17763`). */
  readonly kernel: string;
  /** Unix time in milliseconds of the machine's last start; plausible, the same after a restart of the sensor within the month. */
  readonly bootedAt: number;
  /** Unix time in milliseconds at which the machine was set up: certificates, databases and files are not older. */
  readonly installedAt: number;
  /** Offset of the machine's clock zone in minutes east of UTC. */
  readonly zoneMinutes: number;
  /** An ordinary user of the machine, and its organisation. */
  readonly user: string;
  readonly organisation: string;
  /** The product that a service passes for, by protocol name. */
  readonly products: Readonly<Record<string, Product>>;
  /** Bytes that are the same on every start of this sensor and different on every other: GUIDs, ids, serial numbers. */
  secret(label: string, bytes: number): Buffer;
  /** One of the list, chosen by the seed. */
  pick<T>(label: string, list: readonly [T, ...T[]]): T;
  /** A whole number from `min` to `max`, chosen by the seed. */
  number(label: string, min: number, max: number): number;
}

export interface PersonaSeed {
  secret(label: string, bytes: number): Buffer;
  pick<T>(label: string, list: readonly [T, ...T[]]): T;
  number(label: string, min: number, max: number): number;
}

export const SEED_BYTES = 32;

/** The derivations of a seed (HKDF, RFC 5869, with the label as info). */
export function seedOf(seed: Uint8Array): PersonaSeed {
  const secret = (label: string, bytes: number): Buffer =>
    Buffer.from(hkdfSync('sha256', seed, Buffer.alloc(0), `sundew persona ${label}`, bytes));
  const number = (label: string, min: number, max: number): number =>
    min + (secret(label, 6).readUIntBE(0, 6) % (max - min + 1));
  return { secret, number, pick: (label, list) => list[number(label, 0, list.length - 1)] ?? list[0] };
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';

/** `length` characters of the default Windows host-name alphabet. */
export function seededLetters(seed: PersonaSeed, label: string, length: number): string {
  return [...seed.secret(label, length)].map((byte) => LETTERS.charAt(byte % LETTERS.length)).join('');
}

export const DAY_MS = 86_400_000;

/**
 * The machine's last start: some day in the cycle of monthly maintenance before `nowMs`, so that uptime grows with the clock and starts anew
 * once a cycle like that of a patched server.
 */
export function lastBoot(seed: PersonaSeed, nowMs: number): number {
  const cycle = seed.number('boot cycle days', 24, 45) * DAY_MS;
  const phase = seed.number('boot phase', 0, cycle - 1);
  return Math.floor((nowMs - phase) / cycle) * cycle + phase;
}

/** When the machine was set up: some moment of the months in which the newest release that a persona can have was current. It never moves. */
export function installed(seed: PersonaSeed): number {
  return Date.UTC(2024, 8, 1) + seed.number('age days', 0, 300) * DAY_MS + seed.number('install time', 0, DAY_MS - 1);
}
