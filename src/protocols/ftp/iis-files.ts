/** What IIS does with files and directories: listings, transfers, changes. Failures are worded as Win32 words them. */
import { encodeReply } from './codec.ts';
import type { Account, Dialogue, Upload } from './dialogue.ts';
import { dosLine, matchesPattern, sorted, stamp } from './listing.ts';
import { IIS as say } from './replies.ts';
import { type Entry, type Failure, resolvePath } from './tree.ts';

export type Handler = (dialogue: Dialogue, account: Account, argument: string, verb: string) => void;

const pathOf = (account: Account, argument: string): string => resolvePath(account.directory, argument);
const find = (account: Account, argument: string): Entry | undefined => account.tree.find(pathOf(account, argument));

/** Why nothing is at this path: the directory before it is missing, or only the last name. */
function absence(account: Account, path: string): Failure {
  const parent = path.slice(0, Math.max(1, path.lastIndexOf('/')));
  return account.tree.find(parent)?.kind === 'directory' ? 'missing' : 'no_path';
}

function fail(dialogue: Dialogue, failure: Failure): void {
  dialogue.send(say.failures[failure]);
}

// Listings.

export function list(full: boolean): Handler {
  return (dialogue, account, argument) => {
    const { zoneMinutes } = dialogue.session.persona;
    // Options of ls are passed over.
    const name = argument.replace(/^(-\S*(\s+|$))+/, '');
    const path = pathOf(account, name);
    const slash = path.lastIndexOf('/');
    const entry = account.tree.find(path);
    const parent = account.tree.find(path.slice(0, Math.max(1, slash)));
    const pattern = path.slice(slash + 1).toLowerCase();
    let entries: Entry[] = [];
    if (entry?.kind === 'directory') entries = sorted(entry);
    else if (entry !== undefined) entries = [entry];
    else if (/[*?]/.test(pattern) && parent?.kind === 'directory')
      entries = sorted(parent).filter((child) => matchesPattern(child.name.toLowerCase(), pattern));
    else {
      fail(dialogue, absence(account, path));
      return;
    }
    // NLST names what is in a directory as the peer would have to.
    const prefix = name.endsWith('/') ? name : '';
    const text = entries.map((child) =>
      full ? dosLine(child, child.name, zoneMinutes) : `${prefix}${child.name}\r\n`,
    );
    dialogue.transfer({
      announcement: (connected) => opening(dialogue, connected),
      early: true,
      noConnection: say.noConnection,
      bytes: Buffer.from(text.join(''), 'latin1'),
      done: () => say.complete,
    });
  };
}

const opening = (dialogue: Dialogue, connected: boolean): Buffer =>
  connected ? say.opening : dialogue.binary ? say.openingBinary : say.openingAscii;

// Files.

export function retrieve(dialogue: Dialogue, account: Account, argument: string): void {
  const offset = dialogue.restartAt;
  dialogue.restartAt = 0;
  const path = pathOf(account, argument);
  const file = account.tree.find(path);
  if (file === undefined) fail(dialogue, absence(account, path));
  else if (file.kind === 'directory') fail(dialogue, 'is_directory');
  else
    dialogue.transfer({
      announcement: (connected) => opening(dialogue, connected),
      early: true,
      noConnection: say.noConnection,
      bytes: file.bytes?.subarray(Math.min(offset, file.size)) ?? Buffer.alloc(0),
      done: () => (file.bytes === undefined ? say.aborted : say.complete),
    });
}

export function store(how: 'replace' | 'append' | 'unique'): Handler {
  return (dialogue, account, argument) => {
    const restart = dialogue.restartAt;
    dialogue.restartAt = 0;
    const path = how === 'unique' ? uniquePath(account) : pathOf(account, argument);
    const failure = account.guest ? 'is_directory' : account.tree.writable(path);
    if (failure !== undefined) {
      fail(dialogue, failure);
      return;
    }
    const present = account.tree.find(path);
    const offset = how === 'append' && present?.kind === 'file' ? present.size : restart;
    const name = path.slice(path.lastIndexOf('/') + 1);
    dialogue.transfer({
      announcement: (connected) => opening(dialogue, connected),
      early: true,
      noConnection: say.noConnection,
      done(upload: Upload) {
        dialogue.keep(upload, how === 'unique' ? name : argument);
        account.tree.write(path, offset, upload.bytes, upload.size);
        return upload.cut
          ? say.aborted
          : how === 'unique'
            ? encodeReply(`250 STOU command successful (${name}).`)
            : say.complete;
      },
    });
  };
}

function uniquePath(account: Account): string {
  let number = 1;
  const path = (): string => pathOf(account, `MSFTPSVC${String(number).padStart(3, '0')}.TMP`);
  while (account.tree.find(path()) !== undefined) number += 1;
  return path();
}

export function size(dialogue: Dialogue, account: Account, argument: string): void {
  const path = pathOf(account, argument);
  const file = account.tree.find(path);
  if (file?.kind === 'file') dialogue.reply(`213 ${file.size}`);
  else fail(dialogue, file === undefined ? absence(account, path) : 'is_directory');
}

export function modified(dialogue: Dialogue, account: Account, argument: string): void {
  const path = pathOf(account, argument);
  const file = account.tree.find(path);
  // RFC 3659 §3.1: in UTC.
  if (file !== undefined) dialogue.reply(`213 ${stamp(file.modifiedAt, 0)}`);
  else fail(dialogue, absence(account, path));
}

/** Runs a change of the tree, which a guest may not make. */
export function change(
  act: (account: Account, path: string) => Failure | undefined,
  done: (argument: string, verb: string) => string,
): Handler {
  return (dialogue, account, argument, verb) => {
    const failure = account.guest ? 'is_directory' : act(account, pathOf(account, argument));
    if (failure === undefined) dialogue.reply(done(argument, verb));
    else fail(dialogue, failure);
  };
}

export const succeeded = (_argument: string, verb: string): string => `250 ${verb} command successful.`;

export function renameFrom(dialogue: Dialogue, account: Account, argument: string): void {
  const path = pathOf(account, argument);
  const found = find(account, argument) !== undefined;
  dialogue.renameFrom = found ? path : undefined;
  if (found) dialogue.send(say.renameFrom);
  else fail(dialogue, absence(account, path));
}

export function renameTo(dialogue: Dialogue, account: Account, argument: string): void {
  const from = dialogue.renameFrom;
  dialogue.renameFrom = undefined;
  if (from === undefined) {
    dialogue.send(say.badSequence);
    return;
  }
  const failure = account.guest ? 'is_directory' : account.tree.rename(from, pathOf(account, argument));
  if (failure === undefined) dialogue.reply('250 RNTO command successful.');
  else fail(dialogue, failure);
}

export function changeDirectory(dialogue: Dialogue, account: Account, argument: string, verb: string): void {
  const path = pathOf(account, argument);
  const entry = account.tree.find(path);
  if (entry?.kind === 'directory') {
    account.directory = path;
    dialogue.reply(`250 ${verb} command successful.`);
  } else fail(dialogue, entry === undefined ? absence(account, path) : 'not_directory');
}
