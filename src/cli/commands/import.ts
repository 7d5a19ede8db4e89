/** `sundew import`: logs and exports of other honeypots. */
import { Command, Option } from 'commander';
import { errorCode, errorText } from '../../events/errors.ts';
import { IMPORT_FORMATS } from '../../manager/ingest/importers/formats.ts';
import { ApiError, type Client } from '../client.ts';
import { withManager } from '../connect.ts';
import { checkFile, type FileReport, importFile } from '../import-file.ts';
import { print, printJson, safeText, table } from '../output.ts';
import { UsageError } from '../usage.ts';
import { type ConnectFlags, whereOf, withConnection } from './common.ts';

interface ImportFlags extends ConnectFlags {
  format: string;
  sensor?: string;
  json?: boolean;
}

/** Invalid lines told one by one; all are counted. */
const MAX_TOLD = 20;

function tellFaults({ file, faults, invalid }: FileReport): void {
  for (const { line, reason } of faults.slice(0, MAX_TOLD))
    process.stderr.write(`${safeText(file)} line ${line}: ${safeText(reason)}\n`);
  if (invalid > MAX_TOLD) process.stderr.write(`${safeText(file)}: ${invalid - MAX_TOLD} further invalid lines\n`);
}

export function importCommand(): Command {
  const command = new Command('import')
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
    if (flags.sensor !== undefined && !/^[\w.@ -]{1,64}$/.test(flags.sensor))
      throw new UsageError('--sensor: a sensor name has 1 to 64 letters, digits, spaces and . _ - @');
    const reports: FileReport[] = [];
    let failed = false;
    const fail = (file: string, reason: string): void => {
      failed = true;
      process.stderr.write(`sundew: ${safeText(`${file}: ${reason}`)}\n`);
    };
    const there = files.filter((file) => {
      try {
        checkFile(file);
        return true;
      } catch (error) {
        fail(file, errorText(error));
        return false;
      }
    });
    const importAll = async (client: Client): Promise<void> => {
      for (const file of there) {
        try {
          const report = await importFile(client, file, {
            format: flags.format,
            ...(flags.sensor === undefined ? {} : { sensor: flags.sensor }),
          });
          reports.push(report);
          tellFaults(report);
          if (report.damage !== null) fail(file, `${report.damage}; ${report.rows} rows before that were read`);
        } catch (error) {
          // What concerns the manager concerns all files; what concerns a file leaves the others.
          if (error instanceof ApiError || errorCode(error) === 'MANAGER_UNREACHABLE') throw error;
          fail(file, errorText(error));
        }
      }
    };
    if (there.length > 0) await withManager(whereOf(flags), 'start', importAll);
    const total = (name: 'rows' | 'imported' | 'duplicates' | 'invalid'): number =>
      reports.reduce((sum, report) => sum + report[name], 0);
    const totals = {
      rows: total('rows'),
      imported: total('imported'),
      duplicates: total('duplicates'),
      invalid: total('invalid'),
    };
    if (flags.json === true)
      printJson({ files: reports.map(({ faults: _faults, damage: _damage, ...report }) => report), ...totals });
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
    if (failed) process.exitCode = 1;
  });
}
