/** Options of commands, as the GNU tools take them: letters together, `--` ends them. */
import type { Call } from '../state.ts';

export interface Flags {
  letters: Set<string>;
  /** Values of the letters that take one. */
  values: Map<string, string>;
  rest: string[];
}

/** Reads options; letters in `withValue` take the rest of their word or the next one. Long options count by their name. */
export function readFlags(args: readonly string[], withValue = ''): Flags {
  const flags: Flags = { letters: new Set(), values: new Map(), rest: [] };
  for (let at = 0; at < args.length; at += 1) {
    const arg = args[at] ?? '';
    if (arg === '--') {
      flags.rest.push(...args.slice(at + 1));
      break;
    }
    if (!arg.startsWith('-') || arg === '-') {
      flags.rest.push(arg);
      continue;
    }
    if (arg.startsWith('--')) {
      const [name = '', value = ''] = arg.slice(2).split('=', 2);
      flags.letters.add(name);
      flags.values.set(name, value);
      continue;
    }
    for (let letter = 1; letter < arg.length; letter += 1) {
      const name = arg[letter] ?? '';
      flags.letters.add(name);
      if (!withValue.includes(name)) continue;
      const inline = arg.slice(letter + 1);
      flags.values.set(name, inline !== '' ? inline : (args[at + 1] ?? ''));
      if (inline === '') at += 1;
      break;
    }
  }
  return flags;
}

/** `name: message` on standard error, and the exit status. */
export function fail(call: Call, message: string, status = 1): number {
  call.io.err(`${call.name}: ${message}\n`);
  return status;
}

/** coreutils name a missing operand and point at `--help`; busybox prints its usage. */
export function misused(call: Call, message: string): number {
  return fail(call, `${message}\nTry '${call.name} --help' for more information.`);
}
