/** An intake in a folder, on a store that can be made to fail, for tests. */
import { join } from 'node:path';
import { type Control, openControl } from '../control/database.ts';
import type { StoreClient } from '../store/client.ts';
import type { TableName } from '../store/rows.ts';
import { testLog, testPlaces } from '../testing.ts';
import { Artifacts } from './artifacts.ts';
import type { Stored } from './gather.ts';
import { Intake } from './intake.ts';

export type OnInsert = (table: TableName, insert: () => Promise<void>, rows: Buffer) => Promise<void>;

/** The store, with `onInsert` around every insert. */
export function storeWith(store: StoreClient, onInsert: OnInsert): StoreClient {
  return {
    ping: (signal) => store.ping(signal),
    query: (sql, params, options) => store.query(sql, params, options),
    stream: (sql, params, options) => store.stream(sql, params, options),
    streamRows: (sql, params, options) => store.streamRows(sql, params, options),
    command: (sql, params, options) => store.command(sql, params, options),
    insert: (table, columns, rows, options) =>
      onInsert(table as TableName, () => store.insert(table, columns, rows, options), Buffer.from(rows)),
    close: () => store.close(),
  };
}

/** An insert whose process died: it never answers. */
export const never = (): Promise<never> => new Promise(() => undefined);

export interface TestIntake {
  intake: Intake;
  control: Control;
  artifacts: Artifacts;
  log: ReturnType<typeof testLog>;
  published: Stored[];
  journalDir: string;
}

/** Opens what is in the folder, as a manager does at its start. */
export function openIntake(
  folder: string,
  store: StoreClient,
  more: { control?: Control; publish?: (stored: readonly Stored[]) => void } = {},
): TestIntake {
  const control = more.control ?? openControl(join(folder, 'control.sqlite'));
  const artifacts = new Artifacts(join(folder, 'artifacts'));
  const log = testLog();
  const published: Stored[] = [];
  const journalDir = join(folder, 'intake');
  const intake = new Intake({
    control,
    journalDir,
    store,
    places: testPlaces,
    artifacts,
    log,
    publish: more.publish ?? ((stored) => void published.push(...stored)),
  });
  return { intake, control, artifacts, log, published, journalDir };
}
