/** The last login of sessions that are going on, so that a session which is just stored can be shown and filtered by it without asking the store. */

export interface Login {
  username: string | null;
  password: string | null;
}

/** Sessions remembered; the one whose login is the oldest is forgotten first. */
const MAX_SESSIONS = 10_000;

const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null);

export class LastLogins {
  private readonly bySession = new Map<string, Login>();

  note(sessionId: string, fields: Readonly<Record<string, unknown>>): void {
    this.bySession.delete(sessionId);
    this.bySession.set(sessionId, { username: textOf(fields.username), password: textOf(fields.password) });
    if (this.bySession.size <= MAX_SESSIONS) return;
    for (const oldest of this.bySession.keys()) {
      this.bySession.delete(oldest);
      break;
    }
  }

  /** The last login of a session that has ended; it is forgotten. */
  take(sessionId: string): Login | undefined {
    const login = this.bySession.get(sessionId);
    this.bySession.delete(sessionId);
    return login;
  }
}
