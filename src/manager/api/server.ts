/** The manager's HTTP server: the API under `/api/v1`, its description, and the dashboard. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import compress from '@fastify/compress';
import cookie from '@fastify/cookie';
import helmet from '@fastify/helmet';
import rateLimit from '@fastify/rate-limit';
import staticFiles from '@fastify/static';
import swagger from '@fastify/swagger';
import Fastify, { type FastifyInstance, type FastifySchema, type RouteOptions } from 'fastify';
import {
  jsonSchemaTransform,
  jsonSchemaTransformObject,
  serializerCompiler,
  validatorCompiler,
} from 'fastify-type-provider-zod';
import { z } from 'zod';
import { refuseForeignPages } from './auth.ts';
import type { Context } from './context.ts';
import { errorHandler } from './errors.ts';
import { PROBLEM_TYPE, sendProblem } from './problem.ts';
import { adminRoutes } from './routes/admin.ts';
import { dataRoutes } from './routes/data.ts';
import { exportRoutes } from './routes/export.ts';
import { ingestRoutes } from './routes/ingest.ts';
import { sessionRoutes } from './routes/session.ts';
import { statsRoutes } from './routes/stats.ts';
import { streamRoutes } from './routes/stream.ts';
import { systemRoutes } from './routes/system.ts';

const PREFIX = '/api/v1';
const MAX_JSON_BODY = 1_048_576;
/** A stalled client may not hold a request for ever; deliveries of slow sensors take longer than pages. */
const REQUEST_MS = 180_000;

export async function buildServer(context: Context): Promise<FastifyInstance> {
  const app = Fastify({
    logger: false,
    bodyLimit: MAX_JSON_BODY,
    requestTimeout: REQUEST_MS,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 200 },
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler(errorHandler(context.log));

  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        // The dashboard is files of ours and nothing inline: what a peer sent can run, load or restyle nothing even if it became markup.
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'"],
        connectSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
      },
    },
    strictTransportSecurity: false,
  });
  await app.register(cookie);
  app.addHook('onRequest', refuseForeignPages);
  await app.register(compress, { global: true, globalDecompression: false, encodings: ['gzip'], threshold: 2048 });
  await app.register(rateLimit, { global: false });
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Sundew',
        version: context.version,
        description: 'What the sensors recorded, and the administration of the manager.',
      },
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer' },
          cookie: { type: 'apiKey', in: 'cookie', name: 'sundew_session' },
        },
      },
      security: [{ token: [] }, { cookie: [] }],
    },
    transform: describeRoute,
    transformObject: jsonSchemaTransformObject,
  });

  app.addHook('onRoute', refuseUnknownParameters);
  const given = { prefix: PREFIX, context };
  await app.register(systemRoutes, given);
  await app.register(sessionRoutes, given);
  await app.register(ingestRoutes, given);
  await app.register(dataRoutes, given);
  await app.register(statsRoutes, { prefix: `${PREFIX}/stats`, context });
  await app.register(streamRoutes, given);
  await app.register(exportRoutes, given);
  await app.register(adminRoutes, given);
  app.get(`${PREFIX}/openapi.json`, { schema: { hide: true } }, async () => app.swagger());

  await serveDashboard(app, context);
  return app;
}

const NO_PARAMETERS = z.strictObject({});

/** A parameter that a route does not know is a mistake of whoever asks, on every route of the API; the dashboard has parameters of its own. */
function refuseUnknownParameters(route: RouteOptions): void {
  if (route.schema !== undefined && route.url.startsWith(PREFIX)) route.schema.querystring ??= NO_PARAMETERS;
}

const PROBLEMS = {
  description: 'Anything else: a problem (RFC 9457).',
  content: { [PROBLEM_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } },
};

/** The description of a route: what it answers if not with JSON, and that anything else is a problem. */
const describeRoute: typeof jsonSchemaTransform = (route) => {
  const { schema, url } = jsonSchemaTransform(route);
  const { produces = [], response } = schema as FastifySchema & { produces?: readonly string[] };
  const content = Object.fromEntries(produces.map((type) => [type, { schema: { type: 'string' } }]));
  const answers = (response as object | undefined) ?? { 200: { description: 'As described.', content } };
  return { schema: { ...schema, response: { ...answers, default: PROBLEMS } }, url };
};

/** The dashboard is one page; whatever is no file and no API is its own to route. */
async function serveDashboard(app: FastifyInstance, context: Context): Promise<void> {
  const root = context.webRoot;
  const built = root !== undefined && existsSync(join(root, 'index.html'));
  const assets = join(root ?? '', 'assets');
  if (built)
    await app.register(staticFiles, {
      root,
      wildcard: false,
      index: ['index.html'],
      maxAge: '1y',
      immutable: true,
      // Only the built assets have the hash of their content in their name.
      setHeaders: (reply, path) => void (path.startsWith(assets) || reply.header('cache-control', 'no-cache')),
    });
  app.setNotFoundHandler(async (request, reply) => {
    // A name with a suffix is a file's; the query of a page may end like one (`?src_ip=192.0.2.1`).
    const [path = ''] = request.url.split('?', 1);
    const wantsPage = request.method === 'GET' && !path.startsWith('/api/') && !/\.[a-z0-9]+$/i.test(path);
    if (built && wantsPage)
      return await reply.header('cache-control', 'no-cache').sendFile('index.html', { immutable: false, maxAge: 0 });
    return await sendProblem(reply, {
      status: 404,
      detail: built || !wantsPage ? `there is no ${path}` : 'the dashboard is not built; run `npm run build:web`',
    });
  });
}
