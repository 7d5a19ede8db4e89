/** Who may use the manager: users with passwords, tokens for programs, one-time links, and the browser sessions of those signed in. */
import { ProjectError } from '../../events/index.ts';
import type { Control } from '../control/database.ts';
import { hashPassword, hashToken, makeToken, verifyPassword } from './secrets.ts';

export const ROLES = ['admin', 'analyst'] as const;
export type Role = (typeof ROLES)[number];

export interface User {
  id: number;
  username: string;
  role: Role;
  created_at: string;
  has_password: boolean;
}

export interface Token {
  name: string;
  role: Role;
  created_at: string;
  expires_at: string | null;
  last_used_at: string | null;
}

/** Who is behind a request. */
export interface Principal {
  name: string;
  role: Role;
  user: User | undefined;
}

/** The user that one-time links of the machine's owner sign in as, until a name is chosen. */
export const OWNER = 'owner';
export const MIN_PASSWORD = 12;
const LINK_MINUTES = 60;
const SESSION_DAYS = 30;
const DAY_MS = 86_400_000;
/** A token's last use is noted at most this often. */
const USED_RESOLUTION_MS = 60_000;

interface UserRow {
  id: number;
  username: string;
  role: Role;
  password: string | null;
  created_at: string;
}

const userOf = (row: UserRow): User => ({
  id: row.id,
  username: row.username,
  role: row.role,
  created_at: row.created_at,
  has_password: row.password !== null,
});

export class Accounts {
  private readonly control: Control;
  private readonly now: () => number;
  /** Compared with when there is no such user, so that the answer takes as long. */
  private readonly decoy = hashPassword(makeToken('sdw'));

  constructor(control: Control, now: () => number = Date.now) {
    this.control = control;
    this.now = now;
  }

  private at(ms = 0): string {
    return new Date(this.now() + ms).toISOString();
  }

  private row(username: string): UserRow | undefined {
    return this.control.db.prepare('SELECT * FROM users WHERE username = ?').get(username) as unknown as
      | UserRow
      | undefined;
  }

  users(): User[] {
    return (this.control.db.prepare('SELECT * FROM users ORDER BY username').all() as unknown as UserRow[]).map(userOf);
  }

  async addUser(username: string, role: Role, password: string | undefined): Promise<User> {
    checkUsername(username);
    if (this.row(username) !== undefined) throw userExists(username);
    const phc = password === undefined ? null : await hashPassword(checkPassword(password));
    const { changes } = this.control.db
      .prepare(
        'INSERT INTO users (username, role, password, created_at) VALUES (?, ?, ?, ?) ON CONFLICT (username) DO NOTHING',
      )
      .run(username, role, phc, this.at());
    // Another may have come while the password was hashed.
    if (changes === 0) throw userExists(username);
    return userOf(this.row(username) as UserRow);
  }

  async setPassword(username: string, password: string): Promise<void> {
    const phc = await hashPassword(checkPassword(password));
    const { changes } = this.control.db.prepare('UPDATE users SET password = ? WHERE username = ?').run(phc, username);
    if (changes === 0) throw unknownUser(username);
    this.control.db
      .prepare('DELETE FROM web_sessions WHERE user_id = (SELECT id FROM users WHERE username = ?)')
      .run(username);
  }

  /** Gives a signed-in user without a password, such as the owner after a one-time link, a name and a password of their own. */
  async claim(user: User, username: string, password: string): Promise<void> {
    checkUsername(username);
    const phc = await hashPassword(checkPassword(password));
    // Looked at behind the hash, when nothing can come between: another may have taken the name, or this account its password.
    const other = this.row(username);
    if (other !== undefined && other.id !== user.id) throw userExists(username);
    const { changes } = this.control.db
      .prepare('UPDATE users SET username = ?, password = ? WHERE id = ? AND password IS NULL')
      .run(username, phc, user.id);
    if (changes === 0) throw new ProjectError('USER_HAS_PASSWORD', 'this account has a password already', { username });
  }

  removeUser(username: string): void {
    const admins = this.control.db
      .prepare("SELECT count(*) AS n FROM users WHERE role = 'admin' AND username <> ?")
      .get(username)?.n;
    const row = this.row(username);
    if (row === undefined) throw unknownUser(username);
    if (row.role === 'admin' && Number(admins) === 0)
      throw new ProjectError('USER_LAST_ADMIN', `${username} is the only administrator; add another first`, {
        username,
      });
    this.control.db.prepare('DELETE FROM users WHERE username = ?').run(username);
  }

  /** The user of this name and password, or undefined; takes as long either way. */
  async check(username: string, password: string): Promise<User | undefined> {
    const row = this.row(username);
    const matches = await verifyPassword(password, row?.password ?? (await this.decoy));
    return row !== undefined && row.password !== null && matches ? userOf(row) : undefined;
  }

  /** A token that signs in once, for the owner of this machine. */
  makeLink(): string {
    const admin = this.control.db
      .prepare("SELECT username FROM users WHERE role = 'admin' ORDER BY id LIMIT 1")
      .get() as { username: string } | undefined;
    const username = admin?.username ?? OWNER;
    if (admin === undefined)
      this.control.db
        .prepare("INSERT INTO users (username, role, created_at) VALUES (?, 'admin', ?)")
        .run(OWNER, this.at());
    const token = makeToken('sdl');
    this.control.transaction(() => {
      this.control.db.prepare('DELETE FROM sign_in_links WHERE expires_at < ?').run(this.at());
      this.control.db
        .prepare('INSERT INTO sign_in_links (hash, username, expires_at) VALUES (?, ?, ?)')
        .run(hashToken(token), username, this.at(LINK_MINUTES * 60_000));
    });
    return token;
  }

  /** The user of a one-time link. The link is used up. */
  redeem(link: string): User | undefined {
    const used = this.control.db
      .prepare('DELETE FROM sign_in_links WHERE hash = ? RETURNING username, expires_at')
      .get(hashToken(link)) as { username: string; expires_at: string } | undefined;
    if (used === undefined || used.expires_at < this.at()) return undefined;
    const row = this.row(used.username);
    return row === undefined ? undefined : userOf(row);
  }

  openSession(user: User): { token: string; maxAgeSeconds: number } {
    const token = makeToken('sdw');
    this.control.transaction(() => {
      this.control.db.prepare('DELETE FROM web_sessions WHERE expires_at < ?').run(this.at());
      this.control.db
        .prepare('INSERT INTO web_sessions (hash, user_id, created_at, expires_at) VALUES (?, ?, ?, ?)')
        .run(hashToken(token), user.id, this.at(), this.at(SESSION_DAYS * DAY_MS));
    });
    return { token, maxAgeSeconds: SESSION_DAYS * 86_400 };
  }

  closeSession(token: string): void {
    this.control.db.prepare('DELETE FROM web_sessions WHERE hash = ?').run(hashToken(token));
  }

  bySession(token: string): Principal | undefined {
    const row = this.control.db
      .prepare('SELECT users.* FROM web_sessions JOIN users ON users.id = user_id WHERE hash = ? AND expires_at > ?')
      .get(hashToken(token), this.at()) as unknown as UserRow | undefined;
    return row === undefined ? undefined : { name: row.username, role: row.role, user: userOf(row) };
  }

  tokens(): Token[] {
    return this.control.db
      .prepare('SELECT name, role, created_at, expires_at, last_used_at FROM tokens ORDER BY name')
      .all() as unknown as Token[];
  }

  /** A new token; its text is shown once and kept nowhere. */
  addToken(name: string, role: Role, days: number | undefined): string {
    if (!/^[\w.@ -]{1,64}$/.test(name))
      throw new ProjectError('TOKEN_NAME', 'a token name has 1 to 64 letters, digits, spaces and . _ - @', { name });
    if (this.control.db.prepare('SELECT 1 FROM tokens WHERE name = ?').get(name) !== undefined) {
      throw new ProjectError('TOKEN_EXISTS', `there is a token ${name} already; remove it or choose another name`, {
        name,
      });
    }
    const token = makeToken('sdt');
    this.control.db
      .prepare('INSERT INTO tokens (name, role, hash, created_at, expires_at) VALUES (?, ?, ?, ?, ?)')
      .run(name, role, hashToken(token), this.at(), days === undefined ? null : this.at(days * DAY_MS));
    return token;
  }

  removeToken(name: string): void {
    const { changes } = this.control.db.prepare('DELETE FROM tokens WHERE name = ?').run(name);
    if (changes === 0) throw new ProjectError('TOKEN_UNKNOWN', `there is no token ${name}`, { name });
  }

  byToken(token: string): Principal | undefined {
    const row = this.control.db
      .prepare('SELECT name, role, expires_at, last_used_at FROM tokens WHERE hash = ?')
      .get(hashToken(token)) as Token | undefined;
    if (row === undefined || (row.expires_at !== null && row.expires_at < this.at())) return undefined;
    if (row.last_used_at === null || row.last_used_at < this.at(-USED_RESOLUTION_MS)) {
      this.control.db.prepare('UPDATE tokens SET last_used_at = ? WHERE name = ?').run(this.at(), row.name);
    }
    return { name: `token ${row.name}`, role: row.role, user: undefined };
  }
}

const userExists = (username: string): ProjectError =>
  new ProjectError('USER_EXISTS', `there is a user ${username} already`, { username });

const unknownUser = (username: string): ProjectError =>
  new ProjectError('USER_UNKNOWN', `there is no user ${username}`, { username });

function checkUsername(username: string): void {
  if (!/^[\w.@-]{1,64}$/.test(username))
    throw new ProjectError('USER_NAME', 'a user name has 1 to 64 letters, digits and . _ - @', { username });
}

function checkPassword(password: string): string {
  if (password.length < MIN_PASSWORD)
    throw new ProjectError('PASSWORD_SHORT', `a password has at least ${MIN_PASSWORD} characters`);
  if (password.length > 1024) throw new ProjectError('PASSWORD_LONG', 'a password has at most 1024 characters');
  return password;
}
