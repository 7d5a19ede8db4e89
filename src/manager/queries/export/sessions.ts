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

/** Sessions whose events are read together. */
const PIECE = 1000;
/** Events of one session that an export carries. */
const MAX_EVENTS = 10_000;

export async function* exportSessions(
  store: StoreClient,
  asking: Asking & { names: Names },
): AsyncGenerator<ExportedSession> {
  const bindings = new Bindings();
  const sql = `SELECT ${SESSION_COLUMNS} FROM sessions WHERE ${where(asking.filter, 'sessions', bindings, asking.sensorId)} ORDER BY started_at, id`;
  let piece: SessionObject[] = [];
  for await (const row of store.streamRows<SessionRow>(sql, bindings.params, options(asking))) {
    piece.push(sessionFromRow(row, asking.names));
    if (piece.length < PIECE) continue;
    yield* withEvents(store, piece, asking);
    piece = [];
  }
  yield* withEvents(store, piece, asking);
}

const options = (asking: Asking) => ({
  ...(asking.signal === undefined ? {} : { signal: asking.signal }),
  settings: { max_execution_time: 0 },
});

async function* withEvents(
  store: StoreClient,
  sessions: readonly SessionObject[],
  asking: Asking & { names: Names },
): AsyncGenerator<ExportedSession> {
  const eventful = sessions.filter((session) => session.events > 0);
  const bySession = new Map<string, EventObject[]>();
  if (eventful.length > 0) {
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
    for await (const row of rows) {
      const event = eventFromRow(row, asking.names);
      const list = bySession.get(row.session_id);
      if (list === undefined) bySession.set(row.session_id, [event]);
      else list.push(event);
    }
  }
  for (const session of sessions) {
    const events = bySession.get(session.id) ?? [];
    const login = events.findLast((event) => event.type === 'auth.attempt');
    session.username = (login?.fields.username as string | null | undefined) ?? null;
    session.password = (login?.fields.password as string | null | undefined) ?? null;
    yield { session, events };
  }
}
