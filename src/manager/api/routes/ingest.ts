/** Where records come in: from sensors with their own credential, and from importers on behalf of a user. */
import { promisify } from 'node:util';
import { gunzip, zstdDecompress } from 'node:zlib';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import {
  eventRecord,
  type LineFault,
  sessionRecord,
  uuid,
  type WireRecord,
  wireRecord,
} from '../../../events/index.ts';
import { sensorStatus } from '../../fleet/sensors.ts';
import { importProgress } from '../../ingest/journal.ts';
import { parseLines } from '../../ingest/parse.ts';
import { bearerOf, requires } from '../auth.ts';
import type { Context } from '../context.ts';
import { HttpProblem } from '../problem.ts';

/** A delivery as it comes, and unpacked. */
const MAX_BODY = 32 * 1_048_576;
const MAX_UNPACKED = 96 * 1_048_576;

const unpackers: Readonly<Record<string, (body: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>>> = {
  zstd: promisify(zstdDecompress),
  gzip: promisify(gunzip),
};

async function unpack(request: FastifyRequest): Promise<Buffer> {
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding === 'identity') return body;
  const unpacker = unpackers[encoding];
  if (unpacker === undefined)
    throw new HttpProblem({ status: 415, detail: 'send the records plain, or with the content encoding zstd or gzip' });
  try {
    return await unpacker(body, { maxOutputLength: MAX_UNPACKED });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE')
      throw new HttpProblem({ status: 413, detail: `more than ${MAX_UNPACKED} bytes unpacked` });
    throw new HttpProblem({ status: 400, detail: 'the body cannot be unpacked' });
  }
}

function sensorOf(request: FastifyRequest, context: Context): { id: string; name: string } {
  const token = bearerOf(request);
  const sensor = token === undefined ? undefined : context.sensors.byToken(token);
  if (sensor === undefined)
    throw new HttpProblem({
      status: 401,
      type: 'sensor_unknown',
      detail: 'this is not the credential of a sensor; enrol it again',
    });
  return sensor;
}

const importLine = z.discriminatedUnion('record', [
  sessionRecord.extend({ record: z.literal('session'), sensor: z.string().max(128) }),
  eventRecord.extend({ record: z.literal('event'), sensor: z.string().max(128) }),
]);

const faults = z.array(z.object({ line: z.int(), message: z.string() }));
/** Faults told to the sender; all of them are counted and logged. */
const MAX_FAULTS_TOLD = 20;

export async function ingestRoutes(app: FastifyInstance, { context }: { context: Context }): Promise<void> {
  const routes = app.withTypeProvider<ZodTypeProvider>();
  routes.addContentTypeParser(
    'application/x-ndjson',
    { parseAs: 'buffer', bodyLimit: MAX_BODY },
    (_request, body, done) => done(null, body),
  );

  function checkRoom(): void {
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
      bodyLimit: MAX_BODY,
      schema: {
        summary: 'Deliver records of a sensor; answered when they are stored',
        tags: ['sensors'],
        querystring: z.strictObject({
          boot: uuid,
          first: z.coerce.number().int().positive(),
          last: z.coerce.number().int().positive(),
        }),
        response: {
          200: z.object({
            stored: z.int().describe('The last sequence number that is stored.'),
            refused: z.int(),
            faults,
          }),
        },
      },
    },
    async (request) => {
      const sensor = sensorOf(request, context);
      checkRoom();
      const { boot, first, last } = request.query;
      const parsed = await parseLines(await unpack(request), wireRecord);
      const records: WireRecord[] = [];
      const misplaced: LineFault[] = [];
      let before = first - 1;
      for (const record of parsed.records) {
        if (record.n <= before || record.n > last)
          misplaced.push({ line: record.n, message: `record ${record.n} is out of order in ${first} to ${last}` });
        else {
          before = record.n;
          records.push(record);
        }
      }
      const all = [...parsed.faults, ...misplaced];
      if (all.length > 0)
        context.log.warn(
          { sensor: sensor.name, boot, first, last, refused: all.length, examples: all.slice(0, 3) },
          'records of a sensor were refused',
        );
      await context.intake.deliver({ sensorId: sensor.id, bootId: boot, records, last });
      return { stored: last, refused: all.length, faults: all.slice(0, MAX_FAULTS_TOLD) };
    },
  );

  routes.post(
    '/ingest/status',
    {
      schema: {
        summary: 'What a sensor says of itself',
        tags: ['sensors'],
        body: sensorStatus,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const sensor = sensorOf(request, context);
      context.sensors.report(sensor.id, request.body);
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
      bodyLimit: MAX_BODY,
      onRequest: requires('admin', context),
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
      checkRoom();
      const { records, faults: found } = await parseLines(await unpack(request), importLine);
      if (found.length > 0)
        throw new HttpProblem({
          status: 400,
          type: 'invalid_records',
          detail: `line ${found[0]?.line}: ${found[0]?.message}`,
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
      });
      return { ...progress, faults: [] };
    },
  );
}

function split({ sensor, record: _, ...session }: Extract<z.infer<typeof importLine>, { record: 'session' }>) {
  return { sensorId: sensor, session };
}
