/** The command line: `sundew COMMAND`. Exit codes: 0 done, 1 failed, 2 wrong use. */
import { Command, CommanderError, Option } from 'commander';
import { errorCode, errorText } from '../events/index.ts';
import { configCommand } from './commands/config.ts';
import { doctorCommand } from './commands/doctor.ts';
import { exportCommand } from './commands/export.ts';
import { importCommand } from './commands/import.ts';
import { sensorsCommand } from './commands/sensors.ts';
import { servicesCommand } from './commands/services.ts';
import { statsCommand } from './commands/stats.ts';
import { tailCommand } from './commands/tail.ts';
import { tokenCommand } from './commands/token.ts';
import { managerCommand, sensorCommand, upCommand } from './commands/up.ts';
import { userCommand } from './commands/user.ts';
import { safeText } from './output.ts';
import { defaultDataDir, VERSION } from './paths.ts';
import { isUsage } from './usage.ts';

const EXIT = { done: 0, failed: 1, usage: 2 } as const;

function program(): Command {
  const root = new Command('sundew')
    .description(
      'A honeypot network: decoys that record what attackers do, and a manager that keeps it and answers questions.',
    )
    .version(VERSION)
    .showHelpAfterError('(add --help for the flags and an example)')
    .showSuggestionAfterError(true);
  for (const command of [
    upCommand(),
    managerCommand(),
    sensorCommand(),
    servicesCommand(),
    importCommand(),
    statsCommand(),
    exportCommand(),
    tailCommand(),
    doctorCommand(),
    sensorsCommand(),
    userCommand(),
    tokenCommand(),
    configCommand(),
  ]) {
    root.addCommand(command);
  }
  const finish = (command: Command): void => {
    command.exitOverride();
    if (command.commands.length === 0)
      command.addOption(new Option('--data <dir>', 'the data folder').default(defaultDataDir(), 'in your home'));
    for (const child of command.commands) finish(child);
  };
  finish(root);
  return root;
}

export async function main(args: readonly string[]): Promise<void> {
  try {
    await program().parseAsync([...args], { from: 'user' });
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

// `sundew stats | head` closes our output early; that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.done);
  throw error;
});
