/**
 * The files that a login finds: what such a machine would have lying about, made of the persona's own names, dates and secrets. Two sensors
 * have no line in common, and every password in a file is one that only this sensor ever showed.
 */
import { gzipSync } from 'node:zlib';
import { DAY_MS, type Persona } from '../surfaces/persona.ts';
import { Tree } from './tree.ts';

interface LureFile {
  /** A directory ends with a slash. */
  path: string;
  at: number;
  content?: string | Buffer;
  mode?: number;
}

const MAX_CUSTOMERS = 600;
const FIRST_NAMES = 'Anna Pavel Marta Liam Ines Tom Yusuf Grete Owen Lucia Hana Viktor Elif Paul'.split(' ');
const LAST_NAMES = 'Berg Costa Novak Fischer Hughes Moreau Silva Kaya Lind Ward Keller Rossi Dunn'.split(' ');
const WEEK_MS = 7 * DAY_MS;
/** Unix time began on a Thursday; weekly work is done in the night to Sunday. */
const SUNDAY_MS = 3 * DAY_MS;

const day = (at: number): string => new Date(at).toISOString().slice(0, 10);
const token = (persona: Persona, label: string): string => persona.secret(`ftp ${label}`, 7).toString('base64url');

/** When things happened on this machine: by its clock, and once and for all where they are not repeated. */
function calendar(persona: Persona, now: number) {
  const nightTime = persona.number('ftp night time', 5400, 12_600) * 1000 - persona.zoneMinutes * 60_000;
  const lastNight = Math.floor((now - nightTime) / DAY_MS) * DAY_MS + nightTime;
  const lastWeek = Math.floor((now - nightTime - SUNDAY_MS) / WEEK_MS) * WEEK_MS + SUNDAY_MS + nightTime;
  return {
    night: (before: number): number => lastNight - before * DAY_MS,
    week: (before: number): number => lastWeek - before * WEEK_MS,
    /** Some working hour in the first two months of the machine. */
    once: (label: string): number =>
      Math.floor(persona.installedAt / DAY_MS + persona.number(`ftp day ${label}`, 1, 55)) * DAY_MS +
      persona.number(`ftp second ${label}`, 28_800, 61_200) * 1000,
  };
}

function customers(persona: Persona, rows: number): string[][] {
  const step = persona.number('ftp id step', 3, 17);
  // One derivation for all of them: a login must stay cheap.
  const chance = persona.secret('ftp customers', 2 * MAX_CUSTOMERS);
  return Array.from({ length: Math.min(rows, MAX_CUSTOMERS) }, (_, i) => {
    const name = FIRST_NAMES[(chance[2 * i] ?? 0) % FIRST_NAMES.length] ?? '';
    const family = LAST_NAMES[(chance[2 * i + 1] ?? 0) % LAST_NAMES.length] ?? '';
    const id = 1000 + i * step;
    return [String(id), `${name} ${family}`, `${name}.${family}${id % 89}@example.com`.toLowerCase()];
  });
}

function dump(persona: Persona, database: string, at: number): Buffer {
  // A few more customers every day.
  const grown = Math.floor((at - persona.installedAt) / DAY_MS);
  const rows = customers(persona, 40 + grown).map((row) => `(${row.map((value) => `'${value}'`).join(',')})`);
  const text = [
    `-- MySQL dump of ${persona.hostName}, server ${persona.products.mysql?.version ?? '8.0'}`,
    `-- Host: localhost    Database: ${database}`,
    'DROP TABLE IF EXISTS `customers`;',
    'CREATE TABLE `customers` (`id` int NOT NULL, `name` varchar(80), `email` varchar(120), PRIMARY KEY (`id`));',
    `INSERT INTO \`customers\` VALUES ${rows.join(',')};`,
    `-- Dump completed on ${day(at)}`,
    '',
  ].join('\n');
  const packed = gzipSync(text);
  // RFC 1952 §2.3: the modification time, as gzip would have noted it.
  packed.writeUInt32LE(Math.floor(at / 1000), 4);
  return packed;
}

function ubuntuFiles(persona: Persona, database: string, now: number): LureFile[] {
  const { organisation, hostName, fqdn, user, domain } = persona;
  const { night, once } = calendar(persona, now);
  const config = [
    '<?php',
    "$db_host = 'localhost';",
    `$db_name = '${database}';`,
    `$db_user = '${organisation}';`,
    `$db_pass = '${token(persona, 'database')}';`,
    `$site_mail = 'webmaster@${domain}';`,
    '',
  ].join('\n');
  const notes = [
    hostName,
    `- nightly dump goes to backup/ (cron of ${user})`,
    `- staging login: ${user} / ${token(persona, 'staging')}`,
    `- ask ${user} before restarting the web server`,
    '',
  ].join('\n');
  const index = `<?php require 'config.php'; ?>\n<html>\n<head><title>${organisation}</title></head>\n<body>\n<h1>${fqdn}</h1>\n</body>\n</html>\n`;
  const history = `cd public_html\nvi config.php\nmysql -u ${organisation} -p ${database}\nexit\n`;
  return [
    { path: '/.bash_history', at: once('notes'), content: history, mode: 0o600 },
    { path: '/backup/', at: night(0), mode: 0o700 },
    ...[6, 1, 0].map((before) => ({
      path: `/backup/${database}-${day(night(before))}.sql.gz`,
      at: night(before),
      content: dump(persona, database, night(before)),
      mode: 0o600,
    })),
    { path: '/notes.txt', at: once('notes'), content: notes, mode: 0o600 },
    { path: '/public_html/', at: once('index') },
    { path: '/public_html/config.php', at: once('config'), content: config, mode: 0o640 },
    { path: '/public_html/index.php', at: once('index'), content: index },
    { path: '/public_html/uploads/', at: once('uploads'), mode: 0o777 },
  ];
}

function windowsFiles(persona: Persona, database: string, now: number): LureFile[] {
  const { organisation, hostName, fqdn, user, domain } = persona;
  const { night, week, once } = calendar(persona, now);
  const lines = (...text: string[]): string => `${text.join('\r\n')}\r\n`;
  const login = `User Id=${organisation.toLowerCase()};Password=${token(persona, 'database')}`;
  return [
    { path: '/Backups/', at: night(0) },
    ...[6, 1, 0].map((before) => ({
      path: `/Backups/${database}_${day(night(before)).replaceAll('-', '')}.sql.gz`,
      at: night(before),
      content: dump(persona, database, night(before)),
    })),
    { path: '/Exports/', at: week(0) },
    ...[1, 0].map((before) => ({
      path: `/Exports/customers_${day(week(before))}.csv`,
      at: week(before),
      content: lines('Id,Name,Email', ...customers(persona, 80 - before).map((row) => row.join(','))),
    })),
    { path: '/Scripts/', at: once('script') },
    {
      path: '/Scripts/nightly.cmd',
      at: once('script'),
      content: lines(
        '@echo off',
        `rem ${organisation} weekly export, ${user}`,
        `net use Z: \\\\${hostName}\\Exports /user:${domain}\\${user} ${token(persona, 'share')}`,
        'copy /y D:\\Exports\\*.csv Z:\\',
        'net use Z: /delete',
      ),
    },
    { path: '/wwwroot/', at: once('index') },
    {
      path: '/wwwroot/default.htm',
      at: once('index'),
      content: lines(
        '<html>',
        `<head><title>${organisation}</title></head>`,
        `<body><h1>${fqdn}</h1></body>`,
        '</html>',
      ),
    },
    {
      path: '/wwwroot/web.config',
      at: once('config'),
      content: lines(
        '<?xml version="1.0" encoding="utf-8"?>',
        '<configuration>',
        '  <connectionStrings>',
        `    <add name="Main" connectionString="Server=localhost;Database=${database};${login};" />`,
        '  </connectionStrings>',
        '</configuration>',
      ),
    },
  ];
}

function publicFiles(persona: Persona): LureFile[] {
  const at = calendar(persona, persona.bootedAt).once('public');
  const name = persona.organisation.toLowerCase();
  return [
    { path: '/pub/', at },
    { path: '/pub/README', at, content: `Public files of ${persona.organisation}. Questions: ftp@${name}.example\n` },
  ];
}

function filesOf(persona: Persona, guest: boolean, now: number): LureFile[] {
  if (guest) return publicFiles(persona);
  const kind = persona.pick('ftp database', ['shop', 'crm', 'main', 'erp', 'web'] as const);
  const database = `${persona.organisation.toLowerCase()}_${kind}`;
  return persona.kind === 'windows-server' ? windowsFiles(persona, database, now) : ubuntuFiles(persona, database, now);
}

/** The tree of a login; a guest sees only what is public. */
export function lureTree(persona: Persona, guest: boolean, now: () => number): Tree {
  const tree = new Tree({ windows: persona.kind === 'windows-server', now });
  const files = filesOf(persona, guest, now());
  for (const { path, content, mode } of files) {
    const bytes = Buffer.from(content ?? '');
    if (path.endsWith('/')) tree.makeDirectory(path, mode);
    else tree.write(path, 0, bytes, bytes.length, mode);
  }
  // Making what is inside has touched the directories, so the times come last.
  for (const { path, at } of files) {
    const entry = tree.find(path);
    if (entry !== undefined) entry.modifiedAt = at;
  }
  tree.root.modifiedAt = Math.max(...files.map(({ at }) => at));
  return tree;
}
