/** Real honeypot data beside the checkout, where it is there: tests that read it are skipped elsewhere. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

export const DATA_DIR = resolve(import.meta.dirname, '../../../shared/data');
export const NO_DATA = existsSync(DATA_DIR) ? false : 'the shared data is not here';

export interface Truth {
  rows: number;
  invalid_rows: number;
  first_ts: string;
  last_ts: string;
  by_protocol: Record<string, number>;
  by_honeypot: Record<string, number>;
  by_sensor: Record<string, number>;
  by_country: Record<string, number>;
  by_dst_port: [number, number][];
  by_src_ip: [string, number][];
  unique_src_ips: number;
  unique_src_ips_ipv4_mapped_merged?: number;
  unique_dst_ports: number;
  by_hour: Record<string, number>;
  by_hour_of_day: number[];
  auth_attempts?: number;
}

export function dataFiles(kind: string): { path: string; name: string; truth: Truth }[] {
  if (NO_DATA !== false) return [];
  const dir = join(DATA_DIR, kind);
  return readdirSync(dir)
    .filter((name) => name.endsWith('.gz'))
    .map((name) => ({
      path: join(dir, name),
      name,
      truth: JSON.parse(readFileSync(join(dir, `${name}.truth.json`), 'utf8')) as Truth,
    }));
}
