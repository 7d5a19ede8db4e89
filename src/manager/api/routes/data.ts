/** What was recorded: sessions, events, transcripts, sources, credentials, artifacts. */
import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { uuid } from '../../../events/index.ts';
import { artifactObject, artifacts } from '../../queries/artifacts.ts';
import { counts } from '../../queries/counts.ts';
import { filterQuery } from '../../queries/filter.ts';
import { findSession, listEvents, listSessions } from '../../queries/lists.ts';
import { eventObject, sessionObject } from '../../queries/records.ts';
import { source, sourceObject } from '../../queries/source.ts';
import { transcript } from '../../queries/transcript.ts';
import { asking } from '../asking.ts';
import { requires } from '../auth.ts';
import type { Context } from '../context.ts';
import { HttpProblem } from '../problem.ts';

const limit = (most: number, usual: number) =>
  z.coerce.number().int().min(1).max(most).default(usual).describe(`At most this many, up to ${most}.`);
const cursor = z.string().max(512).optional().describe('`next` of the page before.');
const order = z.enum(['asc', 'desc']).default('desc').describe('By time: newest first unless told otherwise.');
const listOf = <Item extends z.ZodType>(item: Item) => z.object({ data: z.array(item), next: z.string().nullable() });
const session = sessionObject.meta({ id: 'Session' });
const event = eventObject.meta({ id: 'Event' });
const byId = z.object({ id: uuid });

export async function dataRoutes(app: FastifyInstance, { context }: { context: Context }): Promise<void> {
  const routes = app.withTypeProvider<ZodTypeProvider>();
  routes.addHook('onRequest', requires('analyst', context));
  const { store } = context;

  routes.get(
    '/sessions',
    {
      schema: {
        summary: 'Sessions',
        tags: ['records'],
        querystring: z.strictObject({ ...filterQuery, limit: limit(1000, 50), cursor, order }),
        response: { 200: listOf(session) },
      },
    },
    async (request, reply) => await listSessions(store, request.query, asking(context, request, reply)),
  );

  routes.get(
    '/sessions/:id',
    { schema: { summary: 'One session', tags: ['records'], params: byId, response: { 200: session } } },
    async (request, reply) => {
      const found = await findSession(store, request.params.id, asking(context, request, reply));
      if (found === undefined)
        throw new HttpProblem({ status: 404, detail: `there is no session ${request.params.id}` });
      return found;
    },
  );

  routes.get(
    '/sessions/:id/transcript',
    {
      schema: {
        summary: 'The conversation of a session, byte by byte',
        tags: ['records'],
        params: byId,
        response: {
          200: z.object({
            data: z.array(
              z.object({
                offset_ms: z.number(),
                direction: z.enum(['in', 'out']),
                data: z.string().describe('base64'),
              }),
            ),
            truncated: z.boolean(),
          }),
        },
      },
    },
    async (request, reply) => await transcript(store, request.params.id, asking(context, request, reply).signal),
  );

  routes.get(
    '/events',
    {
      schema: {
        summary: 'Events',
        tags: ['records'],
        querystring: z.strictObject({
          ...filterQuery,
          limit: limit(1000, 100),
          cursor,
          order,
          session_id: uuid.optional(),
          type: z.preprocess(
            (given) => (given === undefined || Array.isArray(given) ? given : [given]),
            z.array(z.string().max(64)).max(50).optional(),
          ),
        }),
        response: { 200: listOf(event) },
      },
    },
    async (request, reply) => {
      const { limit: size, cursor: from, order: direction, session_id, type } = request.query;
      return await listEvents(
        store,
        { limit: size, cursor: from, order: direction, sessionId: session_id, types: type },
        asking(context, request, reply),
      );
    },
  );

  routes.get(
    '/sources',
    {
      schema: {
        summary: 'Source addresses by sessions',
        tags: ['records'],
        querystring: z.strictObject({ ...filterQuery, limit: limit(1000, 50) }),
        response: {
          200: listOf(
            z.object({
              src_ip: z.string().nullable(),
              country: z.string().nullable(),
              as_org: z.string().nullable(),
              sessions: z.int(),
            }),
          ),
        },
      },
    },
    async (request, reply) => {
      const rows = await counts(
        store,
        { by: ['src_ip'], limit: request.query.limit, order: 'sessions' },
        asking(context, request, reply),
      );
      const data = rows.map((row) => ({
        src_ip: row.values[0] === null ? null : String(row.values[0]),
        country: row.extra.country || null,
        as_org: row.extra.as_org ?? null,
        sessions: row.sessions,
      }));
      return { data, next: null };
    },
  );

  routes.get(
    '/sources/:ip',
    {
      schema: {
        summary: 'Everything about one address',
        tags: ['records'],
        params: z.object({ ip: z.union([z.ipv4(), z.ipv6()]) }),
        querystring: z.strictObject(filterQuery),
        response: { 200: sourceObject },
      },
    },
    async (request, reply) => {
      const found = await source(store, request.params.ip, asking(context, request, reply));
      if (found === undefined)
        throw new HttpProblem({ status: 404, detail: `nothing was recorded of ${request.params.ip}` });
      return found;
    },
  );

  routes.get(
    '/credentials',
    {
      schema: {
        summary: 'User names and passwords by attempts',
        tags: ['records'],
        querystring: z.strictObject({ ...filterQuery, limit: limit(10_000, 100) }),
        response: {
          200: listOf(
            z.object({
              username: z.string().nullable(),
              password: z.string().nullable(),
              attempts: z.int(),
              sources: z.int(),
            }),
          ),
        },
      },
    },
    async (request, reply) => {
      const rows = await counts(
        store,
        { by: ['credential'], limit: request.query.limit, order: 'sessions' },
        asking(context, request, reply),
      );
      return {
        data: rows.map((row) => ({
          username: row.extra.username ?? null,
          password: row.extra.password ?? null,
          attempts: row.sessions,
          sources: row.sources,
        })),
        next: null,
      };
    },
  );

  routes.get(
    '/artifacts',
    {
      schema: {
        summary: 'Captured files',
        tags: ['records'],
        querystring: z.strictObject({ ...filterQuery, limit: limit(1000, 50) }),
        response: { 200: listOf(artifactObject) },
      },
    },
    async (request, reply) => ({
      data: await artifacts(store, { limit: request.query.limit }, asking(context, request, reply)),
      next: null,
    }),
  );

  routes.get(
    '/artifacts/:sha256',
    {
      schema: {
        summary: 'One captured file: what is known of it',
        tags: ['records'],
        params: z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
        response: { 200: artifactObject },
      },
    },
    async (request, reply) => {
      const [found] = await artifacts(
        store,
        { limit: 1, sha256: request.params.sha256 },
        asking(context, request, reply),
      );
      if (found === undefined) throw new HttpProblem({ status: 404, detail: 'there is no such artifact' });
      return found;
    },
  );
}
