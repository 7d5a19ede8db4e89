/** The command line: `sundew COMMAND`. Exit codes: 0 done, 1 failed, 2 wrong use. */
import { Command, CommanderError, Option } from 'commander';
import { errorCode, errorText } from '../events/errors.ts';
import { safeText } from './output.ts';
import { defaultDataDir, VERSION } from './paths.ts';
import { isUsage } from './usage.ts';

const EXIT = { done: 0, failed: 1, usage: 2 } as const;

interface Entry {
  name: string;
  summary: string;
  /** The command with its flags. Only the one that was asked for is loaded: most of them need a good part of the program. */
  load: () => Promise<Command>;
}

const COMMANDS: readonly Entry[] = [
  {
    name: 'up',
    summary: 'Run the manager, the store and one sensor on this machine.',
    load: async () => (await import('./commands/up.ts')).upCommand(),
  },
  {
    name: 'manager',
    summary: 'Run the manager and its store, without a sensor.',
    load: async () => (await import('./commands/up.ts')).managerCommand(),
  },
  {
    name: 'sensor',
    summary: 'Run a sensor alone. Without a manager its records stay on disk.',
    load: async () => (await import('./commands/up.ts')).sensorCommand(),
  },
  {
    name: 'services',
    summary: 'List the services of the running sensor.',
    load: async () => (await import('./commands/services.ts')).servicesCommand(),
  },
  {
    name: 'import',
    summary: 'Read exports of other honeypots: plain or .gz files, - for standard input.',
    load: async () => (await import('./commands/import.ts')).importCommand(),
  },
  {
    name: 'stats',
    summary: 'Count sessions by one or several fields.',
    load: async () => (await import('./commands/stats.ts')).statsCommand(),
  },
  {
    name: 'export',
    summary: 'Write sessions to a file or to standard output.',
    load: async () => (await import('./commands/export.ts')).exportCommand(),
  },
  {
    name: 'tail',
    summary: 'Show sessions and events as they are stored, until Ctrl-C.',
    load: async () => (await import('./commands/tail.ts')).tailCommand(),
  },
  {
    name: 'doctor',
    summary: 'Check this machine and say what to do: ports, disk, memory, clock, store, sensor.',
    load: async () => (await import('./commands/doctor.ts')).doctorCommand(),
  },
  {
    name: 'sensors',
    summary: 'List sensors and enrol new ones.',
    load: async () => (await import('./commands/sensors.ts')).sensorsCommand(),
  },
  {
    name: 'user',
    summary: 'Add, list and remove users; change passwords; make a sign-in link.',
    load: async () => (await import('./commands/user.ts')).userCommand(),
  },
  {
    name: 'token',
    summary: 'Make, list and remove tokens for programs.',
    load: async () => (await import('./commands/token.ts')).tokenCommand(),
  },
  {
    name: 'config',
    summary: 'Check and print the configuration.',
    load: async () => (await import('./commands/config.ts')).configCommand(),
  },
];

/** The command that the arguments name, also as `help COMMAND`. */
function namedBy(args: readonly string[]): string | undefined {
  const [first, second] = args.filter((arg) => !arg.startsWith('-'));
  return first === 'help' ? second : first;
}

async function program(args: readonly string[]): Promise<Command> {
  const root = new Command('sundew')
    .description(
      'A honeypot network: decoys that record what attackers do, and a manager that keeps it and answers questions.',
    )
    .version(VERSION)
    .addHelpText('after', '\nExample:\n  sundew up\n\n`sundew COMMAND --help` shows the flags of a command.')
    .showHelpAfterError('(add --help for the flags and an example)')
    .showSuggestionAfterError(true)
    .exitOverride();
  const named = namedBy(args);
  for (const { name, summary, load } of COMMANDS)
    root.addCommand((name === named ? await load() : new Command(name)).description(summary));
  const finish = (command: Command): void => {
    command.copyInheritedSettings(root);
    if (command.commands.length === 0)
      command.addOption(new Option('--data <dir>', 'the data folder').default(defaultDataDir(), 'in your home'));
    for (const child of command.commands) finish(child);
  };
  for (const command of root.commands) finish(command);
  return root;
}

export async function main(args: readonly string[]): Promise<void> {
  try {
    await (await program(args)).parseAsync([...args], { from: 'user' });
    process.exitCode ??= EXIT.done;
  } catch (error) {
    if (error instanceof CommanderError) {
      // Commander has printed the message; its help and version end with 0.
      process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage;
      return;
    }
    process.stderr.write(`sundew: ${errorText(error).split('\n').map(safeText).join('\n')}\n`);
    process.exitCode = isUsage(errorCode(error)) ? EXIT.usage : EXIT.failed;
  }
}

// `sundew stats | head` closes our output early; that is no error. A full disk behind it is one.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.done);
  process.stderr.write(`sundew: cannot write to standard output: ${error.message}\n`);
  process.exit(EXIT.failed);
});
process.stderr.on('error', () => undefined);
