/** `sundew import`: logs and exports of other honeypots. */
import { Command, Option } from 'commander';
import { errorText } from '../../events/index.ts';
import { IMPORT_FORMATS } from '../../manager/ingest/importers/formats.ts';
import { withManager } from '../connect.ts';
import { type FileReport, importFile } from '../import-file.ts';
import { print, printJson, table } from '../output.ts';
import { type ConnectFlags, whereOf, withConnection } from './common.ts';

interface ImportFlags extends ConnectFlags {
  format: string;
  sensor?: string;
  json?: boolean;
}

/** Invalid lines told one by one; all are counted. */
const MAX_TOLD = 20;

export function importCommand(): Command {
  const command = new Command('import')
    .description('Read exports of other honeypots: plain or .gz files, - for standard input.')
    .argument('<file...>', 'the files')
    .addOption(new Option('--format <form>', 'what the files are').choices(['auto', ...IMPORT_FORMATS]).default('auto'))
    .option('--sensor <name>', 'put all rows under this sensor')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
A row that is stored already is counted as a duplicate; the same file twice imports nothing twice. An interrupted import goes on where it stopped.
Example:
  mongoexport --db mnemosyne --collection session | sundew import -`,
    );
  return withConnection(command).action(async (files: string[], flags: ImportFlags) => {
    const reports: FileReport[] = [];
    const failed: string[] = [];
    await withManager(whereOf(flags), async (client) => {
      for (const file of files) {
        try {
          const report = await importFile(client, file, {
            format: flags.format,
            ...(flags.sensor === undefined ? {} : { sensor: flags.sensor }),
          });
          reports.push(report);
          for (const { line, reason } of report.faults.slice(0, MAX_TOLD))
            process.stderr.write(`${file} line ${line}: ${reason}\n`);
          if (report.invalid > MAX_TOLD)
            process.stderr.write(`${file}: ${report.invalid - MAX_TOLD} further invalid lines\n`);
        } catch (error) {
          failed.push(`${file}: ${errorText(error)}`);
        }
      }
    });
    const total = (name: 'rows' | 'imported' | 'duplicates' | 'invalid'): number =>
      reports.reduce((sum, report) => sum + report[name], 0);
    const totals = {
      rows: total('rows'),
      imported: total('imported'),
      duplicates: total('duplicates'),
      invalid: total('invalid'),
    };
    if (flags.json === true) printJson({ files: reports.map(({ faults: _, ...report }) => report), ...totals });
    else if (reports.length > 0) {
      const rows = reports.map((report) => [
        report.file,
        report.format,
        report.rows,
        report.imported,
        report.duplicates,
        report.invalid,
        report.first ?? '',
        report.last ?? '',
      ]);
      if (reports.length > 1)
        rows.push(['total', '', totals.rows, totals.imported, totals.duplicates, totals.invalid, '', '']);
      print(table(['file', 'format', 'rows', 'imported', 'duplicates', 'invalid', 'first', 'last'], rows));
    }
    for (const message of failed) process.stderr.write(`sundew: ${message}\n`);
    if (failed.length > 0) process.exitCode = 1;
  });
}
