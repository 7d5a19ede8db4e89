/** The sensors that may deliver records: identity, last contact, and what they last said of themselves. */
import { z } from 'zod';
import { ProjectError, timestamp, uuidv7 } from '../../events/index.ts';
import { hashToken, makeToken } from '../accounts/secrets.ts';
import type { Control } from '../control/database.ts';

const count = z.int().nonnegative();
/** Codes of faults in a sensor's report. */
const MAX_FAULTS = 256;
export const sensorService = z.object({
  protocol: z.string().max(64),
  transport: z.string().max(8),
  host: z.string().max(64),
  port: z.int().min(0).max(65_535),
  persona: z.string().max(64),
});
/** What a sensor says of itself every few seconds. */
export const sensorStatus = z.object({
  version: z.string().max(64),
  started_at: timestamp,
  persona: z.string().max(64),
  services: z.array(sensorService).max(1024),
  open_sessions: count,
  recorded: count.describe('Records written to the spool since the sensor started.'),
  stored: count.describe('Records that the manager has answered for since then.'),
  waiting: count.describe('Records on the spool, of this run and earlier ones.'),
  waiting_bytes: count,
  shed: z.object({ transcripts: count, probes: count, records: count }),
  faults: z
    .record(z.string().max(64), count)
    .refine((faults) => Object.keys(faults).length <= MAX_FAULTS, `more than ${MAX_FAULTS} codes`)
    .describe('Faults of the sensor itself, by code.'),
});
export type SensorStatus = z.infer<typeof sensorStatus>;

export interface Sensor {
  id: string;
  name: string;
  created_at: string;
  revoked_at: string | null;
  last_contact_at: string | null;
  status: SensorStatus | null;
}

interface SensorRow extends Omit<Sensor, 'status'> {
  status: string | null;
}

export class Sensors {
  private readonly control: Control;
  private readonly now: () => number;

  constructor(control: Control, now: () => number = Date.now) {
    this.control = control;
    this.now = now;
  }

  private at(): string {
    return new Date(this.now()).toISOString();
  }

  list(): Sensor[] {
    const rows = this.control.db
      .prepare('SELECT id, name, created_at, revoked_at, last_contact_at, status FROM sensors ORDER BY name')
      .all();
    return (rows as unknown as SensorRow[]).map((row) => ({
      ...row,
      status: row.status === null ? null : (JSON.parse(row.status) as SensorStatus),
    }));
  }

  /** The name of each sensor by its id. */
  names(): Map<string, string> {
    const rows = this.control.db.prepare('SELECT id, name FROM sensors').all() as unknown as {
      id: string;
      name: string;
    }[];
    return new Map(rows.map(({ id, name }) => [id, name]));
  }

  /** Enrols a sensor; the token is shown once and kept nowhere. */
  add(name: string): { id: string; token: string } {
    if (!/^[\w.@ -]{1,64}$/.test(name))
      throw new ProjectError('SENSOR_NAME', 'a sensor name has 1 to 64 letters, digits, spaces and . _ - @', { name });
    if (this.control.db.prepare('SELECT 1 FROM sensors WHERE name = ?').get(name) !== undefined) {
      throw new ProjectError('SENSOR_EXISTS', `there is a sensor ${name} already`, { name });
    }
    const id = uuidv7(this.now());
    const token = makeToken('sds');
    this.control.db
      .prepare('INSERT INTO sensors (id, name, hash, created_at) VALUES (?, ?, ?, ?)')
      .run(id, name, hashToken(token), this.at());
    return { id, token };
  }

  /** Enrols the sensor of this machine under a token that its supervisor keeps; the same token again changes nothing. */
  enrolLocal(name: string, token: string): string {
    const row = this.control.db.prepare('SELECT id FROM sensors WHERE name = ?').get(name) as
      | { id: string }
      | undefined;
    const id = row?.id ?? uuidv7(this.now());
    this.control.db
      .prepare(
        'INSERT INTO sensors (id, name, hash, created_at) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET hash = excluded.hash',
      )
      .run(id, name, hashToken(token), this.at());
    return id;
  }

  byToken(token: string): { id: string; name: string } | undefined {
    return this.control.db
      .prepare('SELECT id, name FROM sensors WHERE hash = ? AND revoked_at IS NULL')
      .get(hashToken(token)) as { id: string; name: string } | undefined;
  }

  report(id: string, status: SensorStatus): void {
    this.control.db
      .prepare('UPDATE sensors SET last_contact_at = ?, status = ? WHERE id = ?')
      .run(this.at(), JSON.stringify(status), id);
  }
}
