/**
 * The tables of the store and how they came to be. One schema for the embedded engine and for a ClickHouse server. Sessions and events are sorted by
 * time, because nearly every question names a time; ids are found through bloom filters. What a record lacks: an address is `::`, a port and a number are NULL,
 * a text is empty.
 *
 * Every table carries the settings that make an acknowledged insert survive a power cut and a repeated one be stored once.
 */
import { ProjectError } from '../../events/index.ts';
import type { StoreClient } from './client.ts';
import { storeTime } from './rows.ts';

const DURABLE = [
  'fsync_after_insert = 1',
  'fsync_part_directory = 1',
  'non_replicated_deduplication_window = 1000',
  'max_suspicious_broken_parts = 10000',
].join(', ');

const ENVELOPE = `
  src_ip IPv6 CODEC(ZSTD(1)),
  src_port Nullable(UInt16) CODEC(ZSTD(1)),
  dst_ip IPv6 CODEC(ZSTD(1)),
  dst_port Nullable(UInt16) CODEC(ZSTD(1)),
  transport LowCardinality(String),
  protocol LowCardinality(String),
  service LowCardinality(String),
  honeypot LowCardinality(String),
  sensor_id LowCardinality(String),
  country LowCardinality(String),
  city LowCardinality(String),
  latitude Nullable(Float32) CODEC(ZSTD(1)),
  longitude Nullable(Float32) CODEC(ZSTD(1)),
  asn Nullable(UInt32) CODEC(ZSTD(1)),
  as_org LowCardinality(String)`;

/** Statements of each version, in order. Never edit one that was released: add another. */
export const MIGRATIONS: readonly { name: string; statements: readonly string[] }[] = [
  {
    name: 'sessions, events and transcripts',
    statements: [
      `CREATE TABLE IF NOT EXISTS sessions (
  id UUID,
  boot_id UUID CODEC(ZSTD(1)),
  started_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
  ended_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
  received_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),${ENVELOPE},
  bytes_in UInt64 CODEC(ZSTD(1)),
  bytes_out UInt64 CODEC(ZSTD(1)),
  end_reason LowCardinality(String),
  events UInt32 CODEC(ZSTD(1)),
  logins UInt32 CODEC(ZSTD(1)),
  commands UInt32 CODEC(ZSTD(1)),
  files UInt32 CODEC(ZSTD(1)),
  ja4 LowCardinality(String),
  hassh LowCardinality(String),
  client String CODEC(ZSTD(1)),
  tags Array(LowCardinality(String)),
  techniques Array(LowCardinality(String)),
  severity UInt8,
  ports Array(UInt16) CODEC(ZSTD(1)),
  scan LowCardinality(String),
  origin String CODEC(ZSTD(3)),
  INDEX by_id id TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX by_src_ip src_ip TYPE bloom_filter(0.01) GRANULARITY 1
) ENGINE = MergeTree PARTITION BY toYYYYMM(started_at) ORDER BY (started_at, id) SETTINGS ${DURABLE}`,
      `CREATE TABLE IF NOT EXISTS events (
  session_id UUID CODEC(ZSTD(1)),
  seq UInt32 CODEC(ZSTD(1)),
  at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
  received_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
  type LowCardinality(String),${ENVELOPE},
  username Nullable(String) CODEC(ZSTD(1)),
  password Nullable(String) CODEC(ZSTD(1)),
  accepted Nullable(Bool),
  text String CODEC(ZSTD(1)),
  sha256 String CODEC(ZSTD(1)),
  fields String CODEC(ZSTD(3)),
  INDEX by_session session_id TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX by_src_ip src_ip TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX by_sha256 sha256 TYPE bloom_filter(0.01) GRANULARITY 1
) ENGINE = MergeTree PARTITION BY toYYYYMM(at) ORDER BY (at, session_id, seq) SETTINGS ${DURABLE}`,
      `CREATE TABLE IF NOT EXISTS transcripts (
  session_id UUID CODEC(ZSTD(1)),
  seq UInt32 CODEC(ZSTD(1)),
  part UInt16 CODEC(ZSTD(1)),
  at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
  direction LowCardinality(String),
  data String CODEC(ZSTD(3))
) ENGINE = MergeTree PARTITION BY toYYYYMM(at) ORDER BY (session_id, seq, part) SETTINGS ${DURABLE}`,
    ],
  },
];

/** Brings the store to the newest schema. Safe to repeat, and to stop in the middle: each statement can run again. */
export async function migrate(store: StoreClient): Promise<{ from: number; to: number }> {
  await store.command(
    `CREATE TABLE IF NOT EXISTS schema_versions (version UInt32, name String, applied_at DateTime64(3, 'UTC')) ENGINE = MergeTree ORDER BY version SETTINGS ${DURABLE}`,
  );
  const [row] = await store.query<{ version: string | number }>('SELECT max(version) AS version FROM schema_versions');
  const from = Number(row?.version ?? 0);
  if (from > MIGRATIONS.length)
    throw new ProjectError(
      'STORE_TOO_NEW',
      `the store was written by a newer version of this program (schema ${from}, known ${MIGRATIONS.length}); run that version`,
      { from },
    );
  for (const [index, migration] of MIGRATIONS.entries()) {
    const version = index + 1;
    if (version <= from) continue;
    for (const statement of migration.statements) await store.command(statement);
    const line = JSON.stringify({ version, name: migration.name, applied_at: storeTime(new Date().toISOString()) });
    await store.insert('schema_versions', ['version', 'name', 'applied_at'], `${line}\n`, {
      token: `schema-${version}`,
    });
  }
  return { from, to: MIGRATIONS.length };
}
