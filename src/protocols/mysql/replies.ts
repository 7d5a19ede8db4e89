/** What mysqld says: its error numbers, states and words (share/errmsg of 5.7 and 8.0), and what differs between its versions. */
import type { TlsOptions } from '../kernel/contract.ts';
import type { Persona } from '../surfaces/persona.ts';
import type { AuthPlugin } from './auth.ts';

export interface MysqlError {
  code: number;
  state: string;
  message: string;
}

const error = (code: number, state: string, message: string): MysqlError => ({ code, state, message });

/** `%-.48s` and the like in the server's format strings: names are cut. */
const cut = (text: string, limit: number): string => (text.length > limit ? text.slice(0, limit) : text);

/** Texts are byte strings (latin1), as the names in them are whatever bytes the peer sent. */
export const errors = {
  badHandshake: error(1043, '08S01', 'Bad handshake'),
  unknownCommand: error(1047, '08S01', 'Unknown command'),
  noDatabase: error(1046, '3D000', 'No database selected'),
  emptyQuery: error(1065, '42000', 'Query was empty'),
  packetTooLarge: error(1153, '08S01', "Got a packet bigger than 'max_allowed_packet' bytes"),
  packetsOutOfOrder: error(1156, '08S01', 'Got packets out of order'),
  readInterrupted: error(1159, '08S01', 'Got timeout reading communication packets'),
  malformedPacket: error(1835, 'HY000', 'Malformed communication packet.'),
  columnCount: error(1136, '21S01', "Column count doesn't match value count at row 1"),
  accessDenied: (user: string, host: string, withPassword: boolean): MysqlError =>
    error(
      1045,
      '28000',
      `Access denied for user '${cut(user, 48)}'@'${cut(host, 64)}' (using password: ${withPassword ? 'YES' : 'NO'})`,
    ),
  unknownDatabase: (name: string): MysqlError => error(1049, '42000', `Unknown database '${cut(name, 192)}'`),
  databaseExists: (name: string): MysqlError =>
    error(1007, 'HY000', `Can't create database '${cut(name, 192)}'; database exists`),
  noDatabaseToDrop: (name: string): MysqlError =>
    error(1008, 'HY000', `Can't drop database '${cut(name, 192)}'; database doesn't exist`),
  tableExists: (name: string): MysqlError => error(1050, '42S01', `Table '${cut(name, 192)}' already exists`),
  unknownTable: (name: string): MysqlError => error(1051, '42S02', `Unknown table '${cut(name, 385)}'`),
  noSuchTable: (database: string, table: string): MysqlError =>
    error(1146, '42S02', `Table '${cut(database, 192)}.${cut(table, 192)}' doesn't exist`),
  unknownColumn: (name: string, where: string): MysqlError =>
    error(1054, '42S22', `Unknown column '${cut(name, 192)}' in '${where}'`),
  unknownVariable: (name: string): MysqlError => error(1193, 'HY000', `Unknown system variable '${cut(name, 64)}'`),
  unknownFunction: (database: string, name: string): MysqlError =>
    error(1305, '42000', `FUNCTION ${database}.${cut(name, 192)} does not exist`),
  nameTooLong: (name: string): MysqlError => error(1059, '42000', `Identifier name '${cut(name, 100)}' is too long`),
  functionExists: (name: string): MysqlError => error(1125, 'HY000', `Function '${cut(name, 192)}' already exists`),
  sharedLibrary: (name: string): MysqlError =>
    error(1126, 'HY000', `Can't open shared library '${cut(name, 192)}' (errno: 2 No such file or directory)`),
  fileExists: (name: string): MysqlError => error(1086, 'HY000', `File '${cut(name, 200)}' already exists`),
  unknownStatement: (id: number, command: string): MysqlError =>
    error(1243, 'HY000', `Unknown prepared statement handler (${id}) given to ${command}`),
  wrongArguments: (what: string): MysqlError => error(1210, 'HY000', `Incorrect arguments to ${what}`),
  syntax: (near: string, line: number): MysqlError =>
    error(
      1064,
      '42000',
      `You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version for the right syntax to use near '${cut(near, 80)}' at line ${line}`,
    ),
} as const;

/** How one version of mysqld presents itself. */
export interface Face {
  /** As in the greeting: with the packager's suffix. */
  version: string;
  series: '5.7' | '8.0';
  capabilities: number;
  charset: number;
  collation: string;
  plugin: AuthPlugin;
  tls: TlsOptions;
  versionComment: string;
  versionOs: string;
  machine: string;
}

/** 5.7 offers every flag up to DEPRECATE_EOF and the two top ones; 8.0 added five, the last (multi-factor) in 8.0.27. */
const CAPABILITIES_57 = 0xc1ffffff;
const CAPABILITIES_80 = 0xdfffffff;

export function faceOf(persona: Persona): Face {
  const version = persona.products.mysql?.version ?? '8.0.36';
  const windows = persona.kind === 'windows-server';
  const packaged = version.includes('ubuntu');
  const common = {
    version,
    versionComment: packaged ? '(Ubuntu)' : 'MySQL Community Server (GPL)',
    versionOs: windows ? 'Win64' : 'Linux',
    machine: 'x86_64',
  };
  return version.startsWith('5.')
    ? {
        ...common,
        series: '5.7',
        capabilities: CAPABILITIES_57,
        charset: 8,
        collation: 'latin1_swedish_ci',
        plugin: 'mysql_native_password',
        tls: { minVersion: 'TLSv1', maxVersion: 'TLSv1.2' },
      }
    : {
        ...common,
        series: '8.0',
        capabilities: CAPABILITIES_80,
        charset: 255,
        collation: 'utf8mb4_0900_ai_ci',
        plugin: 'caching_sha2_password',
        // 8.0.28 took out TLS 1.0 and 1.1.
        tls: { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3' },
      };
}
