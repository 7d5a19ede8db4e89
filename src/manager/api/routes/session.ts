/** Signing in and out. */
import { isIPv6 } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { ROLES, type User } from '../../accounts/accounts.ts';
import { ipv6Prefix } from '../../enrich/ranges.ts';
import { COOKIE, principalOf, requires } from '../auth.ts';
import type { Context } from '../context.ts';
import { HttpProblem } from '../problem.ts';

const me = z
  .object({
    username: z.string().nullable(),
    role: z.enum(ROLES),
    needs_password: z.boolean().describe('True after a one-time link, until a password is chosen.'),
  })
  .meta({ id: 'Me' });

const meOf = (user: User) => ({ username: user.username, role: user.role, needs_password: !user.has_password });
/** Who has one IPv6 address has its /64 (RFC 6177). */
function placeOf(ip: string): string {
  const bare = ip.replace(/^::ffff:(?=\d+\.)/, '');
  return isIPv6(bare) ? String(ipv6Prefix(bare)) : bare;
}

/** Attempts to sign in from one place in a minute. */
const SIGN_IN_RATE = {
  config: {
    rateLimit: {
      max: 10,
      timeWindow: '1 minute',
      keyGenerator: ({ ip }: FastifyRequest) => placeOf(ip),
    },
  },
};
/** Asked by who is not signed in. */
const OPEN: { security: [] } = { security: [] };

export async function sessionRoutes(app: FastifyInstance, { context }: { context: Context }): Promise<void> {
  const routes = app.withTypeProvider<ZodTypeProvider>();
  const { accounts } = context;

  function signIn(reply: FastifyReply, user: User): void {
    const { token, maxAgeSeconds } = accounts.openSession(user);
    reply.setCookie(COOKIE, token, {
      path: '/',
      httpOnly: true,
      sameSite: 'strict',
      secure: reply.request.protocol === 'https',
      maxAge: maxAgeSeconds,
    });
  }

  routes.post(
    '/signin',
    {
      ...SIGN_IN_RATE,
      schema: {
        ...OPEN,
        summary: 'Sign in with a one-time link or with a password',
        tags: ['accounts'],
        body: z.union([
          z.strictObject({ token: z.string().max(256) }),
          z.strictObject({ username: z.string().max(64), password: z.string().max(1024) }),
        ]),
        response: { 200: me },
      },
    },
    async (request, reply) => {
      const { body } = request;
      const user = 'token' in body ? accounts.redeem(body.token) : await accounts.check(body.username, body.password);
      if (user === undefined) {
        const detail =
          'token' in body
            ? 'this link has been used or is too old; the manager prints a new one when it starts'
            : 'user name or password is wrong';
        throw new HttpProblem({ status: 401, type: 'sign_in_refused', detail });
      }
      signIn(reply, user);
      return meOf(user);
    },
  );

  routes.post(
    '/signout',
    { schema: { ...OPEN, summary: 'Sign out', tags: ['accounts'], response: { 204: z.null() } } },
    async (request, reply) => {
      const cookie = request.cookies[COOKIE];
      if (cookie !== undefined) accounts.closeSession(cookie);
      reply.clearCookie(COOKIE, { path: '/' }).code(204);
      return null;
    },
  );

  routes.get(
    '/me',
    { schema: { summary: 'Who is signed in', tags: ['accounts'], response: { 200: me } } },
    async (request) => {
      const principal = principalOf(request, context);
      return principal.user === undefined
        ? { username: principal.name, role: principal.role, needs_password: false }
        : meOf(principal.user);
    },
  );

  routes.post(
    '/account',
    {
      onRequest: requires('analyst', context),
      schema: {
        summary: 'Choose a name and a password after a one-time link',
        tags: ['accounts'],
        body: z.strictObject({ username: z.string().max(64), password: z.string().max(1024) }),
        response: { 200: me },
      },
    },
    async (request, reply) => {
      const { user } = principalOf(request, context);
      if (user === undefined) throw new HttpProblem({ status: 403, detail: 'a token has no account' });
      if (user.has_password)
        throw new HttpProblem({
          status: 409,
          type: 'has_password',
          detail: 'this account has a password already; `sundew user password` changes it',
        });
      await accounts.claim(user, request.body.username, request.body.password);
      const claimed = await accounts.check(request.body.username, request.body.password);
      if (claimed === undefined) throw new HttpProblem({ status: 500, detail: 'the account could not be read back' });
      signIn(reply, claimed);
      return meOf(claimed);
    },
  );
}
