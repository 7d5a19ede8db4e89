/** The sandbox's sessions: a month of invented attackers from addresses, networks and AS numbers reserved for documentation (RFC 5737, 3849, 5398). */
import { createHash } from 'node:crypto';
import type { EventRecord, Session, TranscriptPart } from '../src/api/types.ts';
import { CLIENTS, dialogue, type Step } from './dialogues.ts';
import { type Random, seededRandom } from './random.ts';

interface Source {
  ip: string | null;
  country: string | null;
  city: string | null;
  asn: number | null;
  asOrg: string | null;
}

const PROTOCOLS: readonly (readonly [string, number])[] = [
  ['mssql', 1433],
  ['ssh', 22],
  ['http', 80],
  ['mysql', 3306],
  ['telnet', 23],
  ['smb', 445],
  ['probe', 0],
  ['ftp', 21],
  ['redis', 6379],
  ['rdp', 3389],
  ['sip', 5060],
  ['mqtt', 1883],
];
const PLACES: readonly (readonly [string | null, string | null])[] = [
  ['CN', 'Nanjing'],
  ['VN', 'Hanoi'],
  ['IN', 'Mumbai'],
  ['US', 'Ashburn'],
  ['RU', 'Moscow'],
  ['BR', 'São Paulo'],
  ['NL', 'Amsterdam'],
  ['ID', 'Jakarta'],
  ['KR', 'Seoul'],
  ['TW', 'Taipei'],
  ['DE', 'Frankfurt am Main'],
  ['FR', 'Roubaix'],
  ['IR', null],
  ['TR', 'Istanbul'],
  [null, null],
];
const NETWORKS: readonly (readonly [number, string])[] = [
  [64496, 'Northwind Hosting'],
  [64500, 'Blue Heron Telecom'],
  [64501, 'Example Cloud, Inc.'],
  [64503, 'Gulf Coast Broadband'],
  [64505, 'Larkspur Networks GmbH & Co. KG (residential access, dynamic pool)'],
  [64509, 'Tamarind Mobile'],
  [64511, 'Quiet River VPS'],
];
const SENSORS = ['ams-1', 'sgp-1', 'nyc-2'] as const;
const ENDS = ['peer_closed', 'peer_closed', 'peer_closed', 'reset', 'service_closed', 'idle'] as const;
const DAY_MS = 86_400_000;

const uuid = (name: string): string => {
  const digits = createHash('sha256').update(name).digest('hex');
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-8${digits.slice(13, 16)}-8${digits.slice(17, 20)}-${digits.slice(20, 32)}`;
};

function makeSource(random: Random, index: number): Source {
  const [country, city] = random.skewed(PLACES);
  const [asn, asOrg] = random.pick(NETWORKS);
  const net = random.pick(['192.0.2', '198.51.100', '203.0.113']);
  const ip = index % 17 === 5 ? `2001:db8:${random.hex(4)}::${random.hex(3)}` : `${net}.${random.int(1, 254)}`;
  return country === null ? { ip, country, city, asn: null, asOrg: null } : { ip, country, city, asn, asOrg };
}

export interface Recorded {
  session: Session;
  steps: Step[];
}

export class World {
  readonly sessions: Recorded[] = [];
  private readonly random = seededRandom(20_261_122);
  private readonly sources: Source[];
  private made = 0;

  constructor(count: number, nowMs: number) {
    this.sources = Array.from({ length: 260 }, (_, index) => makeSource(this.random, index));
    const times = Array.from({ length: count }, () => nowMs - this.random.next() ** 1.15 * 30 * DAY_MS);
    for (const at of times.sort((a, b) => a - b)) this.add(at);
  }

  /** Makes one session that started at `atMs`, and keeps it. */
  add(atMs: number): Recorded {
    const { random } = this;
    const source = random.skewed(this.sources);
    const [protocol, port] = random.skewed(PROTOCOLS);
    const ports = protocol === 'probe' ? Array.from({ length: random.int(2, 40) }, () => random.int(1, 65_000)) : [];
    const steps = dialogue(protocol, random, ports);
    const durationMs = steps.reduce((sum, step) => sum + step.afterMs, random.int(5, 400));
    const count = (types: readonly string[]): number => steps.filter((step) => types.includes(step.type)).length;
    const size = (bytes: string | Uint8Array | undefined): number => bytes?.length ?? 0;
    const login = steps.findLast((step) => step.type === 'auth.attempt')?.fields;
    const commands = count(['command.input', 'query']);
    const files = count(['file.captured']);
    const accepted = login?.accepted === true;
    const exploit = count(['exploit.matched']) > 0;
    const sensor = random.skewed(SENSORS);
    this.made += 1;
    const session: Session = {
      id: uuid(`session ${this.made}`),
      sensor_id: uuid(sensor),
      sensor,
      boot_id: uuid(`${sensor} boot`),
      started_at: new Date(atMs).toISOString(),
      ended_at: new Date(atMs + durationMs).toISOString(),
      transport: 'tcp',
      src_ip: source.ip,
      src_port: random.int(1024, 65_000),
      dst_ip: '192.0.2.10',
      dst_port: protocol === 'probe' ? (ports[0] ?? null) : port,
      protocol,
      service: protocol,
      honeypot: 'sundew',
      bytes_in: steps.reduce((sum, step) => sum + size(step.received), 0),
      bytes_out: steps.reduce((sum, step) => sum + size(step.sent), 0),
      end_reason: random.pick(ENDS),
      events: steps.length + 2,
      logins: count(['auth.attempt']),
      commands,
      files,
      ja4: protocol === 'rdp' ? 't13i131100_f57a46bbacb6_ab7e3b40a677' : '',
      hassh: protocol === 'ssh' ? 'ec7378c1a92f5a8dde7e8b7a1ddf33d1' : '',
      client: random.pick(CLIENTS[protocol] ?? ['']),
      tags: exploit ? ['iot', 'cve'] : files > 0 ? ['dropper'] : [],
      techniques: files > 0 ? ['T1105', 'T1059'] : login === undefined ? [] : ['T1110'],
      severity: exploit ? 4 : commands + files > 0 ? 3 : accepted ? 2 : login === undefined ? 0 : 1,
      ports,
      scan: protocol === 'probe' ? 'syn' : '',
      country: source.country,
      city: source.city,
      latitude: null,
      longitude: null,
      asn: source.asn,
      as_org: source.asOrg,
      received_at: new Date(atMs + durationMs + 300).toISOString(),
      origin: '',
      ...(login === undefined ? {} : { username: login.username as string, password: login.password as string | null }),
    };
    const recorded = { session, steps };
    this.sessions.push(recorded);
    return recorded;
  }
}

export function eventsOf({ session, steps }: Recorded): EventRecord[] {
  const opened = Date.parse(session.started_at);
  const closed = Date.parse(session.ended_at ?? session.started_at);
  let at = opened;
  const all = [
    { at: opened, type: 'session.opened', fields: {} },
    ...steps.map((step) => {
      at += step.afterMs;
      return { at, type: step.type, fields: step.fields };
    }),
    {
      at: closed,
      type: 'session.closed',
      fields: {
        reason: session.end_reason,
        duration_ms: closed - opened,
        bytes_in: session.bytes_in,
        bytes_out: session.bytes_out,
      },
    },
  ];
  const { sensor_id, sensor, transport, src_ip, src_port, dst_ip, dst_port, protocol, service, honeypot } = session;
  const { country, asn, as_org } = session;
  return all.map((event, seq) => ({
    ...{ sensor_id, sensor, transport, src_ip, src_port, dst_ip, dst_port, protocol, service, honeypot },
    ...{ country, asn, as_org },
    id: uuid(`${session.id} ${seq}`),
    session_id: session.id,
    seq,
    at: new Date(event.at).toISOString(),
    type: event.type,
    fields: event.fields,
  }));
}

export function transcriptOf({ steps }: Recorded): TranscriptPart[] {
  const parts: TranscriptPart[] = [];
  let at = 0;
  for (const step of steps) {
    at += step.afterMs;
    if (step.received !== undefined)
      parts.push({ offset_ms: at, direction: 'in', data: Buffer.from(step.received).toString('base64') });
    if (step.sent !== undefined)
      parts.push({ offset_ms: at + 2, direction: 'out', data: Buffer.from(step.sent).toString('base64') });
  }
  return parts;
}
