/** `sundew doctor`: looks for what people stumble on, and says what to do about it. */
import { Command, Option } from 'commander';
import { runChecks } from '../checks.ts';
import { print, printJson, safeText } from '../output.ts';

const MARKS = { ok: 'ok  ', warning: 'warn', problem: 'FAIL' } as const;

export function doctorCommand(): Command {
  return new Command('doctor')
    .addOption(
      new Option('--config <file>', 'the configuration file').default(undefined, 'sundew.yaml in the data folder'),
    )
    .option('--json', 'print JSON')
    .addHelpText('after', '\nEnds with 1 if something keeps it from working.\nExample:\n  sundew doctor')
    .action(async (flags: { data: string; config?: string; json?: boolean }) => {
      const results = await runChecks(flags.data, flags.config);
      if (flags.json === true) printJson(results);
      else
        for (const { level, name, text, advice } of results)
          print(`${MARKS[level]}  ${name}: ${safeText(text)}\n${advice === undefined ? '' : `      ${advice}\n`}`);
      if (results.some((result) => result.level === 'problem')) process.exitCode = 1;
    });
}
