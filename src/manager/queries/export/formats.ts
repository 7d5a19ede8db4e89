/** How a selection is written: NDJSON with everything, CSV for spreadsheets, and MHN's own form. */
import { csvCell } from './csv.ts';
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
