import type { Session } from '../../api/types.ts';
import { plural } from '../../format/number.ts';

export interface Happening {
  text: string;
  strong: boolean;
}

/** A session in a few words. The last user name and password are shown beside them. */
export function whatHappened(session: Session): Happening[] {
  const parts: Happening[] = [];
  if (session.severity >= 4) parts.push({ text: 'exploit', strong: true });
  if (session.files > 0) parts.push({ text: plural(session.files, 'file'), strong: true });
  if (session.commands > 0) parts.push({ text: plural(session.commands, 'command'), strong: true });
  if (session.severity === 2) parts.push({ text: 'let in', strong: true });
  if (session.logins > 0) parts.push({ text: plural(session.logins, 'login'), strong: false });
  if (session.ports.length > 0)
    parts.push({
      text: `${session.scan === '' ? 'probe' : `${session.scan} scan`} of ${plural(session.ports.length, 'port')}`,
      strong: false,
    });
  // Opening and closing are events of every session; more than these is some exchange of the protocol.
  if (parts.length === 0)
    parts.push({ text: session.events > 2 ? plural(session.events - 2, 'event') : 'connected only', strong: false });
  return parts;
}

const ENDS: Readonly<Record<string, string>> = {
  peer_closed: 'peer closed',
  service_closed: 'we closed',
  protocol_error: 'protocol error',
  idle: 'idle',
  limit: 'limit reached',
  reset: 'reset',
  sensor_stopped: 'sensor stopped',
  sensor_restarted: 'sensor restarted',
  unknown: 'unknown',
};

export function endName(reason: string): string {
  return ENDS[reason] ?? reason;
}

/** Records of some other honeypots say that a connection was, and not how long it lasted, how it ended or what it carried. */
export function isBare(session: Session): boolean {
  return session.end_reason === 'unknown' && session.ended_at === session.started_at;
}

export function durationMs(session: Session): number | null {
  return session.ended_at === null ? null : Date.parse(session.ended_at) - Date.parse(session.started_at);
}
