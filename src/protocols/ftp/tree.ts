/**
 * The files that one session sees: a small tree in memory. What the peer changes stays in its session. Names and paths are latin1 strings, one
 * character a byte, so that any name comes back as it was sent.
 */

/** Most entries of a tree, longest name, deepest path: what a peer can grow. */
const MAX_ENTRIES = 512;
const MAX_NAME = 255;
const MAX_DEPTH = 32;
/** Bytes of uploads that stay readable; a larger total keeps sizes and drops contents. */
const MAX_KEPT_BYTES = 2 * 1_048_576;

interface Common {
  name: string;
  modifiedAt: number;
  /** Permission bits. */
  mode: number;
}
export interface Directory extends Common {
  kind: 'directory';
  entries: Map<string, Entry>;
}
export interface StoredFile extends Common {
  kind: 'file';
  size: number;
  /** Undefined where only the size is remembered. */
  bytes: Buffer | undefined;
}
export type Entry = Directory | StoredFile;

/** Why something could not be done, in the terms that both imitated systems word differently. */
export type Failure =
  | 'missing'
  | 'no_path'
  | 'exists'
  | 'not_empty'
  | 'is_directory'
  | 'not_directory'
  | 'invalid_name'
  | 'full';

export interface TreeOptions {
  /** Windows: names differ only by more than case, and some characters are not allowed. */
  windows: boolean;
  now(): number;
}

const WINDOWS_FORBIDDEN = /[<>:"|?*\\]/;
/** Windows has no control characters in names. */
const hasControl = (name: string): boolean => [...name].some((character) => character < ' ');

/** The names of a path from the root, `.` and `..` resolved; above the root is the root. */
export function resolvePath(directory: string, path: string): string {
  const names: string[] = [];
  for (const name of (path.startsWith('/') ? path : `${directory}/${path}`).split('/')) {
    if (name === '' || name === '.') continue;
    if (name === '..') names.pop();
    else names.push(name);
  }
  return `/${names.join('/')}`;
}

export class Tree {
  readonly root: Directory;
  private readonly options: TreeOptions;
  private count = 0;
  private kept = 0;

  constructor(options: TreeOptions) {
    this.options = options;
    this.root = { kind: 'directory', name: '', modifiedAt: 0, mode: 0o755, entries: new Map() };
  }

  private key(name: string): string {
    return this.options.windows ? name.toLowerCase() : name;
  }

  /** The entry at an absolute path. */
  find(path: string): Entry | undefined {
    let at: Entry | undefined = this.root;
    for (const name of path.split('/')) {
      if (name === '') continue;
      if (at?.kind !== 'directory') return undefined;
      at = at.entries.get(this.key(name));
    }
    return at;
  }

  /** The directory that holds the last name of a path, and that name. */
  private place(path: string): { parent: Directory; name: string } | Failure {
    const names = path.split('/').filter((name) => name !== '');
    const name = names.pop();
    if (name === undefined) return 'exists';
    if (name.length > MAX_NAME || names.length >= MAX_DEPTH) return 'invalid_name';
    if (this.options.windows && (WINDOWS_FORBIDDEN.test(name) || hasControl(name))) return 'invalid_name';
    const parent = this.find(`/${names.join('/')}`);
    return parent?.kind === 'directory' ? { parent, name } : 'no_path';
  }

  private add(parent: Directory, entry: Entry): Failure | undefined {
    if (this.count >= MAX_ENTRIES) return 'full';
    this.count += 1;
    parent.entries.set(this.key(entry.name), entry);
    parent.modifiedAt = this.options.now();
    return undefined;
  }

  private take(parent: Directory, entry: Entry): void {
    if (parent.entries.delete(this.key(entry.name))) this.count -= 1;
    parent.modifiedAt = this.options.now();
  }

  makeDirectory(path: string, mode = 0o755): Failure | undefined {
    const place = this.place(path);
    if (typeof place === 'string') return place;
    if (place.parent.entries.has(this.key(place.name))) return 'exists';
    const modifiedAt = this.options.now();
    return this.add(place.parent, { kind: 'directory', name: place.name, modifiedAt, mode, entries: new Map() });
  }

  /** Whether a file could be written at this path. */
  writable(path: string): Failure | undefined {
    const place = this.place(path);
    if (typeof place === 'string') return place === 'exists' ? 'is_directory' : place;
    const present = place.parent.entries.get(this.key(place.name));
    if (present?.kind === 'directory') return 'is_directory';
    return present === undefined && this.count >= MAX_ENTRIES ? 'full' : undefined;
  }

  /** Writes `bytes` from `offset` on, over what is there. `size` is the length that the peer sent. */
  write(path: string, offset: number, bytes: Buffer, size: number, mode = 0o644): Failure | undefined {
    const place = this.place(path);
    if (typeof place === 'string') return place;
    const present = place.parent.entries.get(this.key(place.name));
    if (present?.kind === 'directory') return 'is_directory';
    const before = present?.bytes ?? Buffer.alloc(0);
    const whole =
      size === bytes.length && offset <= before.length && this.kept + offset + size <= MAX_KEPT_BYTES
        ? Buffer.concat([before.subarray(0, offset), bytes])
        : undefined;
    this.kept += whole?.length ?? 0;
    const written = { size: offset + size, bytes: whole, modifiedAt: this.options.now() };
    if (present !== undefined) {
      Object.assign(present, written);
      return undefined;
    }
    return this.add(place.parent, { kind: 'file', name: place.name, mode, ...written });
  }

  removeFile(path: string): Failure | undefined {
    const place = this.place(path);
    if (typeof place === 'string') return place === 'exists' ? 'is_directory' : place;
    const present = place.parent.entries.get(this.key(place.name));
    if (present === undefined) return 'missing';
    if (present.kind === 'directory') return 'is_directory';
    this.take(place.parent, present);
    return undefined;
  }

  removeDirectory(path: string): Failure | undefined {
    const place = this.place(path);
    if (typeof place === 'string') return place === 'exists' ? 'not_empty' : place;
    const present = place.parent.entries.get(this.key(place.name));
    if (present === undefined) return 'missing';
    if (present.kind === 'file') return 'not_directory';
    if (present.entries.size > 0) return 'not_empty';
    this.take(place.parent, present);
    return undefined;
  }

  /** `replace`: POSIX rename over a file; Windows refuses. */
  rename(from: string, to: string): Failure | undefined {
    const source = this.place(from);
    const target = this.place(to);
    if (typeof source === 'string') return source;
    if (typeof target === 'string') return target;
    const moved = source.parent.entries.get(this.key(source.name));
    if (moved === undefined) return 'missing';
    const present = target.parent.entries.get(this.key(target.name));
    // A directory cannot move into itself.
    if (moved.kind === 'directory' && `${to}/`.startsWith(`${from}/`) && to !== from) return 'invalid_name';
    if (present !== undefined && present !== moved) {
      if (this.options.windows || present.kind === 'directory' || moved.kind === 'directory') return 'exists';
      this.take(target.parent, present);
    }
    this.take(source.parent, moved);
    moved.name = target.name;
    return this.add(target.parent, moved);
  }
}
