/**
 * The databases that a lured client finds: the server's own and one of a small business, all derived from the persona. A connection that changes
 * something gets a copy of its own, within bounds, so that what an attacker drops, creates and inserts is there when it looks again.
 */
import type { Persona } from '../../surfaces/persona.ts';
import type { Column, Value } from '../results.ts';

export interface Table {
  name: string;
  columns: TableColumn[];
  rows: Value[][];
}

export interface TableColumn {
  name: string;
  /** As in SHOW COLUMNS: `varchar(64)`. */
  declared: string;
  type: Column['type'];
  key: '' | 'PRI' | 'UNI';
}

export type Schema = Map<string, Table>;
export type Databases = Map<string, Schema>;

export const MAX_DATABASES = 64;
export const MAX_TABLES = 256;
export const MAX_ROWS = 2000;
/** Bytes of text that one connection can insert. */
export const MAX_INSERTED_BYTES = 2 * 1_048_576;

export const SYSTEM_SCHEMAS = ['information_schema', 'mysql', 'performance_schema', 'sys'] as const;

export function column(name: string, declared: string, key: TableColumn['key'] = ''): TableColumn {
  return { name, declared, type: valueType(declared), key };
}

export function valueType(declared: string): Column['type'] {
  if (/^(?:tiny|small|medium|big)?int|^serial|^bool|^year|^bit/i.test(declared)) return 'integer';
  return /^(?:float|double|real)/i.test(declared) ? 'double' : 'text';
}

const table = (name: string, columns: TableColumn[], rows: Value[][]): [string, Table] => [
  name,
  { name, columns, rows },
];

const FIRST = [
  'anna',
  'ben',
  'clara',
  'david',
  'elena',
  'frank',
  'greta',
  'hugo',
  'ines',
  'jan',
  'karin',
  'louis',
] as const;
const LAST = [
  'berg',
  'costa',
  'dahl',
  'evans',
  'fischer',
  'grant',
  'horvat',
  'ivanov',
  'jensen',
  'kowal',
  'lang',
  'moser',
] as const;

/** Deterministic choices out of one block of the persona's secret. */
function chooser(persona: Persona, label: string, bytes: number): (limit: number) => number {
  const secret = persona.secret(`mysql ${label}`, bytes * 2);
  let at = 0;
  return (limit) => {
    at = (at + 2) % (secret.length - 1);
    return secret.readUInt16BE(at) % limit;
  };
}

const day = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace('T', ' ');

function bcrypt(persona: Persona, label: string): string {
  const text = persona.secret(`mysql ${label}`, 42).toString('base64').replaceAll('+', '.').replaceAll('=', '');
  return `$2y$10$${text.slice(0, 53)}`;
}

/** On Windows the persona's domain is a NetBIOS name, which no mail goes to. */
function mailDomain(persona: Persona): string {
  return persona.kind === 'windows-server' ? `${persona.organisation.toLowerCase()}.com` : persona.domain;
}

function businessSchema(persona: Persona): Schema {
  const choose = chooser(persona, 'rows', 512);
  const people = Array.from({ length: 12 + choose(20) }, (_, i) => {
    const first = FIRST[choose(FIRST.length)] ?? 'anna';
    const last = LAST[choose(LAST.length)] ?? 'berg';
    const created =
      persona.installedAt + Math.floor((persona.bootedAt - persona.installedAt) * (choose(9999) / 10_000));
    return { id: i + 1, first, last, email: `${first}.${last}@${mailDomain(persona)}`, created: day(created) };
  });
  const staff = people.slice(0, 5);
  return new Map([
    table(
      'customers',
      [
        column('id', 'int', 'PRI'),
        column('name', 'varchar(120)'),
        column('email', 'varchar(190)', 'UNI'),
        column('phone', 'varchar(32)'),
        column('created_at', 'datetime'),
      ],
      people.map((p) => [
        p.id,
        `${p.first} ${p.last}`,
        p.email,
        `+${40 + choose(9)}${100_000_000 + choose(60_000) * 11}`,
        p.created,
      ]),
    ),
    table(
      'orders',
      [
        column('id', 'int', 'PRI'),
        column('customer_id', 'int'),
        column('total', 'decimal(10,2)'),
        column('status', 'varchar(16)'),
        column('created_at', 'datetime'),
      ],
      people.map((p) => [
        1000 + p.id,
        1 + choose(people.length),
        `${10 + choose(900)}.${String(choose(100)).padStart(2, '0')}`,
        choose(4) === 0 ? 'open' : 'paid',
        p.created,
      ]),
    ),
    table(
      'users',
      [
        column('id', 'int', 'PRI'),
        column('login', 'varchar(64)', 'UNI'),
        column('password', 'varchar(255)'),
        column('role', 'varchar(16)'),
        column('last_login', 'datetime'),
      ],
      staff.map((p, i) => [
        p.id,
        i === 0 ? 'admin' : `${p.first}.${p.last}`,
        bcrypt(persona, `password ${i}`),
        i === 0 ? 'admin' : 'staff',
        p.created,
      ]),
    ),
  ]);
}

/** Accounts as `mysql.user` lists them: host, name, plugin, stored secret. */
export function accounts(persona: Persona, series: '5.7' | '8.0'): [string, string, string, string][] {
  const upper = (label: string): string => `*${persona.secret(`mysql ${label}`, 20).toString('hex').toUpperCase()}`;
  const stored = (label: string): [string, string] => {
    if (series === '5.7') return ['mysql_native_password', upper(label)];
    const salt = persona.secret(`mysql salt ${label}`, 15).toString('base64');
    return [
      'caching_sha2_password',
      `$A$005$${salt}${persona.secret(`mysql ${label}`, 33).toString('base64').slice(0, 43)}`,
    ];
  };
  const locked = '*THISISNOTAVALIDPASSWORDTHATCANBEUSEDHERE';
  const rows: [string, string, string, string][] = [
    ['%', 'root', ...stored('root')],
    ['%', appUser(persona), ...stored('app')],
  ];
  if (series === '8.0')
    rows.push(['localhost', 'mysql.infoschema', 'caching_sha2_password', `$A$005$${locked.slice(1)}`]);
  rows.push(
    ['localhost', 'mysql.session', rows[0]?.[2] ?? '', locked],
    ['localhost', 'mysql.sys', rows[0]?.[2] ?? '', locked],
  );
  if (persona.kind === 'ubuntu-server') rows.push(['localhost', 'debian-sys-maint', ...stored('maint')]);
  return rows;
}

export const appUser = (persona: Persona): string =>
  persona.pick('mysql app user', ['app', 'web', 'shop', 'erp', 'portal', 'service'] as const);

function businessName(persona: Persona): string {
  return persona.pick('mysql schema', [
    'shop',
    'webshop',
    'crm',
    'erp',
    'portal',
    'sales',
    'app_prod',
    persona.organisation.toLowerCase(),
  ] as const);
}

const bases = new WeakMap<Persona, Databases>();

function base(persona: Persona): Databases {
  const made = bases.get(persona);
  if (made !== undefined) return made;
  const series = persona.products.mysql?.version.startsWith('5.') === true ? '5.7' : '8.0';
  const user = table(
    'user',
    [
      column('Host', 'char(60)', 'PRI'),
      column('User', 'char(32)', 'PRI'),
      column('plugin', 'char(64)'),
      column('authentication_string', 'text'),
      column('Super_priv', "enum('N','Y')"),
      column('File_priv', "enum('N','Y')"),
      column('Grant_priv', "enum('N','Y')"),
    ],
    accounts(persona, series).map(([host, name, plugin, secret]) => {
      const all = name === 'root' ? 'Y' : 'N';
      return [host, name, plugin, secret, all, all, all];
    }),
  );
  const own: Schema = new Map([
    table('columns_priv', [column('Host', 'char(60)', 'PRI')], []),
    table(
      'db',
      [column('Host', 'char(60)', 'PRI'), column('Db', 'char(64)', 'PRI'), column('User', 'char(32)', 'PRI')],
      [['%', businessName(persona), appUser(persona)]],
    ),
    table(
      'func',
      [
        column('name', 'char(64)', 'PRI'),
        column('ret', 'tinyint(1)'),
        column('dl', 'char(128)'),
        column('type', "enum('function','aggregate')"),
      ],
      [],
    ),
    table('plugin', [column('name', 'varchar(64)', 'PRI'), column('dl', 'varchar(128)')], []),
    table('tables_priv', [column('Host', 'char(60)', 'PRI')], []),
    user,
  ]);
  const databases: Databases = new Map([
    ['information_schema', new Map()],
    ['mysql', own],
    ['performance_schema', new Map()],
    [businessName(persona), businessSchema(persona)],
    [
      'sys',
      new Map([
        table(
          'sys_config',
          [column('variable', 'varchar(128)', 'PRI'), column('value', 'varchar(128)')],
          [
            ['diagnostics.include_raw', 'OFF'],
            ['statement_truncate_len', '64'],
          ],
        ),
      ]),
    ],
  ]);
  bases.set(persona, databases);
  return databases;
}

export const schemaNames = (persona: Persona): readonly string[] => [...base(persona).keys()];

/** The name as the server has it; on Windows and for the server's own schemas case does not matter. */
export function database(names: readonly string[], wanted: string): string | undefined {
  return names.includes(wanted) ? wanted : names.find((name) => name.toLowerCase() === wanted.toLowerCase());
}

/** A copy that does not keep the statement alive which it was cut from. */
export function kept(text: string, maxLength = text.length): string {
  return Buffer.from(text.slice(0, maxLength), 'latin1').toString('latin1');
}

const keptValue = (value: Value): Value => (typeof value === 'string' ? kept(value) : value);

/** The databases of one connection: shared until it changes something. */
export class World {
  private shared: Databases;
  private own: Databases | undefined;
  private inserted = 0;

  constructor(persona: Persona) {
    this.shared = base(persona);
  }

  get databases(): Databases {
    return this.own ?? this.shared;
  }

  find(name: string): [string, Schema] | undefined {
    const known = database([...this.databases.keys()], name);
    const schema = known === undefined ? undefined : this.databases.get(known);
    return known === undefined || schema === undefined ? undefined : [known, schema];
  }

  table(schema: string, name: string): Table | undefined {
    const tables = this.find(schema)?.[1];
    if (tables === undefined) return undefined;
    return tables.get(name) ?? [...tables.values()].find((known) => known.name.toLowerCase() === name.toLowerCase());
  }

  /** A copy to change. */
  writable(): Databases {
    this.own ??= new Map(
      [...this.shared].map(([name, schema]) => [
        name,
        new Map([...schema].map(([key, from]) => [key, { ...from, rows: from.rows.map((row) => [...row]) }])),
      ]),
    );
    return this.own;
  }

  /** Puts a value into a row if there is room for it. */
  change(row: Value[], at: number, value: Value): void {
    const bytes = typeof value === 'string' ? value.length : 8;
    if (this.inserted + bytes > MAX_INSERTED_BYTES) return;
    this.inserted += bytes;
    row[at] = keptValue(value);
  }

  /** Adds a row if there is room for it. What does not fit is only in the record of the statement. */
  insert(into: Table, row: Value[]): void {
    const bytes = row.reduce<number>((sum, value) => sum + (typeof value === 'string' ? value.length : 8), 0);
    if (into.rows.length >= MAX_ROWS || this.inserted + bytes > MAX_INSERTED_BYTES) return;
    this.inserted += bytes;
    into.rows.push(row.map(keptValue));
  }
}
