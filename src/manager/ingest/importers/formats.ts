/** The importers there are. */
import type { Importer } from './importer.ts';
import { mhnSession } from './mhn-session.ts';
import { mhnSessionCsv } from './mhn-session-csv.ts';

const importers: readonly Importer[] = [mhnSession, mhnSessionCsv];

export const IMPORT_FORMATS: readonly string[] = importers.map((importer) => importer.name);
export const importerNamed = (name: string): Importer | undefined =>
  importers.find((importer) => importer.name === name);
/** The importer that recognises a file by its first line. */
export const importerFor = (firstLine: string): Importer | undefined =>
  importers.find((importer) => importer.recognises(firstLine));
