/**
 * The brute-force tools that attackers use, with word lists of a few names: every attempt is recorded once, and the tool finds what the lure lets in and
 * nothing else.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { needs, run } from '../support/programs.ts';
import type { Stack } from '../support/stack.ts';
import { type Login, loginsOf, recordInTime } from './record.ts';

export const USERS = ['root', 'admin', 'sa'] as const;
export const PASSWORDS = ['123456', 'password', 'letmein', 'P@ssw0rd!'] as const;
/** What the lure of the second decoy lets in: the last of all, because hydra leaves out the other words of a name once it has found one. */
export const LURED = { username: 'sa', password: 'P@ssw0rd!' } as const;
export const LURE_OPTIONS = { lure: { accept: 'list', logins: [LURED] } } as const;

export type Tool = 'hydra' | 'medusa' | 'ncrack';
export const TOOLS: readonly Tool[] = ['hydra', 'medusa', 'ncrack'];

export interface Target {
  port: number;
  /** The tool's name of the protocol, and further words of its command line. */
  module: string;
  more?: readonly string[];
}

interface Lists {
  users: string;
  passwords: string;
}

/** One task at a time where a login will be found: of several, hydra ends with the one that found it, whatever the others were about to send. */
function commandOf(tool: Tool, { port, module, more = [] }: Target, lists: Lists, oneTask: boolean): string[] {
  const words = ['-U', lists.users, '-P', lists.passwords];
  switch (tool) {
    case 'hydra':
      return [
        ...['-I', '-L', lists.users, '-P', lists.passwords, '-t', oneTask ? '1' : '4'],
        ...['-s', String(port), '127.0.0.1', module, ...more],
      ];
    case 'medusa':
      return ['-h', '127.0.0.1', '-n', String(port), ...words, '-t', '4', '-M', module, ...more];
    case 'ncrack':
      return [...words, `${module}://127.0.0.1:${port}`, ...more];
  }
}

const FOUND: Readonly<Record<Tool, RegExp>> = {
  hydra: /login: (\S+) +password: (\S+)/g,
  medusa: /^ACCOUNT FOUND: .* User: (\S+) Password: (\S+) \[SUCCESS\]/gm,
  ncrack: /^127\.0\.0\.1 \d+\/tcp \w+: '(.*)' '(.*)'$/gm,
};

/** Finds the password of a recorded login: the clear one, or the word whose hash it is. */
export type Reveal = (login: Login, words: readonly string[]) => string | undefined;
const inClear: Reveal = (login) => login.password ?? undefined;

export interface BruteForce {
  context: TestContext;
  stack: Stack;
  tool: Tool;
  target: Target;
  /** The login that is found; none where it is missing. */
  lured?: { username: string; password: string };
  reveal?: Reveal;
  users?: readonly string[];
  passwords?: readonly string[];
}

/** Runs the tool over all names and words, and checks the record and what it found. */
export async function bruteForce(options: BruteForce): Promise<void> {
  const { context, stack, tool, target, lured, reveal = inClear, users = USERS, passwords = PASSWORDS } = options;
  const folder = mkdtempSync(join(tmpdir(), 'sundew-words-'));
  try {
    const lists = { users: join(folder, 'users'), passwords: join(folder, 'passwords') };
    writeFileSync(lists.users, `${users.join('\n')}\n`);
    writeFileSync(lists.passwords, `${passwords.join('\n')}\n`);
    const command = commandOf(tool, target, lists, lured !== undefined);
    // They leave files for going on later in the folder they run in, or in the home folder.
    const { result, events } = await recordInTime(context, stack, target.port, () =>
      run(tool, command, { cwd: folder, env: { HOME: folder } }),
    );
    const output = result.stdout + result.stderr;
    const attempts = loginsOf(events);
    assert.deepEqual(
      attempts.map((login) => `${login.username}:${reveal(login, passwords)}`).toSorted(),
      users.flatMap((user) => passwords.map((password) => `${user}:${password}`)).toSorted(),
      output,
    );
    const wanted = lured === undefined ? [] : [`${lured.username}:${lured.password}`];
    assert.deepEqual(
      attempts.filter((login) => login.accepted).map((login) => `${login.username}:${reveal(login, passwords)}`),
      wanted,
    );
    assert.deepEqual(
      [...output.matchAll(FOUND[tool])].map(([, user, password]) => `${user}:${password}`),
      wanted,
      output,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The two runs of each tool: a decoy that lets nobody in, and one whose lure lets one login in. */
export function bruteForceTests(options: {
  shut: () => Stack;
  luring: () => Stack;
  target: (tool: Tool, stack: Stack) => Target;
  reveal?: Reveal;
  tools?: readonly Tool[];
  /** The tools that the decoy without a lure is tried with; the same unless given. */
  shutTools?: readonly Tool[];
}): void {
  const { target, reveal, tools = TOOLS, shutTools = tools } = options;
  const more = reveal === undefined ? {} : { reveal };
  for (const tool of shutTools) {
    test(`${tool}: every attempt is recorded once, and none gets in`, { skip: needs(tool) }, async (context) => {
      const stack = options.shut();
      await bruteForce({ context, stack, tool, target: target(tool, stack), ...more });
    });
  }
  for (const tool of tools) {
    test(`${tool}: it finds the login that the lure lets in, and no other`, { skip: needs(tool) }, async (context) => {
      const stack = options.luring();
      await bruteForce({ context, stack, tool, target: target(tool, stack), lured: LURED, ...more });
    });
  }
}
