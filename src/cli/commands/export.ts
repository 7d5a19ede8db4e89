/** `sundew export`: any selection as a file. */
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { Command, Option } from 'commander';
import { ProjectError } from '../../events/index.ts';
import { EXPORT_FORMATS } from '../../manager/queries/export/formats.ts';
import { withManager } from '../connect.ts';
import { harmless } from '../output.ts';
import { progress } from '../progress.ts';
import { type ConnectFlags, type FilterFlags, filterQueryOf, whereOf, withConnection, withFilter } from './common.ts';

interface ExportFlags extends ConnectFlags, FilterFlags {
  format: string;
  out?: string;
}

export function exportCommand(): Command {
  const command = new Command('export')
    .addOption(
      new Option('--format <form>', 'ndjson with all events, csv for spreadsheets, mhn as Modern Honey Network exports')
        .choices(EXPORT_FORMATS)
        .default('ndjson'),
    )
    .option('--out <file>', 'the file; standard output otherwise')
    .addHelpText('after', '\nExample:\n  sundew export --where country=CN --since 30d --format csv --out sessions.csv');
  return withFilter(withConnection(command)).action(async (flags: ExportFlags) => {
    const query = { ...filterQueryOf(flags), format: flags.format };
    await withManager(whereOf(flags), 'start-if-data', async (client) => {
      const response = await client.fetch('GET', '/export', { query });
      if (response.body === null) throw new ProjectError('EXPORT_EMPTY', 'the manager sent nothing');
      const bar = progress(flags.out === undefined ? undefined : `exporting to ${flags.out}`);
      const body = Readable.fromWeb(response.body as ReadableStream<Uint8Array>);
      body.on('data', (chunk: Buffer) => bar.add(chunk.length));
      try {
        if (flags.out !== undefined) await writeWhole(body, flags.out);
        else if (process.stdout.isTTY) await pipeline(body, forTerminal, process.stdout, { end: false });
        else await pipeline(body, process.stdout, { end: false });
      } catch (cause) {
        throw new ProjectError(
          'EXPORT_BROKEN_OFF',
          `the export was broken off: ${cause instanceof Error ? cause.message : String(cause)}`,
          { cause },
        );
      } finally {
        bar.stop();
      }
    });
  });
}

async function* forTerminal(body: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  for await (const chunk of body) yield harmless(decoder.decode(chunk, { stream: true }));
}

/** The file is there when it is whole, and not before. */
async function writeWhole(body: Readable, path: string): Promise<void> {
  const partial = `${path}.part`;
  try {
    await pipeline(body, createWriteStream(partial));
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}
