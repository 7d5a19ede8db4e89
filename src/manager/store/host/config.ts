/** The engine's limits: server-wide ones in a file that it reads when it opens, and the settings that every statement starts from. */

const MIB = 1_048_576;

/** Below this the engine cannot merge wide parts. */
export const MIN_MEMORY_MB = 256;

/**
 * The configuration file. Caches and background pools are small: the engine shares two cores with the sensor and the manager, and its
 * defaults (5 GB of marks, 90 % of the machine's memory) are for a machine of its own.
 */
export function engineConfig(memoryMb: number): string {
  const values: Readonly<Record<string, number>> = {
    max_server_memory_usage: memoryMb * MIB,
    mark_cache_size: 128 * MIB,
    primary_index_cache_size: 128 * MIB,
    index_mark_cache_size: 32 * MIB,
    query_condition_cache_size: 32 * MIB,
    background_pool_size: 2,
    background_schedule_pool_size: 4,
    background_common_pool_size: 2,
    background_move_pool_size: 1,
    background_fetches_pool_size: 1,
    max_thread_pool_size: 512,
    max_thread_pool_free_size: 16,
  };
  const lines = Object.entries(values).map(([name, value]) => `  <${name}>${value}</${name}>`);
  return `<clickhouse>\n${lines.join('\n')}\n  <logger><level>none</level></logger>\n</clickhouse>\n`;
}

/** Settings by name, as text. */
export type Settings = ReadonlyMap<string, string>;

const common: readonly (readonly [string, string])[] = [
  // Batches come whole and are acknowledged when they are on disk: nothing may wait in the engine's memory.
  ['async_insert', '0'],
  ['output_format_json_quote_64bit_integers', '1'],
  // Parameters of a megabyte are part of the text that sets them, four characters a byte at worst.
  ['max_query_size', String(128 * MIB)],
  // One try: a table function that asks a dead address would otherwise hold its session for two minutes.
  ['http_max_tries', '1'],
  ['max_threads', '2'],
];

/** What a reading statement starts from. One query may take 70 % of the memory, so that another and the merges can still run. */
export function readSettings(memoryMb: number): Settings {
  return new Map([
    ...common,
    ['max_execution_time', '30'],
    ['max_memory_usage', String(Math.floor(memoryMb * MIB * 0.7))],
  ]);
}

/** What an insert or DDL starts from: no time limit of the engine's own, because a merge on demand or a mutation may take long. */
export function changeSettings(): Settings {
  return new Map(common);
}
