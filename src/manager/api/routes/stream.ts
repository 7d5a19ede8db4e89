/** The live stream: records as they are stored, as server-sent events (HTML Living Standard §9.2). */
import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { MAX_WATCHERS, type Watcher } from '../../live/hub.ts';
import { matcher } from '../../live/matches.ts';
import { filterOf, filterQuery } from '../../queries/filter.ts';
import { isKnown, requires } from '../auth.ts';
import type { Context } from '../context.ts';
import { HttpProblem } from '../problem.ts';

/** Bytes that may wait for a watcher that reads slowly. */
const MAX_WAITING = 1_048_576;
const PING_MS = 15_000;

export async function streamRoutes(app: FastifyInstance, { context }: { context: Context }): Promise<void> {
  const routes = app.withTypeProvider<ZodTypeProvider>();
  const closers = new Set<() => void>();
  app.addHook('preClose', async () => {
    for (const close of closers) close();
  });

  routes.get(
    '/stream',
    {
      onRequest: requires('analyst', context),
      exposeHeadRoute: false,
      schema: {
        summary: 'Records as they are stored (server-sent events)',
        description:
          'Events `session` (a session object), `record` (an event object), `missed` ({"count":n}: the reader was too slow) and `ping`.',
        tags: ['records'],
        produces: ['text/event-stream'],
        querystring: z.strictObject(filterQuery),
      },
    },
    async (request, reply) => {
      if (context.hub.size >= MAX_WATCHERS)
        throw new HttpProblem({ status: 503, detail: `${MAX_WATCHERS} readers watch already` });
      reply.hijack();
      const { raw } = reply;
      raw.writeHead(200, {
        'content-type': 'text/event-stream',
        'cache-control': 'no-cache, no-transform',
        'x-accel-buffering': 'no',
      });
      const write = (event: string, data: unknown): void => {
        raw.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
      };
      const watcher: Watcher = {
        wants: matcher(filterOf(request.query as Record<string, unknown>)),
        take(item) {
          if (raw.writableLength > MAX_WAITING) return false;
          write(item.kind, item.item);
          return true;
        },
        missed: (count) => write('missed', { count }),
      };
      raw.write('retry: 2000\n\n');
      write('ping', {});
      const remove = context.hub.add(watcher);
      const ping = setInterval(() => {
        // Who was signed out or removed meanwhile sees no more.
        if (isKnown(request, context)) write('ping', {});
        else close();
      }, PING_MS);
      const close = (): void => {
        clearInterval(ping);
        remove();
        closers.delete(close);
        raw.end();
      };
      closers.add(close);
      raw.on('close', close);
    },
  );
}
