/** Counts: totals, by a field, over time, by two fields. */
import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { timestamp } from '../../../events/index.ts';
import { counts, summary } from '../../queries/counts.ts';
import { COUNT_FIELD_NAMES, SINGLE_FIELD_NAMES } from '../../queries/fields.ts';
import { filterQuery } from '../../queries/filter.ts';
import { INTERVALS, intervalFor, span, timeline } from '../../queries/timeline.ts';
import { asking } from '../asking.ts';
import { requires } from '../auth.ts';
import type { Context } from '../context.ts';

const count = z.int().nonnegative();
const countField = z.enum(COUNT_FIELD_NAMES);
const singleField = z.enum(SINGLE_FIELD_NAMES);
const value = z.union([z.string(), z.number(), z.null()]);
const topRow = z.object({
  value: value.describe('Null where the records lack it.'),
  sessions: count,
  sources: count.describe('Distinct source addresses.'),
  country: z.string().nullable().optional(),
  as_org: z.string().nullable().optional(),
  username: z.string().nullable().optional(),
  password: z.string().nullable().optional(),
});
const many = z.preprocess(
  (given) => (given === undefined || Array.isArray(given) ? given : [given]),
  z.array(countField).min(1).max(4),
);

export async function statsRoutes(app: FastifyInstance, { context }: { context: Context }): Promise<void> {
  const routes = app.withTypeProvider<ZodTypeProvider>();
  routes.addHook('onRequest', requires('analyst', context));
  const { store } = context;

  routes.get(
    '/summary',
    {
      schema: {
        summary: 'Totals',
        tags: ['stats'],
        querystring: z.strictObject(filterQuery),
        response: {
          200: z.object({
            ...{
              sessions: count,
              sources: count,
              logins: count,
              commands: count,
              files: count,
              countries: count,
              sensors: count,
              events: count,
            },
            ...{ first: timestamp.nullable(), last: timestamp.nullable() },
          }),
        },
      },
    },
    async (request, reply) => await summary(store, asking(context, request, reply)),
  );

  routes.get(
    '/top',
    {
      schema: {
        summary: 'The values of a field that occur most',
        tags: ['stats'],
        querystring: z.strictObject({
          ...filterQuery,
          by: countField,
          limit: z.coerce.number().int().min(0).max(100_000).default(10).describe('Most rows; 0 for all.'),
          unique: z.literal('src_ip').optional().describe('Order by distinct sources.'),
          min_sessions: z.coerce
            .number()
            .int()
            .min(1)
            .optional()
            .describe('Only sources with at least this many sessions.'),
        }),
        response: { 200: z.object({ data: z.array(topRow), next: z.null() }) },
      },
    },
    async (request, reply) => {
      const { by, limit, unique, min_sessions } = request.query;
      const question = {
        by: [by],
        limit,
        order: unique === undefined ? ('sessions' as const) : ('sources' as const),
        ...(min_sessions === undefined ? {} : { minSessions: min_sessions }),
      };
      const rows = await counts(store, question, asking(context, request, reply));
      const data = rows.map((row) => ({
        value: row.values[0] ?? null,
        sessions: row.sessions,
        sources: row.sources,
        ...row.extra,
      }));
      return { data, next: null };
    },
  );

  routes.get(
    '/counts',
    {
      schema: {
        summary: 'Counts by one to four fields',
        tags: ['stats'],
        querystring: z.strictObject({
          ...filterQuery,
          by: many,
          limit: z.coerce.number().int().min(0).max(1_000_000).default(0).describe('Most rows; 0 for all.'),
          order: z.enum(['sessions', 'sources', 'value']).default('sessions'),
          min_sessions: z.coerce.number().int().min(1).optional(),
        }),
        response: {
          200: z.object({
            data: z.array(z.object({ values: z.array(value), sessions: count, sources: count })),
            next: z.null(),
          }),
        },
      },
    },
    async (request, reply) => {
      const { by, limit, order, min_sessions } = request.query;
      const rows = await counts(
        store,
        { by, limit, order, ...(min_sessions === undefined ? {} : { minSessions: min_sessions }) },
        asking(context, request, reply),
      );
      return { data: rows.map(({ values, sessions, sources }) => ({ values, sessions, sources })), next: null };
    },
  );

  routes.get(
    '/timeline',
    {
      schema: {
        summary: 'Sessions over time',
        tags: ['stats'],
        querystring: z.strictObject({
          ...filterQuery,
          interval: z.enum([...INTERVALS, 'auto']).default('auto'),
          by: singleField.default('protocol'),
          limit: z.coerce
            .number()
            .int()
            .min(1)
            .max(50)
            .default(8)
            .describe('Values shown by name; the rest is `other`.'),
        }),
        response: {
          200: z.object({
            interval: z.enum(INTERVALS),
            data: z.array(z.object({ at: timestamp, value, sessions: count, sources: count })),
          }),
        },
      },
    },
    async (request, reply) => {
      const ask = asking(context, request, reply);
      const { interval, by, limit } = request.query;
      let chosen = interval;
      if (chosen === 'auto') {
        const whole = await span(store, ask);
        const from = ask.filter.from === undefined ? (whole?.first ?? 0) : Date.parse(ask.filter.from);
        const to = ask.filter.to === undefined ? (whole?.last ?? from) : Date.parse(ask.filter.to);
        chosen = intervalFor(Math.max(0, to - from));
      }
      return { interval: chosen, data: await timeline(store, { interval: chosen, by, limit }, ask) };
    },
  );

  routes.get(
    '/matrix',
    {
      schema: {
        summary: 'Sessions by two fields',
        tags: ['stats'],
        querystring: z.strictObject({
          ...filterQuery,
          rows: countField,
          cols: countField,
          limit: z.coerce.number().int().min(1).max(100_000).default(10_000),
        }),
        response: {
          200: z.object({ data: z.array(z.object({ row: value, col: value, sessions: count, sources: count })) }),
        },
      },
    },
    async (request, reply) => {
      const { rows: down, cols: across, limit } = request.query;
      const rows = await counts(
        store,
        { by: [down, across], limit, order: 'sessions' },
        asking(context, request, reply),
      );
      return {
        data: rows.map((row) => ({
          row: row.values[0] ?? null,
          col: row.values[1] ?? null,
          sessions: row.sessions,
          sources: row.sources,
        })),
      };
    },
  );
}
