/** What the manager's API answers with (`/api/v1`). Text fields of sessions and events come from attackers: show them with `PeerText`. */

export interface Me {
  /** Null while signed in by a one-time link without an account. */
  username: string | null;
  role: 'admin' | 'analyst';
  needs_password: boolean;
}

export interface Page<Row> {
  data: Row[];
  next: string | null;
}

export interface Summary {
  sessions: number;
  sources: number;
  logins: number;
  commands: number;
  files: number;
  countries: number;
  sensors: number;
  events: number;
  first: string | null;
  last: string | null;
}

export type TopField =
  | 'protocol'
  | 'service'
  | 'dst_port'
  | 'src_ip'
  | 'country'
  | 'asn'
  | 'sensor'
  | 'honeypot'
  | 'username'
  | 'password'
  | 'credential';

export interface TopRow {
  /** Null for what has no value (an address without a country) and for `by=credential`. */
  value: string | number | null;
  sessions: number;
  sources: number;
  country?: string | null;
  as_org?: string | null;
  username?: string | null;
  password?: string | null;
}

export type Interval = 'minute' | 'hour' | 'day';

export interface TimelineRow {
  at: string;
  value: string | number | null;
  sessions: number;
  sources: number;
}

export interface Timeline {
  interval: Interval;
  data: TimelineRow[];
}

/** Who and where: on sessions and on their events alike. */
interface Envelope {
  sensor_id: string;
  sensor: string;
  transport: string;
  src_ip: string | null;
  src_port: number | null;
  dst_ip: string | null;
  dst_port: number | null;
  protocol: string;
  service: string;
  honeypot: string;
  country: string | null;
  asn: number | null;
  as_org: string | null;
}

export interface Session extends Envelope {
  id: string;
  boot_id: string;
  started_at: string;
  /** Null while it is still going on. */
  ended_at: string | null;
  bytes_in: number;
  bytes_out: number;
  end_reason: string;
  events: number;
  logins: number;
  commands: number;
  files: number;
  ja4: string;
  hassh: string;
  client: string;
  tags: string[];
  techniques: string[];
  severity: number;
  ports: number[];
  scan: string;
  city: string | null;
  latitude: number | null;
  longitude: number | null;
  received_at: string;
  origin: string;
  /** Of the last login attempt. */
  username?: string | null;
  password?: string | null;
}

export interface EventRecord extends Envelope {
  id: string;
  session_id: string | null;
  seq: number;
  at: string;
  type: string;
  fields: Record<string, unknown>;
}

export interface TranscriptPart {
  offset_ms: number;
  direction: 'in' | 'out';
  /** Base64. */
  data: string;
}

export interface Transcript {
  data: TranscriptPart[];
  truncated: boolean;
}
