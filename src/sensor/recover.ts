/** Closes the sessions that were open when the sensor died, from what the spool kept of them. */
import type { EventRecord, SessionRecord } from '../events/index.ts';
import type { Entry, Spool } from '../spool/index.ts';
import { type OpenProgress, type OpenSession, progressKey } from './session-recorder.ts';

const NO_PROGRESS: Omit<OpenProgress, 'at'> = {
  events: 1,
  logins: 0,
  commands: 0,
  files: 0,
  bytes_in: 0,
  bytes_out: 0,
};

function closingEntries(id: string, open: OpenSession, progress: OpenProgress, progressKept: boolean): Entry[] {
  const closed: EventRecord = {
    ...open.envelope,
    session_id: id,
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
  const session: SessionRecord = {
    id,
    boot_id: open.boot_id,
    started_at: open.started_at,
    ended_at: [open.started_at, progress.at].sort()[1] ?? progress.at,
    ...open.envelope,
    bytes_in: progress.bytes_in,
    bytes_out: progress.bytes_out,
    end_reason: 'sensor_restarted',
    events: progress.events + 1,
    logins: progress.logins,
    commands: progress.commands,
    files: progress.files,
    ...{ ja4: '', hassh: '', client: '', tags: [], techniques: [] },
    severity: progress.files + progress.commands > 0 ? 3 : progress.logins > 0 ? 1 : 0,
    ...{ ports: [], scan: '', origin: '' },
  };
  return [
    { kind: 2, payload: JSON.stringify({ record: 'event', ...closed }) },
    { kind: 2, payload: JSON.stringify({ record: 'session', ...session }) },
    { closed: id },
    ...(progressKept ? [{ closed: progressKey(id) }] : []),
  ];
}

/** How an event record begins, up to the id of its session. */
const EVENT_HEAD = '{"record":"event","session_id":"';
const ID_LENGTH = 36;

/**
 * A write that the process died in can have put a turn's events on disk without the progress that follows them. Such events are the last of the spool: their
 * place is taken into account, so that the closing event has one of its own.
 */
function countLateEvents(spool: Spool, progress: ReadonlyMap<string, OpenProgress>): void {
  spool.scanOlder(({ payload }) => {
    if (payload.toString('latin1', 0, EVENT_HEAD.length) !== EVENT_HEAD) return;
    const id = payload.toString('latin1', EVENT_HEAD.length, EVENT_HEAD.length + ID_LENGTH);
    const known = progress.get(id);
    if (known === undefined) return;
    const event = JSON.parse(payload.toString('utf8')) as EventRecord;
    if (event.seq < known.events) return;
    known.events = event.seq + 1;
    known.at = event.at;
    if (event.type === 'auth.attempt') known.logins += 1;
    else if (event.type === 'command.input' || event.type === 'query') known.commands += 1;
    else if (event.type === 'file.captured') known.files += 1;
  });
}

/** Appends the records that end them, and returns how many there were. */
export function closeRecovered(spool: Spool): number {
  const open = new Map<string, OpenSession>();
  const progress = new Map<string, OpenProgress>();
  for (const [key, payload] of spool.recoveredOpen) {
    if (key.endsWith(progressKey(''))) continue;
    const session = JSON.parse(payload) as OpenSession;
    const kept = spool.recoveredOpen.get(progressKey(key));
    open.set(key, session);
    progress.set(
      key,
      kept === undefined ? { at: session.started_at, ...NO_PROGRESS } : (JSON.parse(kept) as OpenProgress),
    );
  }
  if (open.size === 0) return 0;
  countLateEvents(spool, progress);
  for (const [id, session] of open) {
    const known = progress.get(id);
    if (known !== undefined) spool.append(closingEntries(id, session, known, spool.recoveredOpen.has(progressKey(id))));
  }
  return open.size;
}
