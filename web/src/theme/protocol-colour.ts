/** A protocol has the same colour on every page and every day: the common ones by this table, all others by a hash of their name. */

const SLOTS = new Map(
  Object.entries({
    mssql: 0,
    ssh: 1,
    http: 2,
    telnet: 3,
    mysql: 4,
    smb: 5,
    ftp: 6,
    rdp: 7,
    https: 10,
    redis: 11,
    postgres: 8,
    mongodb: 12,
    sip: 9,
    probe: 13,
    vnc: 15,
    smtp: 14,
  }),
);
/** Imported records name protocols as their honeypot did. */
const ALIASES = new Map(
  Object.entries({
    mssqld: 'mssql',
    mysqld: 'mysql',
    httpd: 'http',
    ftpd: 'ftp',
    smbd: 'smb',
    telnetd: 'telnet',
    postgresql: 'postgres',
    sipsession: 'sip',
    mongod: 'mongodb',
  }),
);
const SLOT_COUNT = 16;

/** FNV-1a, 32 bits: small, and the same everywhere. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return value >>> 0;
}

/** The CSS colour of a protocol; null and `other` are grey. */
export function protocolColour(name: string | number | null): string {
  const lower = String(name ?? 'other').toLowerCase();
  if (lower === 'other' || lower === '') return 'var(--cat-other)';
  const known = ALIASES.get(lower) ?? lower;
  return `var(--cat-${SLOTS.get(known) ?? hash(known) % SLOT_COUNT})`;
}
