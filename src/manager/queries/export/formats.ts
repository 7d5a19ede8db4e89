/** How a selection is written: NDJSON with everything, CSV for spreadsheets, and MHN's own form. */

import { mhnLine } from './mhn.ts';
import type { ExportedSession } from './sessions.ts';

export const EXPORT_FORMATS = ['ndjson', 'csv', 'mhn'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

export interface Writer {
  contentType: string;
  extension: string;
  /** What stands before the first row. */
  head: string;
  line(item: ExportedSession): string;
}

const CSV_COLUMNS = [
  ...[
    'id',
    'started_at',
    'ended_at',
    'src_ip',
    'src_port',
    'dst_ip',
    'dst_port',
    'transport',
    'protocol',
    'service',
    'honeypot',
    'sensor',
  ],
  ...[
    'country',
    'city',
    'latitude',
    'longitude',
    'asn',
    'as_org',
    'bytes_in',
    'bytes_out',
    'end_reason',
    'events',
    'logins',
    'commands',
    'files',
  ],
  ...['username', 'password', 'client', 'ja4', 'severity', 'tags'],
] as const;

/**
 * One cell (RFC 4180). A text that a spreadsheet would take for a formula gets an apostrophe in front: what an attacker chose is never run by whoever
 * opens the file.
 */
export function csvCell(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number') return String(value);
  const text = Array.isArray(value) ? value.join(' ') : String(value);
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export const WRITERS: Readonly<Record<ExportFormat, Writer>> = {
  ndjson: {
    contentType: 'application/x-ndjson',
    extension: 'ndjson',
    head: '',
    line: ({ session, events }) =>
      JSON.stringify({ ...session, events: events.map(({ seq, at, type, fields }) => ({ seq, at, type, ...fields })) }),
  },
  csv: {
    contentType: 'text/csv; charset=utf-8',
    extension: 'csv',
    head: `${CSV_COLUMNS.join(',')}\r\n`,
    line: ({ session }) => `${CSV_COLUMNS.map((name) => csvCell(session[name])).join(',')}\r`,
  },
  mhn: { contentType: 'application/x-ndjson', extension: 'json', head: '', line: mhnLine },
};
