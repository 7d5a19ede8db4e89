/** Where records come in: from sensors with their own credential, and from importers on behalf of a user. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import {
  type EventRecord,
  eventRecord,
  type SharedEventType,
  sessionRecord,
  sharedEvents,
  uuid,
  wireRecord,
} from '../../../events/index.ts';
import { sensorStatus } from '../../fleet/sensors.ts';
import { importProgress } from '../../ingest/journal.ts';
import { Shares } from '../../turnstile.ts';
import { bearerOf, requires } from '../auth.ts';
import { IMPORT_LIMITS, readRecords, SENSOR_LIMITS } from '../body.ts';
import type { Context } from '../context.ts';
import { HttpProblem } from '../problem.ts';

/** Deliveries of one sensor at the same time: the one under way, and one that follows a broken connection. */
const MAX_DELIVERIES = 2;

interface KnownSensor {
  id: string;
  name: string;
}

/** Events of the shared types must be what their schema says; a protocol's own are known to its service alone. */
function faultOf({ type, fields }: EventRecord): string | undefined {
  if (!Object.hasOwn(sharedEvents, type)) return undefined;
  const parsed = sharedEvents[type as SharedEventType].safeParse(fields);
  return parsed.success ? undefined : z.prettifyError({ issues: parsed.error.issues.slice(0, 3) });
}

/** Times that the store holds and that an importer can have read. */
const inRange = (at: string): boolean => at >= '1900' && at < '2300';

const importLine = z.discriminatedUnion('record', [
  sessionRecord.extend({ record: z.literal('session'), sensor: z.string().max(128) }),
  eventRecord.extend({ record: z.literal('event'), sensor: z.string().max(128) }),
]);

const faults = z.array(z.object({ line: z.int(), message: z.string() })).describe('The first of them.');

export async function ingestRoutes(app: FastifyInstance, { context }: { context: Context }): Promise<void> {
  const routes = app.withTypeProvider<ZodTypeProvider>();
  routes.addContentTypeParser('application/x-ndjson', { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body),
  );
  const known = new WeakMap<FastifyRequest, KnownSensor>();
  const deliveries = new Shares(MAX_DELIVERIES);

  /** Before the body is read: who is no sensor gets nothing into memory. */
  async function requiresSensor(request: FastifyRequest): Promise<void> {
    const token = bearerOf(request);
    const sensor = token === undefined ? undefined : context.sensors.byToken(token);
    if (sensor === undefined)
      throw new HttpProblem({
        status: 401,
        type: 'sensor_unknown',
        detail: 'this is not the credential of a sensor; enrol it again',
      });
    known.set(request, sensor);
  }

  const sensorOf = (request: FastifyRequest): KnownSensor => known.get(request) as KnownSensor;

  async function takesShare(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { id } = sensorOf(request);
    if (!deliveries.enter(id)) {
      reply.header('retry-after', '1');
      throw new HttpProblem({ status: 429, detail: `${MAX_DELIVERIES} deliveries of this sensor are under way` });
    }
    reply.raw.once('close', () => deliveries.leave(id));
  }

  async function needsRoom(): Promise<void> {
    if (!context.disk.enough)
      throw new HttpProblem({
        status: 503,
        type: 'disk_full',
        detail: 'the disk of the manager is nearly full; nothing more is taken in until there is room',
      });
  }

  routes.post(
    '/ingest',
    {
      bodyLimit: SENSOR_LIMITS.bytes,
      onRequest: [requiresSensor, needsRoom, takesShare],
      schema: {
        summary: 'Deliver records of a sensor; answered when they are stored',
        tags: ['sensors'],
        querystring: z
          .strictObject({
            boot: uuid,
            first: z.coerce.number().int().positive(),
            last: z.coerce.number().int().positive(),
          })
          .refine(({ first, last }) => first <= last, { message: 'is before first', path: ['last'] }),
        response: {
          200: z.object({
            stored: z.int().describe('The last sequence number that is stored.'),
            refused: z.int().describe('Lines that are no valid record.'),
            faults,
          }),
        },
      },
    },
    async (request) => {
      const sensor = sensorOf(request);
      const { boot, first, last } = request.query;
      let before = first - 1;
      const { records, bytes, ...found } = await readRecords(request, wireRecord, SENSOR_LIMITS, (record) => {
        if (record.n <= before || record.n > last) return `record ${record.n} is out of order in ${first} to ${last}`;
        before = record.n;
        return record.record === 'event' ? faultOf(record) : undefined;
      });
      if (found.refused > 0)
        context.log.warn(
          { sensor: sensor.name, boot, first, last, refused: found.refused, examples: found.faults.slice(0, 3) },
          'records of a sensor were refused',
        );
      await context.intake.deliver({ sensorId: sensor.id, bootId: boot, records, last, bytes });
      return { stored: last, refused: found.refused, faults: found.faults };
    },
  );

  routes.post(
    '/ingest/status',
    {
      onRequest: requiresSensor,
      schema: {
        summary: 'What a sensor says of itself',
        tags: ['sensors'],
        body: sensorStatus,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      context.sensors.report(sensorOf(request).id, request.body);
      reply.code(204);
      return null;
    },
  );

  routes.get(
    '/imports/:fingerprint',
    {
      onRequest: requires('admin', context),
      schema: {
        summary: 'How far an import has come',
        tags: ['import'],
        params: z.object({ fingerprint: z.string().max(128) }),
        response: { 200: importProgress },
      },
    },
    async (request) => {
      const progress = context.imports.progress(request.params.fingerprint);
      if (progress === undefined) throw new HttpProblem({ status: 404, detail: 'this import was not begun' });
      return progress;
    },
  );

  routes.delete(
    '/imports/:fingerprint',
    {
      onRequest: requires('admin', context),
      schema: {
        summary: 'Count an import from its first row again',
        tags: ['import'],
        params: z.object({ fingerprint: z.string().max(128) }),
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      context.imports.restart(request.params.fingerprint);
      reply.code(204);
      return null;
    },
  );

  routes.post(
    '/imports/:fingerprint',
    {
      bodyLimit: IMPORT_LIMITS.bytes,
      onRequest: [requires('admin', context), needsRoom],
      schema: {
        summary: 'Deliver records that an importer read; answered when they are stored',
        tags: ['import'],
        params: z.object({ fingerprint: z.string().max(128) }),
        querystring: z.strictObject({
          file: z.string().max(4096),
          format: z.string().max(64),
          rows: z.coerce.number().int().nonnegative().describe('Rows of the file read so far, these included.'),
          invalid: z.coerce.number().int().nonnegative(),
          done: z.enum(['true', 'false']),
        }),
        response: { 200: importProgress.extend({ faults }) },
      },
    },
    async (request) => {
      const { records, bytes, refused, ...found } = await readRecords(request, importLine, IMPORT_LIMITS, (record) => {
        const times = record.record === 'session' ? [record.started_at, record.ended_at] : [record.at];
        if (!times.every(inRange)) return 'a time is outside the years 1900 to 2299';
        return record.record === 'event' ? faultOf(record) : undefined;
      });
      if (refused > 0)
        throw new HttpProblem({
          status: 400,
          type: 'invalid_records',
          detail: `line ${found.faults[0]?.line}: ${found.faults[0]?.message}`,
        });
      const { file, format, rows, invalid, done } = request.query;
      const progress = await context.imports.take({
        ...{ fingerprint: request.params.fingerprint, file, format, rows, invalid, done: done === 'true' },
        sessions: records.flatMap((record) => (record.record === 'session' ? [split(record)] : [])),
        events: records.flatMap((record) => {
          if (record.record !== 'event') return [];
          const { sensor, record: _, ...event } = record;
          return [{ sensorId: sensor, event }];
        }),
        bytes,
      });
      return { ...progress, faults: [] };
    },
  );
}

function split({ sensor, record: _, ...session }: Extract<z.infer<typeof importLine>, { record: 'session' }>) {
  return { sensorId: sensor, session };
}
