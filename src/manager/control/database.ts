/** The control database: users, tokens, sensors and how far each of them has been stored. Small, in SQLite, and always synced to disk. */
import { DatabaseSync } from 'node:sqlite';
import { ProjectError } from '../../events/index.ts';

/** Statements that bring the schema from one version to the next; the position is the version. Never edit one that was released: add another. */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE users (
     id INTEGER PRIMARY KEY,
     username TEXT NOT NULL UNIQUE COLLATE NOCASE,
     role TEXT NOT NULL CHECK (role IN ('admin', 'analyst')),
     password TEXT,
     created_at TEXT NOT NULL
   ) STRICT;
   CREATE TABLE tokens (
     id INTEGER PRIMARY KEY,
     name TEXT NOT NULL UNIQUE,
     role TEXT NOT NULL CHECK (role IN ('admin', 'analyst')),
     hash BLOB NOT NULL UNIQUE,
     created_at TEXT NOT NULL,
     expires_at TEXT,
     last_used_at TEXT
   ) STRICT;
   CREATE TABLE sign_in_links (
     hash BLOB PRIMARY KEY,
     username TEXT NOT NULL,
     expires_at TEXT NOT NULL
   ) STRICT;
   CREATE TABLE web_sessions (
     hash BLOB PRIMARY KEY,
     user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
     created_at TEXT NOT NULL,
     expires_at TEXT NOT NULL
   ) STRICT;
   CREATE TABLE sensors (
     id TEXT PRIMARY KEY,
     name TEXT NOT NULL UNIQUE,
     hash BLOB NOT NULL UNIQUE,
     created_at TEXT NOT NULL,
     revoked_at TEXT,
     last_contact_at TEXT,
     status TEXT
   ) STRICT;
   CREATE TABLE watermarks (
     sensor_id TEXT NOT NULL,
     boot_id TEXT NOT NULL,
     seq INTEGER NOT NULL,
     updated_at TEXT NOT NULL,
     PRIMARY KEY (sensor_id, boot_id)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE imports (
     fingerprint TEXT PRIMARY KEY,
     file TEXT NOT NULL,
     format TEXT NOT NULL,
     rows INTEGER NOT NULL,
     imported INTEGER NOT NULL,
     duplicates INTEGER NOT NULL,
     invalid INTEGER NOT NULL,
     done INTEGER NOT NULL,
     updated_at TEXT NOT NULL
   ) STRICT;`,
];

export interface Control {
  readonly db: DatabaseSync;
  /** Runs `action` in one transaction; an exception undoes it. */
  transaction<T>(action: () => T): T;
  close(): void;
}

export function openControl(path: string): Control {
  const db = new DatabaseSync(path);
  db.exec(
    'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000;',
  );
  const version = Number(db.prepare('PRAGMA user_version').get()?.user_version ?? 0);
  if (version > MIGRATIONS.length) {
    db.close();
    throw new ProjectError(
      'CONTROL_TOO_NEW',
      `${path} was written by a newer version of this program (schema ${version}, known ${MIGRATIONS.length}); run that version`,
      { path },
    );
  }
  const control: Control = {
    db,
    transaction(action) {
      db.exec('BEGIN IMMEDIATE');
      try {
        const result = action();
        db.exec('COMMIT');
        return result;
      } catch (error) {
        // A full disk undoes the transaction by itself (SQLite, lang_transaction §3).
        if (db.isTransaction) db.exec('ROLLBACK');
        throw error;
      }
    },
    close: () => db.close(),
  };
  for (const [index, statements] of MIGRATIONS.entries()) {
    if (index < version) continue;
    control.transaction(() => {
      db.exec(statements);
      db.exec(`PRAGMA user_version = ${index + 1}`);
    });
  }
  return control;
}
