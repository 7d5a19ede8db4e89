/** A small export of Modern Honey Network with what real ones have: several honeypots, rows that lack things, logins with text meant to do harm. */
import { writeFileSync } from 'node:fs';

/** Text that would run, be reordered, or move a cursor if it were not shown as text. */
export const HOSTILE = {
  script: '<script>globalThis.pwned=1</script>',
  image: '<img src=x onerror="globalThis.pwned=1">',
  bidi: 'user\u202Egpj.exe',
  ansi: '\u001b[2J\u001b[31mred',
} as const;

/** Characters of those texts that no page may hold as they are. */
export const INVISIBLE = ['\u202E', '\u001b'] as const;

const FIRST = Date.UTC(2019, 4, 6, 7);
const MINUTE_MS = 60_000;
const KINDS = [
  { protocol: 'mssqld', destination_port: 1433, honeypot: 'dionaea' },
  { protocol: 'pcap', destination_port: 8291, honeypot: 'p0f' },
  { protocol: 'SipSession', destination_port: 5060, honeypot: 'dionaea' },
  { protocol: 'httpd', destination_port: 80, honeypot: 'dionaea' },
  { protocol: 'ssh', destination_port: 22, honeypot: 'kippo' },
] as const;
/** Public addresses of several countries, one that belongs to nobody, and none. */
const SOURCES = ['1.1.1.1', '8.8.8.8', '193.0.6.139', '202.12.27.33', '10.0.0.7', ''] as const;
const LOGINS: readonly (readonly [login: string, password: string])[] = [
  ['root', 'toor'],
  ['admin', ''],
  [HOSTILE.script, HOSTILE.image],
  [HOSTILE.bidi, HOSTILE.ansi],
];

const hex = (value: number): string => value.toString(16).padStart(24, '0');

/** Writes the export and returns how many rows it has: no two of the same kind and source come equally often. */
export function writeMhnFile(path: string): number {
  const rows: string[] = [];
  for (const [kind, { protocol, destination_port, honeypot }] of KINDS.entries()) {
    for (const [from, source_ip] of SOURCES.entries()) {
      for (let times = 0; times < (kind + 1) * (from + 2); times += 1) {
        const at = rows.length;
        const [login, password] = LOGINS[at % LOGINS.length] ?? ['', ''];
        rows.push(
          JSON.stringify({
            ...{ _id: { $oid: hex(at + 1) }, hpfeed_id: { $oid: hex(at + 1_000_000) } },
            ...{ protocol, destination_port, honeypot, source_port: 1024 + at },
            ...(source_ip === '' ? {} : { source_ip }),
            identifier: `sensor-${kind % 2}`,
            timestamp: { $date: new Date(FIRST + at * 7 * MINUTE_MS).toISOString() },
            ...(protocol === 'ssh' ? { auth_attempts: [{ login, password }] } : {}),
          }),
        );
      }
    }
  }
  rows.push(JSON.stringify({ ...{ source_ip: '8.8.4.4', honeypot: 'glastopf' }, timestamp: { $date: FIRST } }));
  writeFileSync(path, `${rows.join('\n')}\n`);
  return rows.length;
}
