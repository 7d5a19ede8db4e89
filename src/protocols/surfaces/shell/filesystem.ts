/**
 * The files that a shell shows: a fixed tree of the machine (made once for each machine, never changed) under what this session has written.
 * Only the session's own part grows, and it is bounded.
 */

export type Entry =
  | { kind: 'directory'; mode: number; owner: string; mtime: number }
  | { kind: 'link'; target: string; mtime: number }
  | { kind: 'device'; mode: number; owner: string; mtime: number; read: 'nothing' | 'zeros' | 'noise' }
  | {
      kind: 'file';
      mode: number;
      owner: string;
      mtime: number;
      size: number;
      content: string | ((nowMs: number) => string);
      /** The program that it is, where it is one of the machine's own or a copy of one; else empty. */
      program: string;
      /** Written in this session. */
      dropped: boolean;
    };
export type File = Extract<Entry, { kind: 'file' }>;

/** The fixed tree: entries by absolute path, and the names in each directory. */
export interface Tree {
  entries: ReadonlyMap<string, Entry>;
  names: ReadonlyMap<string, readonly string[]>;
}

/** Largest file that a session can write; what is longer is cut, and a real disk would be full. */
export const MAX_FILE_BYTES = 4 * 1_048_576;
/** Everything that a session can write. */
export const MAX_SESSION_BYTES = 8 * 1_048_576;
/** Files and directories that a session can make or remove. */
export const MAX_SESSION_ENTRIES = 512;
const MAX_LINKS = 8;
const MAX_PATH = 4096;

export type FileError =
  | 'No such file or directory'
  | 'Is a directory'
  | 'Not a directory'
  | 'Permission denied'
  | 'File exists'
  | 'Directory not empty'
  | 'Read-only file system'
  | 'No space left on device'
  | 'File name too long'
  | 'Too many levels of symbolic links';

export const isError = (value: unknown): value is FileError => typeof value === 'string';

export function treeOf(entries: ReadonlyMap<string, Entry>): Tree {
  const names = new Map<string, string[]>();
  for (const path of entries.keys()) {
    if (path === '/') continue;
    const at = path.lastIndexOf('/');
    const parent = at === 0 ? '/' : path.slice(0, at);
    const list = names.get(parent);
    if (list === undefined) names.set(parent, [path.slice(at + 1)]);
    else list.push(path.slice(at + 1));
  }
  return { entries, names };
}

export function contentOf(file: File, nowMs: number): string {
  return typeof file.content === 'string' ? file.content : file.content(nowMs);
}

const parentOf = (path: string): string => path.slice(0, Math.max(1, path.lastIndexOf('/')));

export class FileSystem {
  private readonly tree: Tree;
  private readonly user: string;
  private readonly now: () => number;
  private readonly limited: (name: string, value: number) => void;
  /** What the session made, or null for what it removed. */
  private readonly changes = new Map<string, Entry | null>();
  private bytes = 0;

  constructor(tree: Tree, user: string, now: () => number, limited: (name: string, value: number) => void) {
    this.tree = tree;
    this.user = user;
    this.now = now;
    this.limited = limited;
  }

  private at(path: string): Entry | undefined {
    const change = this.changes.get(path);
    return change === undefined ? this.tree.entries.get(path) : (change ?? undefined);
  }

  /** The absolute path with `.`, `..` and links followed; the last component may not exist. */
  resolve(cwd: string, path: string, followLast = true): string | { error: FileError } {
    if (path.length > MAX_PATH) return { error: 'File name too long' };
    const parts = (text: string): string[] => text.split('/').filter((part) => part !== '' && part !== '.');
    /** Components still to walk, the next one last. */
    const pending = parts(path.startsWith('/') ? path : `${cwd}/${path}`).reverse();
    let done = '';
    let links = 0;
    for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
      if (part === '..') {
        done = done.slice(0, Math.max(0, done.lastIndexOf('/')));
        continue;
      }
      const next = `${done}/${part}`;
      const entry = this.at(next);
      if (entry?.kind === 'link' && (followLast || pending.length > 0)) {
        links += 1;
        if (links > MAX_LINKS) return { error: 'Too many levels of symbolic links' };
        if (entry.target.startsWith('/')) done = '';
        pending.push(...parts(entry.target).reverse());
        continue;
      }
      if (pending.length > 0 && entry === undefined) return { error: 'No such file or directory' };
      if (pending.length > 0 && entry?.kind !== 'directory') return { error: 'Not a directory' };
      done = next;
    }
    return done === '' ? '/' : done;
  }

  find(cwd: string, path: string, followLast = true): { path: string; entry: Entry } | FileError {
    const resolved = this.resolve(cwd, path, followLast);
    if (typeof resolved !== 'string') return resolved.error;
    const entry = this.at(resolved);
    if (entry === undefined) return 'No such file or directory';
    if (path.endsWith('/') && entry.kind !== 'directory') return 'Not a directory';
    return { path: resolved, entry };
  }

  /** The names in a directory, sorted. */
  list(path: string): string[] {
    const names = new Set(this.tree.names.get(path) ?? []);
    const prefix = path === '/' ? '/' : `${path}/`;
    for (const [changed, entry] of this.changes) {
      if (!changed.startsWith(prefix) || changed.indexOf('/', prefix.length) >= 0) continue;
      const name = changed.slice(prefix.length);
      if (entry === null) names.delete(name);
      else names.add(name);
    }
    return [...names].sort();
  }

  read(cwd: string, path: string): string | { error: FileError } {
    const found = this.find(cwd, path);
    if (isError(found)) return { error: found };
    const { entry } = found;
    switch (entry.kind) {
      case 'directory':
        return { error: 'Is a directory' };
      case 'file':
        return entry.mode & 0o444 || this.user === 'root' ? this.readable(entry) : { error: 'Permission denied' };
      default:
        return '';
    }
  }

  private readable(entry: File): string | { error: FileError } {
    if (this.user !== 'root' && entry.owner !== this.user && (entry.mode & 0o004) === 0)
      return { error: 'Permission denied' };
    return contentOf(entry, this.now());
  }

  private mayChange(path: string): FileError | undefined {
    if (/^\/(proc|sys)(\/|$)/.test(path)) return 'Permission denied';
    if (this.user === 'root') return undefined;
    const parent = this.at(parentOf(path));
    if (parent?.kind === 'directory' && (parent.owner === this.user || parent.mode & 0o002)) return undefined;
    return 'Permission denied';
  }

  private put(path: string, entry: Entry | null): FileError | undefined {
    if (!this.changes.has(path) && this.changes.size >= MAX_SESSION_ENTRIES) {
      this.limited('shell files', MAX_SESSION_ENTRIES);
      return 'No space left on device';
    }
    const before = this.changes.get(path);
    if (before?.kind === 'file' && before.dropped) this.bytes -= before.size;
    if (entry?.kind === 'file' && entry.dropped) this.bytes += entry.size;
    this.changes.set(path, entry);
    return undefined;
  }

  /** Writes or appends; a file that did not exist comes into being. */
  write(cwd: string, path: string, content: string, append: boolean): FileError | undefined {
    const resolved = this.resolve(cwd, path);
    if (typeof resolved !== 'string') return resolved.error;
    const entry = this.at(resolved);
    if (entry?.kind === 'directory' || path.endsWith('/')) return 'Is a directory';
    if (entry?.kind === 'device') return undefined;
    if (this.at(parentOf(resolved)) === undefined) return 'No such file or directory';
    const own = entry?.kind === 'file' && (entry.owner === this.user || (entry.mode & 0o002) !== 0);
    const refused = own
      ? /^\/(proc|sys)\//.test(resolved)
        ? 'Permission denied'
        : undefined
      : this.mayChange(resolved);
    if (refused !== undefined) return refused;
    const before = append && entry?.kind === 'file' ? contentOf(entry, this.now()) : '';
    const room = Math.max(0, Math.min(MAX_FILE_BYTES - before.length, MAX_SESSION_BYTES - this.bytes));
    const kept = content.length > room ? content.slice(0, room) : content;
    const failed = this.put(resolved, {
      kind: 'file',
      mode: entry?.kind === 'file' ? entry.mode : 0o644,
      owner: entry?.kind === 'file' ? entry.owner : this.user,
      mtime: this.now(),
      size: before.length + kept.length,
      content: before + kept,
      program: '',
      dropped: true,
    });
    if (failed === undefined && kept.length < content.length) {
      this.limited('shell file bytes', before.length + kept.length);
      return 'No space left on device';
    }
    return failed;
  }

  /** A directory that the user finds at login. */
  adopt(path: string, mode: number): void {
    this.put(path, { kind: 'directory', mode, owner: this.user, mtime: this.now() });
  }

  /** A copy keeps what program it is, and its mode where the target is new. */
  copy(cwd: string, source: File, path: string): FileError | undefined {
    const existed = !isError(this.find(cwd, path));
    const failed = this.write(cwd, path, contentOf(source, this.now()), false);
    const made = this.find(cwd, path);
    if (failed !== undefined || isError(made) || made.entry.kind !== 'file') return failed;
    const mode = existed ? made.entry.mode : source.mode & 0o7755;
    return this.put(made.path, { ...made.entry, program: source.program, mode, dropped: source.program === '' });
  }

  makeDirectory(cwd: string, path: string): FileError | undefined {
    const resolved = this.resolve(cwd, path);
    if (typeof resolved !== 'string') return resolved.error;
    if (this.at(resolved) !== undefined) return 'File exists';
    if (this.at(parentOf(resolved)) === undefined) return 'No such file or directory';
    const refused = this.mayChange(resolved);
    if (refused !== undefined)
      return refused === 'Permission denied' && resolved.startsWith('/proc') ? 'No such file or directory' : refused;
    return this.put(resolved, { kind: 'directory', mode: 0o755, owner: this.user, mtime: this.now() });
  }

  makeLink(cwd: string, path: string, target: string): FileError | undefined {
    const resolved = this.resolve(cwd, path, false);
    if (typeof resolved !== 'string') return resolved.error;
    if (this.at(resolved) !== undefined) return 'File exists';
    const refused = this.mayChange(resolved);
    return refused ?? this.put(resolved, { kind: 'link', target: target.slice(0, MAX_PATH), mtime: this.now() });
  }

  /** Removes a file, or with `directories` a directory and what is in it. */
  remove(cwd: string, path: string, directories: boolean): FileError | undefined {
    const found = this.find(cwd, path, false);
    if (isError(found)) return found;
    if (found.entry.kind === 'directory' && !directories) return 'Is a directory';
    const refused = this.mayChange(found.path);
    if (refused !== undefined) return refused;
    const inside = `${found.path}/`;
    for (const [changed, entry] of this.changes) {
      if (entry !== null && changed.startsWith(inside)) this.put(changed, null);
    }
    return this.put(found.path, null);
  }

  setMode(path: string, mode: number): FileError | undefined {
    const entry = this.at(path);
    if (entry === undefined) return 'No such file or directory';
    if (entry.kind === 'link') return undefined;
    if (this.user !== 'root' && entry.owner !== this.user) return 'Permission denied';
    return this.put(path, { ...entry, mode });
  }

  /** What the session wrote and did not remove. */
  *dropped(): Generator<{ path: string; file: File }> {
    for (const [path, entry] of this.changes) if (entry?.kind === 'file' && entry.dropped) yield { path, file: entry };
  }
}
