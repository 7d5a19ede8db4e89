/** Health, metrics and the API's own description. */
import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { requires } from '../auth.ts';
import type { Context } from '../context.ts';
import { metricsText } from '../metrics.ts';

const STORE_ANSWER_MS = 2000;
const STORE_ASKED_MS = 1000;

export async function systemRoutes(app: FastifyInstance, { context }: { context: Context }): Promise<void> {
  const routes = app.withTypeProvider<ZodTypeProvider>();

  let asked: { at: number; answer: Promise<boolean> } | undefined;

  /** Whether the store answers; asked at most once a second, however many ask. What is wrong with it is in its own log. */
  function storeAnswers(): Promise<boolean> {
    if (asked === undefined || performance.now() - asked.at > STORE_ASKED_MS)
      asked = {
        at: performance.now(),
        answer: context.store.ping(AbortSignal.timeout(STORE_ANSWER_MS)).then(
          () => true,
          () => false,
        ),
      };
    return asked.answer;
  }

  routes.get(
    '/health',
    {
      schema: {
        security: [],
        summary: 'Whether the manager works',
        tags: ['system'],
        response: {
          200: z.object({
            status: z.enum(['ok', 'degraded']),
            store: z.boolean(),
            room: z.boolean().describe('Whether the disk has room for more records.'),
          }),
        },
      },
    },
    async () => {
      const store = await storeAnswers();
      const room = context.disk.enough;
      return { status: store && room ? ('ok' as const) : ('degraded' as const), store, room };
    },
  );

  routes.get(
    '/status',
    {
      onRequest: requires('analyst', context),
      schema: {
        summary: 'How the manager does',
        tags: ['system'],
        response: {
          200: z.object({
            version: z.string(),
            started_at: z.string(),
            store: z.boolean(),
            disk: z.object({ free_bytes: z.number(), total_bytes: z.number() }),
            intake: z.object({
              waiting: z.int().describe('Records taken in and not stored yet.'),
              stored_sessions: z.int(),
              stored_events: z.int(),
              segments: z.int(),
              refused_segments: z.int(),
              trouble: z.string().nullable().describe('Why the store does not take records, if it does not.'),
            }),
            tables: z.array(z.object({ name: z.string(), built: z.string().nullable(), source: z.string() })),
          }),
        },
      },
    },
    async () => ({
      version: context.version,
      started_at: context.startedAt,
      store: await storeAnswers(),
      disk: context.disk.room(),
      intake: context.intake.state,
      tables: [...context.places.tables],
    }),
  );

  routes.get(
    '/metrics',
    {
      onRequest: requires('analyst', context),
      schema: { summary: 'Metrics for Prometheus', tags: ['system'], produces: ['text/plain'] },
    },
    async (_request, reply) => {
      reply.type('text/plain; version=0.0.4; charset=utf-8');
      return await metricsText(context);
    },
  );
}
