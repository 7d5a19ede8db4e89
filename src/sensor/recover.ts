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

function closingEntries(id: string, openPayload: string, progressPayload: string | undefined): Entry[] {
  const open = JSON.parse(openPayload) as OpenSession;
  const progress: OpenProgress =
    progressPayload === undefined
      ? { at: open.started_at, ...NO_PROGRESS }
      : (JSON.parse(progressPayload) as OpenProgress);
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
    ...(progressPayload === undefined ? [] : [{ closed: progressKey(id) }]),
  ];
}

/** Appends the records that end them, and returns how many there were. */
export function closeRecovered(spool: Spool): number {
  const sessions = [...spool.recoveredOpen].filter(([key]) => !key.endsWith(progressKey('')));
  for (const [id, payload] of sessions)
    spool.append(closingEntries(id, payload, spool.recoveredOpen.get(progressKey(id))));
  return sessions.length;
}
