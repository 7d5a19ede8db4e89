/** Any selection as a file, streamed. */
import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { errorCode, errorText } from '../../../events/index.ts';
import type { Log } from '../../log.ts';
import { EXPORT_FORMATS, WRITERS, type Writer } from '../../queries/export/formats.ts';
import { type ExportedSession, exportSessions } from '../../queries/export/sessions.ts';
import { filterQuery } from '../../queries/filter.ts';
import { Shares } from '../../turnstile.ts';
import { asking } from '../asking.ts';
import { requires } from '../auth.ts';
import type { Context } from '../context.ts';
import { HttpProblem } from '../problem.ts';

/** Lines joined into one piece of the answer, and about how many characters that may be. */
const LINES = 200;
const CHARACTERS = 1_048_576;
/** Exports at the same time: each holds two of the store's connections for as long as its reader takes. */
const MAX_EXPORTS = 2;

/** An answer that breaks off says no more than that: why is for the log. */
async function* logged(pieces: AsyncIterable<string>, signal: AbortSignal, log: Log): AsyncGenerator<string> {
  try {
    yield* pieces;
  } catch (error) {
    if (!signal.aborted) log.error({ code: errorCode(error), error: errorText(error) }, 'an export was broken off');
    throw error;
  }
}

async function* pieces(writer: Writer, items: AsyncIterable<ExportedSession>): AsyncGenerator<string> {
  // Goes out with the first sessions: until then, what goes wrong can be told.
  let { head } = writer;
  let lines: string[] = [];
  let characters = 0;
  for await (const item of items) {
    const line = writer.line(item);
    lines.push(line);
    characters += line.length;
    if (lines.length < LINES && characters < CHARACTERS) continue;
    yield `${head}${lines.join('\n')}\n`;
    head = '';
    lines = [];
    characters = 0;
  }
  if (lines.length > 0) yield `${head}${lines.join('\n')}\n`;
  else if (head !== '') yield head;
}

export async function exportRoutes(app: FastifyInstance, { context }: { context: Context }): Promise<void> {
  const shares = new Shares(MAX_EXPORTS);
  app.withTypeProvider<ZodTypeProvider>().get(
    '/export',
    {
      onRequest: requires('analyst', context),
      exposeHeadRoute: false,
      schema: {
        summary: 'A selection as a file: NDJSON with events, CSV, or the form of Modern Honey Network',
        description:
          'Streamed in the order of time. An answer that ends early was broken off: the connection is closed without a last chunk.',
        tags: ['records'],
        produces: ['application/x-ndjson', 'text/csv'],
        querystring: z.strictObject({ ...filterQuery, format: z.enum(EXPORT_FORMATS).default('ndjson') }),
      },
    },
    async (request, reply) => {
      if (!shares.enter('export'))
        throw new HttpProblem({
          status: 503,
          type: 'exports_busy',
          detail: `${MAX_EXPORTS} exports are under way; try again when one of them is done`,
        });
      reply.raw.once('close', () => shares.leave('export'));
      const writer = WRITERS[request.query.format];
      const ask = asking(context, request, reply);
      const lines = pieces(writer, exportSessions(context.store, ask));
      const body = Readable.from(logged(lines, ask.signal, context.log), { objectMode: false });
      reply
        .type(writer.contentType)
        .header('content-disposition', `attachment; filename="sundew-sessions.${writer.extension}"`);
      return await reply.send(body);
    },
  );
}
