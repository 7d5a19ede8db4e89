/** Which SQL Server this machine runs, and what it says around a login, as each version words it. */
import type { Persona } from '../surfaces/persona.ts';
import { type Dialect, versionName } from './dialect.ts';
import type { Login } from './login.ts';
import { DONE, ENV, type ServerMessage, TokenWriter } from './tokens.ts';

export interface SqlServer {
  /** `15.0.4261.1`. */
  version: string;
  major: number;
  /** `Microsoft SQL Server 2019 (RTM-CU18)`. */
  name: string;
  year: string;
  /** `RTM`, `SP3`, and `CU18` where there is one. */
  level: string;
  update: string | undefined;
  edition: string;
  /** The text of `@@VERSION`. */
  banner: string;
  hostName: string;
}

/** When Microsoft built what `@@VERSION` shows, and the article of the update. */
const BUILDS: Readonly<Record<string, { built: string; article?: string }>> = {
  '13.0.6300.2': { built: 'Aug  7 2021 01:20:37', article: 'KB5003279' },
  '14.0.1000.169': { built: 'Aug 22 2017 17:04:49' },
  '14.0.3456.2': { built: 'Sep  2 2022 11:01:50', article: 'KB5016884' },
  '15.0.2000.5': { built: 'Sep 24 2019 13:48:23' },
  '15.0.4261.1': { built: 'Sep 12 2022 15:07:06', article: 'KB5017593' },
  '16.0.1000.6': { built: 'Oct  8 2022 05:58:25' },
};
const DEFAULT = { name: 'Microsoft SQL Server 2019 (RTM)', version: '15.0.2000.5' };

const known = new WeakMap<Persona, SqlServer>();

export function sqlServerOf(persona: Persona): SqlServer {
  const made = known.get(persona) ?? describe(persona);
  known.set(persona, made);
  return made;
}

function describe(persona: Persona): SqlServer {
  const product = persona.products.mssql ?? DEFAULT;
  const year = /\d{4}/.exec(product.name)?.[0] ?? '2019';
  const level = /\(([A-Z0-9]+)(?:-(CU\d+))?\)/.exec(product.name);
  const build = BUILDS[product.version] ?? { built: 'Sep 24 2019 13:48:23' };
  const article = build.article === undefined ? '' : ` (${build.article})`;
  const windows = persona.kind === 'windows-server';
  const edition = windows ? 'Standard Edition (64-bit)' : 'Developer Edition (64-bit)';
  const platform = windows
    ? `${persona.os.name} 10.0 <X64> (Build ${persona.kernel.split('.')[2] ?? ''}: ) (Hypervisor)\n`
    : `Linux (${persona.os.name} ${persona.os.version}) <X64>`;
  return {
    version: product.version,
    major: Number(product.version.split('.')[0]),
    name: product.name,
    year,
    level: level?.[1] ?? 'RTM',
    update: level?.[2],
    edition,
    banner:
      `${product.name}${article} - ${product.version} (X64) \n\t${build.built} \n` +
      `\tCopyright (C) ${year} Microsoft Corporation\n\t${edition} on ${platform}`,
    hostName: persona.hostName,
  };
}

export function loginFailed(user: string): ServerMessage {
  return { number: 18456, state: 1, class: 14, text: `Login failed for user '${user}'.`, line: 1 };
}

/** A Windows login whose response did not verify; 2017 renamed the authentication. */
export function untrustedDomain(server: SqlServer): ServerMessage {
  const kind = server.major >= 14 ? 'Integrated' : 'Windows';
  const text = `Login failed. The login is from an untrusted domain and cannot be used with ${kind} authentication.`;
  return { number: 18452, state: 1, class: 14, text, line: 1 };
}

export function cannotOpenDatabase(database: string): ServerMessage {
  const text = `Cannot open database "${database}" requested by the login. The login failed.`;
  return { number: 4060, state: 1, class: 11, text, line: 1 };
}

export function databaseChanged(database: string): ServerMessage {
  return { number: 5701, state: 2, class: 0, text: `Changed database context to '${database}'.`, line: 1 };
}

export function languageChanged(language: string): ServerMessage {
  return { number: 5703, state: 1, class: 0, text: `Changed language setting to ${language}.`, line: 1 };
}

export function refusal(dialect: Dialect, server: SqlServer, messages: readonly ServerMessage[]): Buffer {
  const writer = new TokenWriter(dialect, server.hostName);
  for (const message of messages) writer.message(message);
  return writer.done('done', DONE.error, 0).bytes();
}

/** SQL Server's limits of a packet. Above 32,767 it takes that; encryption leaves room for 16 KB records. */
const MIN_PACKET = 512;
const MAX_PACKET = 32_767;
const MAX_ENCRYPTED_PACKET = 16_192;
const DEFAULT_PACKET = 4096;

export function agreedPacketSize(asked: number, encrypted: boolean): number {
  const wish = asked === 0 ? DEFAULT_PACKET : asked;
  return Math.max(MIN_PACKET, Math.min(wish, encrypted ? MAX_ENCRYPTED_PACKET : MAX_PACKET));
}

const FEATURE = { columnEncryption: 0x04, dataClassification: 0x09, utf8: 0x0a } as const;

/** The features of a login that this version acknowledges (MS-TDS §2.2.7.11). */
function acknowledged(login: Login, server: SqlServer): { id: number; data: Buffer }[] {
  const answers: { id: number; data: Buffer }[] = [];
  for (const { id } of login.features) {
    if (id === FEATURE.columnEncryption && server.major >= 13) answers.push({ id, data: Buffer.from([1]) });
    if (id === FEATURE.dataClassification && server.major >= 15) answers.push({ id, data: Buffer.from([2, 1]) });
    if (id === FEATURE.utf8 && server.major >= 15) answers.push({ id, data: Buffer.from([1]) });
  }
  return answers;
}

export interface Welcome {
  database: string;
  language: string;
  packetSize: number;
  /** The last word of SSPI, where there is one. */
  sspi: Buffer;
}

/** What follows an accepted login, in SQL Server's order. */
export function welcome(dialect: Dialect, server: SqlServer, login: Login, facts: Welcome): Buffer {
  const writer = new TokenWriter(dialect, server.hostName);
  if (facts.sspi.length > 0) writer.sspi(facts.sspi);
  writer.environment(ENV.database, facts.database, 'master').message(databaseChanged(facts.database));
  if (dialect.collations) writer.collationChange();
  writer.environment(ENV.language, facts.language, '').message(languageChanged(facts.language));
  writer.loginAck(server.version);
  writer.environment(ENV.packetSize, String(facts.packetSize), String(DEFAULT_PACKET));
  if (versionName(dialect.version) === '7.4' || versionName(dialect.version) === '8.0')
    writer.featureAck(acknowledged(login, server));
  return writer.done('done', 0, 0).bytes();
}
