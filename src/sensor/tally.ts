/** What is counted of a session by its events: for its record, and again when it is closed after the sensor died. */

export interface Tally {
  logins: number;
  commands: number;
  files: number;
  /** By the worst that happened (see the session record). */
  severity: number;
}

export const emptyTally = (): Tally => ({ logins: 0, commands: 0, files: 0, severity: 0 });

const SEVERITY: Readonly<Record<string, number>> = {
  'auth.attempt': 1,
  'command.input': 3,
  query: 3,
  'file.captured': 3,
  'file.requested': 3,
  'exploit.matched': 4,
};
const SEVERITY_LOGGED_IN = 2;

export function countEvent(tally: Tally, type: string, fields: Readonly<Record<string, unknown>>): void {
  const severity = SEVERITY[type];
  if (severity === undefined) return;
  if (type === 'auth.attempt') tally.logins += 1;
  else if (type === 'command.input' || type === 'query') tally.commands += 1;
  else if (type === 'file.captured') tally.files += 1;
  tally.severity = Math.max(tally.severity, fields.accepted === true ? SEVERITY_LOGGED_IN : severity);
}
