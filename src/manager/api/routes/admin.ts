/** Sensors, users and tokens. */
import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { MIN_PASSWORD, ROLES } from '../../accounts/accounts.ts';
import { sensorStatus } from '../../fleet/sensors.ts';
import { requires } from '../auth.ts';
import type { Context } from '../context.ts';

const instant = z.string().describe('UTC, RFC 3339.');
const role = z.enum(ROLES);
const sensor = z
  .object({
    id: z.string(),
    name: z.string(),
    created_at: instant,
    revoked_at: instant.nullable(),
    last_contact_at: instant.nullable(),
    status: sensorStatus.nullable(),
  })
  .meta({ id: 'Sensor' });
const user = z
  .object({ username: z.string(), role, created_at: instant, has_password: z.boolean() })
  .meta({ id: 'User' });
const token = z
  .object({
    name: z.string(),
    role,
    created_at: instant,
    expires_at: instant.nullable(),
    last_used_at: instant.nullable(),
  })
  .meta({ id: 'Token' });
const listOf = <Item extends z.ZodType>(item: Item) => z.object({ data: z.array(item), next: z.null() });
const named = z.object({ name: z.string().max(64) });

export async function adminRoutes(app: FastifyInstance, { context }: { context: Context }): Promise<void> {
  const routes = app.withTypeProvider<ZodTypeProvider>();
  const { accounts, sensors } = context;
  const admin = { onRequest: requires('admin', context) };

  routes.get(
    '/sensors',
    {
      onRequest: requires('analyst', context),
      schema: {
        summary: 'Sensors and what they last said of themselves',
        tags: ['sensors'],
        response: { 200: listOf(sensor) },
      },
    },
    async () => ({ data: sensors.list(), next: null }),
  );
  routes.post(
    '/sensors',
    {
      ...admin,
      schema: {
        summary: 'Enrol a sensor',
        tags: ['sensors'],
        body: z.strictObject({ name: z.string().max(64) }),
        response: { 201: z.object({ id: z.string(), token: z.string().describe('Shown once.') }) },
      },
    },
    async (request, reply) => {
      reply.code(201);
      return sensors.add(request.body.name);
    },
  );

  routes.get(
    '/users',
    { ...admin, schema: { summary: 'Users', tags: ['accounts'], response: { 200: listOf(user) } } },
    async () => ({ data: accounts.users(), next: null }),
  );
  routes.post(
    '/users',
    {
      ...admin,
      schema: {
        summary: 'Add a user',
        tags: ['accounts'],
        body: z.strictObject({
          username: z.string().max(64),
          role: role.default('analyst'),
          password: z.string().max(1024).describe(`At least ${MIN_PASSWORD} characters.`),
        }),
        response: { 201: user },
      },
    },
    async (request, reply) => {
      reply.code(201);
      return await accounts.addUser(request.body.username, request.body.role, request.body.password);
    },
  );
  routes.put(
    '/users/:name/password',
    {
      ...admin,
      schema: {
        summary: 'Change a password; signs the user out everywhere',
        tags: ['accounts'],
        params: named,
        body: z.strictObject({ password: z.string().max(1024) }),
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      await accounts.setPassword(request.params.name, request.body.password);
      reply.code(204);
      return null;
    },
  );
  routes.delete(
    '/users/:name',
    { ...admin, schema: { summary: 'Remove a user', tags: ['accounts'], params: named, response: { 204: z.null() } } },
    async (request, reply) => {
      accounts.removeUser(request.params.name);
      reply.code(204);
      return null;
    },
  );
  routes.post(
    '/users/link',
    {
      ...admin,
      schema: {
        summary: 'A one-time sign-in link for the owner',
        tags: ['accounts'],
        response: { 201: z.object({ token: z.string() }) },
      },
    },
    async (_request, reply) => {
      reply.code(201);
      return { token: accounts.makeLink() };
    },
  );

  routes.get(
    '/tokens',
    { ...admin, schema: { summary: 'Tokens', tags: ['accounts'], response: { 200: listOf(token) } } },
    async () => ({ data: accounts.tokens(), next: null }),
  );
  routes.post(
    '/tokens',
    {
      ...admin,
      schema: {
        summary: 'Make a token',
        tags: ['accounts'],
        body: z.strictObject({
          name: z.string().max(64),
          role: role.default('analyst'),
          days: z.int().positive().max(3650).optional(),
        }),
        response: { 201: z.object({ token: z.string().describe('Shown once.') }) },
      },
    },
    async (request, reply) => {
      reply.code(201);
      return { token: accounts.addToken(request.body.name, request.body.role, request.body.days) };
    },
  );
  routes.delete(
    '/tokens/:name',
    { ...admin, schema: { summary: 'Remove a token', tags: ['accounts'], params: named, response: { 204: z.null() } } },
    async (request, reply) => {
      accounts.removeToken(request.params.name);
      reply.code(204);
      return null;
    },
  );
}
