/** Any selection as a file, streamed. */
import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { EXPORT_FORMATS, WRITERS, type Writer } from '../../queries/export/formats.ts';
import { type ExportedSession, exportSessions } from '../../queries/export/sessions.ts';
import { filterQuery } from '../../queries/filter.ts';
import { asking } from '../asking.ts';
import { requires } from '../auth.ts';
import type { Context } from '../context.ts';

/** Lines joined into one piece of the answer. */
const LINES = 200;

async function* pieces(writer: Writer, items: AsyncIterable<ExportedSession>): AsyncGenerator<string> {
  if (writer.head !== '') yield writer.head;
  let lines: string[] = [];
  for await (const item of items) {
    lines.push(writer.line(item));
    if (lines.length < LINES) continue;
    yield `${lines.join('\n')}\n`;
    lines = [];
  }
  if (lines.length > 0) yield `${lines.join('\n')}\n`;
}

export async function exportRoutes(app: FastifyInstance, { context }: { context: Context }): Promise<void> {
  app.withTypeProvider<ZodTypeProvider>().get(
    '/export',
    {
      onRequest: requires('analyst', context),
      schema: {
        summary: 'A selection as a file: NDJSON with events, CSV, or the form of Modern Honey Network',
        description:
          'Streamed in the order of time. An answer that ends early was broken off: the connection is closed without a last chunk.',
        tags: ['records'],
        querystring: z.strictObject({ ...filterQuery, format: z.enum(EXPORT_FORMATS).default('ndjson') }),
      },
    },
    async (request, reply) => {
      const writer = WRITERS[request.query.format];
      const body = Readable.from(pieces(writer, exportSessions(context.store, asking(context, request, reply))), {
        objectMode: false,
      });
      reply
        .type(writer.contentType)
        .header('content-disposition', `attachment; filename="sundew-sessions.${writer.extension}"`);
      return await reply.send(body);
    },
  );
}
