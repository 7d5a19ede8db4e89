/**
 * The base of every error that an operation of ours throws. `code` is one of a closed list per part (`SPOOL_SEGMENT_CORRUPT`); callers
 * branch on it and never on the message. `facts` are the values a log line or an error page should show (path, sensor, batch).
 * What a peer sends is never an error: it is a frame, a need for more, or `malformed` with a code.
 */
export class ProjectError extends Error {
  readonly code: string;
  readonly facts: Readonly<Record<string, unknown>>;

  constructor(code: string, message: string, options: { cause?: unknown } & Record<string, unknown> = {}) {
    const { cause, ...facts } = options;
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.code = code;
    this.facts = facts;
  }
}

/** The text of whatever was thrown, for a log line or a user. */
export function errorText(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The system or project code of whatever was thrown (`ENOSPC`, `SPOOL_FULL`), if it has one. */
export function errorCode(thrown: unknown): string | undefined {
  const code = (thrown as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
}
