/** Sessions and events in the order of time, page by page: a cursor names the last row of a page, so that what arrives meanwhile shifts nothing. */
import { ProjectError, UUID } from '../../events/index.ts';
import type { StoreClient, StoreParams } from '../store/client.ts';
import { NO_UUID, storeTime } from '../store/rows.ts';
import { type Asking, Bindings, boundTime, where } from './filter.ts';
import {
  EVENT_COLUMNS,
  type EventObject,
  type EventRow,
  eventFromRow,
  isoTime,
  type Names,
  SESSION_COLUMNS,
  type SessionObject,
  type SessionRow,
  sessionFromRow,
} from './records.ts';

export interface Page<Item> {
  data: Item[];
  next: string | null;
}

export type Order = 'asc' | 'desc';

interface Cursor {
  at: string;
  id: string;
  seq: number;
}

const MAX_SEQ = 4_294_967_295;
/** Text of the rows of a page, about: a page of very long ones ends early, and its cursor goes on there. */
const MAX_PAGE_CHARACTERS = 16 * 1_048_576;
const PAGE_SETTINGS = { max_execution_time: 30 };

const encodeCursor = (cursor: Cursor): string =>
  Buffer.from(JSON.stringify([cursor.at, cursor.id, cursor.seq])).toString('base64url');

function decodeCursor(text: string): Cursor {
  try {
    const [at, id, seq] = JSON.parse(Buffer.from(text, 'base64url').toString()) as [unknown, unknown, unknown];
    if (
      typeof at === 'string' &&
      typeof id === 'string' &&
      typeof seq === 'number' &&
      Number.isSafeInteger(seq) &&
      seq >= 0 &&
      seq <= MAX_SEQ &&
      !Number.isNaN(Date.parse(at)) &&
      UUID.test(id)
    ) {
      return { at: boundTime(at), id, seq };
    }
  } catch {
    // Not base64 of JSON: the same complaint as for JSON of something else.
  }
  throw new ProjectError('CURSOR_INVALID', 'the cursor is not one of ours; start again without it', { cursor: text });
}

const options = (asking: Asking) => (asking.signal === undefined ? {} : { signal: asking.signal });

/** The rows of a page, and whether there are more. */
async function readPage<Row>(
  store: StoreClient,
  sql: string,
  params: StoreParams,
  page: { limit: number; sizeOf: (row: Row) => number },
  asking: Asking,
): Promise<{ rows: Row[]; more: boolean }> {
  const rows: Row[] = [];
  let characters = 0;
  for await (const row of store.streamRows<Row>(sql, params, { ...options(asking), settings: PAGE_SETTINGS })) {
    if (rows.length === page.limit || characters > MAX_PAGE_CHARACTERS) return { rows, more: true };
    rows.push(row);
    characters += page.sizeOf(row);
  }
  return { rows, more: false };
}

export async function listSessions(
  store: StoreClient,
  page: { limit: number; cursor?: string | undefined; order: Order },
  asking: Asking & { names: Names },
): Promise<Page<SessionObject>> {
  const bindings = new Bindings();
  const conditions = [where(asking.filter, 'sessions', bindings, asking.sensorId)];
  if (page.cursor !== undefined) {
    const { at, id } = decodeCursor(page.cursor);
    const time = bindings.bind(storeTime(at), "DateTime64(3, 'UTC')");
    const sign = page.order === 'asc' ? '>' : '<';
    conditions.push(`started_at ${sign}= ${time}`, `(started_at, id) ${sign} (${time}, ${bindings.bind(id, 'UUID')})`);
  }
  const direction = page.order.toUpperCase();
  const sql = `SELECT ${SESSION_COLUMNS} FROM sessions WHERE ${conditions.join(' AND ')} ORDER BY started_at ${direction}, id ${direction} LIMIT ${bindings.bind(page.limit + 1, 'UInt64')}`;
  const { rows, more } = await readPage<SessionRow>(
    store,
    sql,
    bindings.params,
    { limit: page.limit, sizeOf: (row) => row.origin.length + 6 * row.ports.length },
    asking,
  );
  const data = rows.map((row) => sessionFromRow(row, asking.names));
  const last = data.at(-1);
  await addLastLogins(store, data, asking);
  return { data, next: more && last !== undefined ? encodeCursor({ at: last.started_at, id: last.id, seq: 0 }) : null };
}

/** Fills in the last login of each session: what a list shows of a session first. */
async function addLastLogins(store: StoreClient, sessions: readonly SessionObject[], asking: Asking): Promise<void> {
  const wanted = sessions.filter((session) => session.logins > 0);
  if (wanted.length === 0) return;
  const times = wanted.flatMap((session) => [session.started_at, session.ended_at ?? session.started_at]).sort();
  const rows = await store.query<{ session_id: string; username: string | null; password: string | null }>(
    `SELECT session_id, username, password FROM events
WHERE at >= {from:DateTime64(3, 'UTC')} AND at <= {to:DateTime64(3, 'UTC')} AND type = 'auth.attempt' AND session_id IN {ids:Array(UUID)}
ORDER BY seq DESC LIMIT 1 BY session_id`,
    {
      from: storeTime(times[0] as string),
      to: storeTime(times.at(-1) as string),
      ids: wanted.map((session) => session.id),
    },
    options(asking),
  );
  const byId = new Map(rows.map((row) => [row.session_id, row]));
  for (const session of wanted) {
    const row = byId.get(session.id);
    session.username = row?.username ?? null;
    session.password = row?.password ?? null;
  }
}

export async function listEvents(
  store: StoreClient,
  page: {
    limit: number;
    cursor?: string | undefined;
    order: Order;
    sessionId?: string | undefined;
    types?: readonly string[] | undefined;
  },
  asking: Asking & { names: Names },
): Promise<Page<EventObject>> {
  const bindings = new Bindings();
  const conditions = [where(asking.filter, 'events', bindings, asking.sensorId)];
  if (page.sessionId !== undefined) conditions.push(`session_id = ${bindings.bind(page.sessionId, 'UUID')}`);
  if (page.types !== undefined && page.types.length > 0)
    conditions.push(`type IN ${bindings.bind(page.types, 'Array(String)')}`);
  if (page.cursor !== undefined) {
    const { at, id, seq } = decodeCursor(page.cursor);
    const time = bindings.bind(storeTime(at), "DateTime64(3, 'UTC')");
    const sign = page.order === 'asc' ? '>' : '<';
    conditions.push(
      `at ${sign}= ${time}`,
      `(at, session_id, seq) ${sign} (${time}, ${bindings.bind(id, 'UUID')}, ${bindings.bind(seq, 'UInt32')})`,
    );
  }
  const direction = page.order.toUpperCase();
  const sql = `SELECT ${EVENT_COLUMNS} FROM events WHERE ${conditions.join(' AND ')} ORDER BY at ${direction}, session_id ${direction}, seq ${direction} LIMIT ${bindings.bind(page.limit + 1, 'UInt64')}`;
  const { rows, more } = await readPage<EventRow>(
    store,
    sql,
    bindings.params,
    { limit: page.limit, sizeOf: (row) => row.fields.length },
    asking,
  );
  const last = rows.at(-1);
  const next =
    more && last !== undefined ? encodeCursor({ at: isoTime(last.at), id: last.session_id, seq: last.seq }) : null;
  return { data: rows.map((row) => eventFromRow(row, asking.names)), next };
}

/** A session by its id; one that is still open is put together from its events. */
export async function findSession(
  store: StoreClient,
  id: string,
  asking: Asking & { names: Names },
): Promise<SessionObject | undefined> {
  const [row] = await store.query<SessionRow>(
    `SELECT ${SESSION_COLUMNS} FROM sessions WHERE id = {id:UUID} LIMIT 1`,
    { id },
    options(asking),
  );
  if (row !== undefined) {
    const session = sessionFromRow(row, asking.names);
    await addLastLogins(store, [session], asking);
    return session;
  }
  const [first] = await store.query<EventRow>(
    `SELECT ${EVENT_COLUMNS} FROM events WHERE session_id = {id:UUID} ORDER BY seq LIMIT 1`,
    { id },
    options(asking),
  );
  if (first === undefined) return undefined;
  const [counted] = await store.query<{ n: string; logins: string; commands: string; files: string }>(
    `SELECT count() AS n, countIf(type = 'auth.attempt') AS logins, countIf(type IN ('command.input', 'query')) AS commands, countIf(type = 'file.captured') AS files
FROM events WHERE session_id = {id:UUID}`,
    { id },
    options(asking),
  );
  const { seq: _seq, at, type: _type, session_id, fields: _fields, ...envelope } = first;
  return {
    ...sessionFromRow(
      {
        ...envelope,
        id: session_id,
        ...{
          boot_id: NO_UUID,
          started_at: at,
          ended_at: at,
          received_at: at,
          bytes_in: 0,
          bytes_out: 0,
          end_reason: 'unknown',
        },
        ...{
          events: Number(counted?.n ?? 0),
          logins: Number(counted?.logins ?? 0),
          commands: Number(counted?.commands ?? 0),
          files: Number(counted?.files ?? 0),
        },
        ...{ ja4: '', hassh: '', client: '', tags: [], techniques: [], severity: 0, ports: [], scan: '', origin: '' },
      },
      asking.names,
    ),
    ended_at: null,
    received_at: null,
  };
}
