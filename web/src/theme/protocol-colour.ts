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
    // What other honeypots have beside the protocols: connections that they did not understand, and the parts of a call.
    tcp: 7,
    udp: 15,
    blackhole: 12,
    sipcall: 14,
    rtpudpstream: 11,
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
    'microsoft-ds': 'smb',
    'http-alt': 'http',
    pcap: 'probe',
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

function slotOf(name: string): number | null {
  const lower = name.toLowerCase();
  if (lower === 'other' || lower === '') return null;
  const known = ALIASES.get(lower) ?? lower;
  return SLOTS.get(known) ?? hash(known) % SLOT_COUNT;
}

/** The CSS colour of a protocol; null and `other` are grey. */
export function protocolColour(name: string | number | null): string {
  const slot = slotOf(String(name ?? 'other'));
  return `var(--cat-${slot ?? 'other'})`;
}

/**
 * The colours of protocols that stand beside each other in one chart: the same, except that where two would be alike (`http` and `httpd`) the later
 * one takes a colour that is free, from the back, where the rarer protocols are.
 */
export function protocolColours(names: readonly string[]): ReadonlyMap<string, string> {
  const colours = new Map<string, string>();
  const taken = new Set<number>();
  for (const name of names) {
    const slot = slotOf(name);
    if (slot === null || taken.has(slot)) continue;
    taken.add(slot);
    colours.set(name, protocolColour(name));
  }
  for (const name of names) {
    if (colours.has(name)) continue;
    let free: number | undefined;
    if (slotOf(name) !== null)
      for (let slot = SLOT_COUNT - 1; slot >= 0 && free === undefined; slot -= 1) if (!taken.has(slot)) free = slot;
    if (free !== undefined) taken.add(free);
    colours.set(name, free === undefined ? protocolColour(name) : `var(--cat-${free})`);
  }
  return colours;
}
