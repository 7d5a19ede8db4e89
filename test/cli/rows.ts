/** Sessions as Modern Honey Network's exports have them, made by hand so that every count is known. */
export type MhnRow = Record<string, unknown> & { hpfeed_id: { $oid: string } };

const BASE_MS = Date.UTC(2018, 9, 30, 5, 0, 0);
const oid = (kind: number, index: number): string =>
  `5bd7f0${kind.toString(16).padStart(2, '0')}${index.toString(16).padStart(16, '0')}`;

/** Row `index` of a file; `kind` tells files apart. One row a second. */
export function mhnRow(index: number, kind = 0, more: Readonly<Record<string, unknown>> = {}): MhnRow {
  return {
    _id: { $oid: oid(kind + 100, index) },
    protocol: index % 3 === 0 ? 'httpd' : 'mssqld',
    hpfeed_id: { $oid: oid(kind, index) },
    timestamp: { $date: new Date(BASE_MS + index * 1000).toISOString() },
    source_ip: `198.51.100.${(index % 200) + 1}`,
    source_port: 1024 + (index % 60_000),
    destination_port: index % 3 === 0 ? 80 : 1433,
    identifier: `sensor-${kind}`,
    honeypot: 'dionaea',
    ...more,
  };
}

export const mhnRows = (count: number, kind = 0): MhnRow[] =>
  Array.from({ length: count }, (_, index) => mhnRow(index, kind));
export const ndjson = (rows: readonly unknown[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('');
