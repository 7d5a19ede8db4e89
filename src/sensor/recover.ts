/** Closes the sessions that were open when the sensor died, from what the spool kept of them. */
import { type EndReason, type EventRecord, encodeRecord, envelope, type SessionRecord } from '../events/index.ts';
import type { Entry, OlderRecord, Spool } from '../spool/index.ts';
import { emptyFacts, type OpenProgress, type OpenSession, progressKey, sessionOfProgress } from './open-session.ts';
import { countEvent, emptyTally } from './tally.ts';

interface Recovered {
  open: OpenSession;
  progress: OpenProgress;
  /** Its closing event is on the spool, and this is why it ended. */
  closed?: EndReason;
  /** Its session record is on the spool. */
  recorded: boolean;
}

const RECORD_KIND = 2;

function firstProgress(open: OpenSession): OpenProgress {
  return { at: open.started_at, events: 1, ...emptyTally(), bytes_in: 0, bytes_out: 0, ...emptyFacts() };
}

function closingEvent({ open, progress }: Recovered): Entry {
  const closed: EventRecord = {
    session_id: open.id,
    ...open.envelope,
    seq: progress.events,
    at: progress.at,
    type: 'session.closed',
    fields: {
      reason: 'sensor_restarted',
      duration_ms: Math.max(0, Date.parse(progress.at) - Date.parse(open.started_at)),
      bytes_in: progress.bytes_in,
      bytes_out: progress.bytes_out,
    },
  };
  return { kind: RECORD_KIND, payload: encodeRecord({ record: 'event', ...closed }) };
}

function sessionEntry({ open, progress, closed }: Recovered): Entry {
  const { at, events, ...counted } = progress;
  const session: SessionRecord = {
    id: open.id,
    boot_id: open.boot_id,
    started_at: open.started_at,
    ended_at: new Date(Math.max(Date.parse(open.started_at), Date.parse(at))).toISOString(),
    ...open.envelope,
    end_reason: closed ?? 'sensor_restarted',
    events: closed === undefined ? events + 1 : events,
    ...counted,
    ...{ ports: [], scan: '', origin: '' },
  };
  return { kind: RECORD_KIND, payload: encodeRecord({ record: 'session', ...session }) };
}

/** How records begin, up to the id of their session. */
const EVENT_HEAD = '{"record":"event","session_id":"';
const SESSION_HEAD = '{"record":"session","id":"';
const ID_LENGTH = 36;

/**
 * A write that the process died in can have put a turn's records on disk without the progress, or the end of the session, that follow them. Such records are
 * the last of the spool: they are taken into account, so that the closing event has a place of its own, and nothing is closed twice. Returns the last of all.
 */
function takeLateRecords(spool: Spool, sessions: ReadonlyMap<string, Recovered>): OlderRecord | undefined {
  let last: OlderRecord | undefined;
  const sessionOf = (payload: Buffer, head: string): Recovered | undefined =>
    payload.toString('latin1', 0, head.length) === head
      ? sessions.get(payload.toString('latin1', head.length, head.length + ID_LENGTH))
      : undefined;
  spool.scanOlder((record) => {
    last = record;
    const { payload } = record;
    const over = sessionOf(payload, SESSION_HEAD);
    if (over !== undefined) over.recorded = true;
    const session = sessionOf(payload, EVENT_HEAD);
    if (session === undefined) return;
    const { progress } = session;
    const event = JSON.parse(payload.toString('utf8')) as EventRecord;
    if (event.seq < progress.events) return;
    progress.events = event.seq + 1;
    progress.at = event.at;
    countEvent(progress, event.type, event.fields);
    if (event.type !== 'session.closed') return;
    const { reason, bytes_in, bytes_out } = event.fields as Pick<OpenProgress, 'bytes_in' | 'bytes_out'> & {
      reason: EndReason;
    };
    session.closed = reason;
    Object.assign(progress, { bytes_in, bytes_out });
  });
  return last;
}

/** The session whose first event is the last record of the spool, while the write was torn before its entry in the table of open sessions. */
function tornOpening(spool: Spool, last: OlderRecord | undefined): OpenSession | undefined {
  if (last?.payload.toString('latin1', 0, EVENT_HEAD.length) !== EVENT_HEAD) return undefined;
  const event = JSON.parse(last.payload.toString('utf8')) as EventRecord;
  const { session_id: id, at, type } = event;
  if (type !== 'session.opened' || id === null || spool.recoveredOpen.has(id)) return undefined;
  return { id, boot_id: last.boot, started_at: at, envelope: envelope.parse(event) };
}

/** Appends the records that end them, and returns how many there were. */
export function closeRecovered(spool: Spool): number {
  const { recoveredOpen } = spool;
  const sessions = new Map<string, Recovered>();
  const add = (open: OpenSession): void => {
    const kept = recoveredOpen.get(progressKey(open.id));
    // What an older version did not keep is as if nothing of it had happened.
    const progress = { ...firstProgress(open), ...(kept === undefined ? {} : (JSON.parse(kept) as OpenProgress)) };
    sessions.set(open.id, { open, progress, recorded: false });
  };
  for (const [key, payload] of recoveredOpen) {
    const owner = sessionOfProgress(key);
    if (owner === undefined) add(JSON.parse(payload) as OpenSession);
    // The end of its session was written, and this was not.
    else if (!recoveredOpen.has(owner)) spool.append([{ closed: key }]);
  }
  const torn = tornOpening(spool, takeLateRecords(spool, sessions));
  if (torn !== undefined) {
    // Into the table first: if this run dies before it has closed it, the next finds it there.
    spool.append([{ open: torn.id, payload: JSON.stringify(torn) }]);
    add(torn);
  }
  for (const [id, session] of sessions) {
    const entries: Entry[] = [];
    if (!session.recorded && session.closed === undefined) entries.push(closingEvent(session));
    if (!session.recorded) entries.push(sessionEntry(session));
    entries.push({ closed: id });
    if (recoveredOpen.has(progressKey(id))) entries.push({ closed: progressKey(id) });
    spool.append(entries);
  }
  return sessions.size;
}
