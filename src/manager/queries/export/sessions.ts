/** A selection of sessions with their events, in the order of time, in pieces: what every export format is written from. */
import type { StoreClient } from '../../store/client.ts';
import { storeTime } from '../../store/rows.ts';
import { type Asking, Bindings, where } from '../filter.ts';
import {
  EVENT_COLUMNS,
  type EventObject,
  type EventRow,
  eventFromRow,
  type Names,
  SESSION_COLUMNS,
  type SessionObject,
  type SessionRow,
  sessionFromRow,
} from '../records.ts';

export interface ExportedSession {
  session: SessionObject;
  events: EventObject[];
}

/** Sessions whose events are read together, and about how many events that may be. */
const PIECE = 1000;
const PIECE_EVENTS = 20_000;
/** Events of one session that an export carries, and characters of their fields. */
const MAX_EVENTS = 10_000;
const MAX_CHARACTERS = 16 * 1_048_576;
/** Characters of the events of a piece: one with more is read in halves. */
const PIECE_CHARACTERS = 4 * MAX_CHARACTERS;

export async function* exportSessions(
  store: StoreClient,
  asking: Asking & { names: Names },
): AsyncGenerator<ExportedSession> {
  const bindings = new Bindings();
  const sql = `SELECT ${SESSION_COLUMNS} FROM sessions WHERE ${where(asking.filter, 'sessions', bindings, asking.sensorId)} ORDER BY started_at, id`;
  let piece: SessionObject[] = [];
  let events = 0;
  for await (const row of store.streamRows<SessionRow>(sql, bindings.params, options(asking))) {
    piece.push(sessionFromRow(row, asking.names));
    events += Math.min(row.events, MAX_EVENTS);
    if (piece.length < PIECE && events < PIECE_EVENTS) continue;
    yield* withEvents(store, piece, asking);
    piece = [];
    events = 0;
  }
  yield* withEvents(store, piece, asking);
}

const options = (asking: Asking) => ({
  ...(asking.signal === undefined ? {} : { signal: asking.signal }),
  settings: { max_execution_time: 0 },
});

/** The events of each session; undefined where those of several are more than a piece may hold. */
async function eventsOf(
  store: StoreClient,
  sessions: readonly SessionObject[],
  asking: Asking & { names: Names },
): Promise<ReadonlyMap<string, EventObject[]> | undefined> {
  const bySession = new Map<string, EventObject[]>();
  const eventful = sessions.filter((session) => session.events > 0);
  if (eventful.length === 0) return bySession;
  const times = eventful.flatMap((session) => [session.started_at, session.ended_at ?? session.started_at]).sort();
  const rows = store.streamRows<EventRow>(
    `SELECT ${EVENT_COLUMNS} FROM events WHERE at >= {from:DateTime64(3, 'UTC')} AND at <= {to:DateTime64(3, 'UTC')} AND session_id IN {ids:Array(UUID)} ORDER BY session_id, seq LIMIT ${MAX_EVENTS} BY session_id`,
    {
      from: storeTime(times[0] as string),
      to: storeTime(times.at(-1) as string),
      ids: eventful.map((session) => session.id),
    },
    options(asking),
  );
  let characters = 0;
  for await (const row of rows) {
    characters += row.fields.length;
    if (sessions.length > 1 && characters > PIECE_CHARACTERS) return undefined;
    if (sessions.length === 1 && characters > MAX_CHARACTERS) break;
    const event = eventFromRow(row, asking.names);
    const list = bySession.get(row.session_id);
    if (list === undefined) bySession.set(row.session_id, [event]);
    else list.push(event);
  }
  return bySession;
}

async function* withEvents(
  store: StoreClient,
  sessions: readonly SessionObject[],
  asking: Asking & { names: Names },
): AsyncGenerator<ExportedSession> {
  const bySession = await eventsOf(store, sessions, asking);
  if (bySession === undefined) {
    const middle = Math.ceil(sessions.length / 2);
    yield* withEvents(store, sessions.slice(0, middle), asking);
    yield* withEvents(store, sessions.slice(middle), asking);
    return;
  }
  for (const session of sessions) {
    const events = bySession.get(session.id) ?? [];
    const login = events.findLast((event) => event.type === 'auth.attempt');
    session.username = (login?.fields.username as string | null | undefined) ?? null;
    session.password = (login?.fields.password as string | null | undefined) ?? null;
    yield { session, events };
  }
}
