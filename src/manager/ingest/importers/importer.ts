/** What an importer makes of a file: records of sessions and events, and a count of what is no record. */
import type { EventRecord, SessionRecord } from '../../../events/index.ts';

export interface ImportedRow {
  /** The sensor as the source names it. */
  sensor: string;
  session: SessionRecord;
  events: readonly EventRecord[];
}

export type RowResult = { kind: 'row'; row: ImportedRow } | { kind: 'invalid'; reason: string };

export interface Importer {
  /** `mhn-session` */
  name: string;
  /** Whether the first line of a file looks like this format. */
  recognises(firstLine: string): boolean;
  /** Reads one line. Never throws. */
  read(line: string): RowResult;
  /** For a format whose first line names the columns: the importer of a file with this first line, which is no row itself. */
  withHeader?(header: string): Importer;
}
