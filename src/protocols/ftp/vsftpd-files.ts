/** What vsFTPd does with files and directories: listings, transfers, changes. */
import { encodeReply } from './codec.ts';
import type { Account, Dialogue, Upload } from './dialogue.ts';
import { matchesPattern, parseStamp, sorted, stamp, unixLine } from './listing.ts';
import { VSFTPD as say } from './replies.ts';
import { type Directory, type Entry, resolvePath } from './tree.ts';

export type Handler = (dialogue: Dialogue, account: Account, argument: string) => void;

/** `local_umask`. */
const UMASK = 0o077;

/** A file's path as the user names it: `~` is home, which is the root here. */
function pathOf(account: Account, argument: string): string | undefined {
  if (argument === '') return undefined;
  const named = argument === '~' || argument.startsWith('~/') ? `/${argument.slice(1)}` : argument;
  return resolvePath(account.directory, named);
}

function find(account: Account, argument: string): Entry | undefined {
  const path = pathOf(account, argument);
  return path === undefined ? undefined : account.tree.find(path);
}

export const quoted = (path: string): string => `"${path.replaceAll('"', '""')}"`;

// Listings.

interface Listing {
  options: string;
  entries: Entry[];
  /** Whether there was a directory to read. */
  opened: boolean;
}

/** `LIST [-options] [directory or pattern]`. */
function select(account: Account, argument: string): Listing {
  const [flags = '', ...rest] = argument.startsWith('-') ? argument.slice(1).split(' ') : ['', argument];
  const filter = rest.join(' ');
  const whole = filter === '' ? undefined : find(account, filter);
  const slash = filter.lastIndexOf('/');
  const directory =
    filter === '' || whole?.kind === 'directory'
      ? (whole ?? account.tree.find(account.directory))
      : slash < 0
        ? account.tree.find(account.directory)
        : find(account, filter.slice(0, slash) || '/');
  if (directory?.kind !== 'directory') return { options: flags, entries: [], opened: false };
  const pattern = whole?.kind === 'directory' ? '' : filter.slice(slash + 1);
  const all = flags.includes('a');
  const shown = sorted(directory).filter(
    (entry) => (all || !entry.name.startsWith('.')) && (pattern === '' || matchesPattern(entry.name, pattern)),
  );
  const dots: Directory[] = all && pattern === '' ? ['.', '..'].map((name) => ({ ...directory, name })) : [];
  const entries = [...dots, ...shown];
  if (flags.includes('t')) entries.sort((a, b) => b.modifiedAt - a.modifiedAt);
  if (flags.includes('r')) entries.reverse();
  return { options: flags, entries, opened: true };
}

function listing(dialogue: Dialogue, account: Account, entries: readonly Entry[], full: boolean): string {
  const { persona } = dialogue.session;
  const now = dialogue.session.now();
  // The first users that a Debian system makes; `ftp` is a system user.
  const owner = account.guest ? 0 : 1000 + persona.number('ftp user id', 0, 3);
  return entries
    .map((entry) => (full ? unixLine(entry, entry.name, owner, now, persona.zoneMinutes) : `${entry.name}\r\n`))
    .join('');
}

export function list(full: boolean): Handler {
  return (dialogue, account, argument) => {
    if (dialogue.channel === undefined) {
      dialogue.send(say.usePassive);
      return;
    }
    const { entries, opened } = select(account, argument);
    dialogue.transfer({
      announcement: () => say.listing,
      early: false,
      noConnection: say.noConnection,
      bytes: Buffer.from(listing(dialogue, account, entries, full), 'latin1'),
      done: () => (opened ? say.listed : say.notListed),
    });
  };
}

/** STAT with a path: the listing on the control connection, with all names. */
export function listOnControl(dialogue: Dialogue, account: Account, argument: string): void {
  const [flags = '', ...rest] = argument.startsWith('-') ? argument.split(' ') : ['-', argument];
  const { entries } = select(account, `${flags}a ${rest.join(' ')}`.trimEnd());
  dialogue.send(Buffer.from(`213-Status follows:\r\n${listing(dialogue, account, entries, true)}`, 'latin1'));
  dialogue.reply('213 End of status');
}

// Files.

export function retrieve(dialogue: Dialogue, account: Account, argument: string): void {
  const offset = dialogue.restartAt;
  dialogue.restartAt = 0;
  const file = find(account, argument);
  if (dialogue.channel === undefined) dialogue.send(say.usePassive);
  else if (!dialogue.binary && offset !== 0) dialogue.send(say.noAsciiResume);
  else if (file?.kind !== 'file') dialogue.send(say.notOpened);
  else {
    // `ascii_download_enable` is off: TYPE A changes nothing but this word, which stays.
    const announcement = encodeReply(`150 Opening BINARY mode data connection for ${argument} (${file.size} bytes).`);
    dialogue.transfer({
      announcement: () => announcement,
      early: false,
      noConnection: say.noConnection,
      bytes: file.bytes?.subarray(Math.min(offset, file.size)) ?? Buffer.alloc(0),
      done: () => (file.bytes === undefined ? say.badDisk : say.complete),
    });
  }
}

export function store(how: 'replace' | 'append' | 'unique'): Handler {
  return (dialogue, account, argument) => {
    const restart = dialogue.restartAt;
    dialogue.restartAt = 0;
    if (dialogue.channel === undefined) {
      dialogue.send(say.usePassive);
      return;
    }
    const name = how === 'unique' ? uniqueName(account, argument) : argument;
    const path = pathOf(account, name);
    if (path === undefined || account.tree.writable(path) !== undefined) {
      dialogue.send(say.notCreated);
      return;
    }
    const present = account.tree.find(path);
    const offset = how === 'append' && present?.kind === 'file' ? present.size : restart;
    const announcement = how === 'unique' ? encodeReply(`150 FILE: ${name}`) : say.ready;
    dialogue.transfer({
      announcement: () => announcement,
      early: false,
      noConnection: say.noConnection,
      done(upload: Upload) {
        dialogue.keep(upload, name);
        account.tree.write(path, offset, upload.bytes, upload.size, 0o666 & ~UMASK);
        return upload.cut ? say.notReceived : say.complete;
      },
    });
  };
}

function uniqueName(account: Account, argument: string): string {
  if (argument !== '' && find(account, argument) === undefined) return argument;
  const base = argument === '' ? 'STOU' : argument;
  let suffix = 1;
  while (find(account, `${base}.${suffix}`) !== undefined) suffix += 1;
  return `${base}.${suffix}`;
}

export function size(dialogue: Dialogue, account: Account, argument: string): void {
  const file = find(account, argument);
  if (file?.kind === 'file') dialogue.reply(`213 ${file.size}`);
  else dialogue.send(say.noSize);
}

/** MDTM reads the time of a file, and sets it where a time stands before the name. */
export function modified(dialogue: Dialogue, account: Account, argument: string): void {
  const { zoneMinutes } = dialogue.session.persona;
  const file = find(account, argument);
  const at = file === undefined && argument[14] === ' ' ? parseStamp(argument.slice(0, 14)) : undefined;
  if (at !== undefined && !account.guest) {
    const named = find(account, argument.slice(15));
    if (named?.kind === 'file') named.modifiedAt = at - zoneMinutes * 60_000;
    dialogue.send(named?.kind === 'file' ? say.timeSet : say.timeNotSet);
  } else if (file?.kind === 'file') dialogue.reply(`213 ${stamp(file.modifiedAt, zoneMinutes)}`);
  else dialogue.send(say.noTime);
}

export function makeDirectory(dialogue: Dialogue, account: Account, argument: string): void {
  const path = pathOf(account, argument);
  if (path === undefined || account.tree.makeDirectory(path, 0o777 & ~UMASK) !== undefined) dialogue.send(say.notMade);
  else dialogue.reply(`257 ${quoted(path)} created`);
}

export function removeDirectory(dialogue: Dialogue, account: Account, argument: string): void {
  const path = pathOf(account, argument);
  const failed = path === undefined || account.tree.removeDirectory(path) !== undefined;
  dialogue.send(failed ? say.notRemoved : say.removed);
}

export function deleteFile(dialogue: Dialogue, account: Account, argument: string): void {
  const path = pathOf(account, argument);
  const failed = path === undefined || account.tree.removeFile(path) !== undefined;
  dialogue.send(failed ? say.notDeleted : say.deleted);
}

export function renameFrom(dialogue: Dialogue, account: Account, argument: string): void {
  const path = pathOf(account, argument);
  const found = path !== undefined && account.tree.find(path) !== undefined;
  dialogue.renameFrom = found ? path : undefined;
  dialogue.send(found ? say.renameFrom : say.noRenameFrom);
}

export function renameTo(dialogue: Dialogue, account: Account, argument: string): void {
  const from = dialogue.renameFrom;
  const to = pathOf(account, argument);
  if (from === undefined) {
    dialogue.send(say.renameFromFirst);
    return;
  }
  dialogue.renameFrom = undefined;
  const failed = to === undefined || account.tree.rename(from, to) !== undefined;
  dialogue.send(failed ? say.notRenamed : say.renamed);
}

export function changeDirectory(dialogue: Dialogue, account: Account, argument: string): void {
  const path = pathOf(account, argument);
  const found = path !== undefined && account.tree.find(path)?.kind === 'directory';
  if (found) account.directory = path;
  dialogue.send(found ? say.changed : say.notChanged);
}

export function site(dialogue: Dialogue, account: Account, argument: string): void {
  const [verb = '', first = '', ...rest] = argument.split(' ');
  const octal = (text: string): number => Number.parseInt(/^[0-7]{1,6}/.exec(text)?.[0] ?? '0', 8) & 0o777;
  switch (verb.toUpperCase()) {
    case 'CHMOD': {
      const entry = find(account, rest.join(' '));
      if (first === '' || rest.length === 0) dialogue.send(say.badChmod);
      else if (entry === undefined) dialogue.send(say.noChmod);
      else {
        entry.mode = octal(first);
        dialogue.send(say.chmod);
      }
      break;
    }
    case 'UMASK':
      if (first === '') dialogue.reply(`200 Your current UMASK is 0${UMASK.toString(8)}`);
      else dialogue.reply(`200 UMASK set to 0${octal(first).toString(8)}`);
      break;
    case 'HELP':
      dialogue.send(say.siteHelp);
      break;
    default:
      dialogue.send(say.badSite);
  }
}
