/** Who is asking: a bearer token, the local credential, or the cookie of a signed-in browser. */
import { timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { Principal, Role } from '../accounts/accounts.ts';
import { hashToken } from '../accounts/secrets.ts';
import type { Context } from './context.ts';
import { HttpProblem } from './problem.ts';

export const COOKIE = 'sundew_session';
const LOCAL: Principal = { name: 'local', role: 'admin', user: undefined };

export function bearerOf(request: FastifyRequest): string | undefined {
  const [scheme, token] = (request.headers.authorization ?? '').split(' ');
  return scheme?.toLowerCase() === 'bearer' ? token : undefined;
}

function findPrincipal(request: FastifyRequest, context: Context): Principal | undefined {
  const token = bearerOf(request);
  if (token !== undefined) {
    return timingSafeEqual(hashToken(token), hashToken(context.localToken)) ? LOCAL : context.accounts.byToken(token);
  }
  const cookie = request.cookies[COOKIE];
  return cookie === undefined ? undefined : context.accounts.bySession(cookie);
}

/** Whether the one who asks is still one of ours. */
export const isKnown = (request: FastifyRequest, context: Context): boolean =>
  findPrincipal(request, context) !== undefined;

const hostOf = (origin: string): string | undefined => (URL.canParse(origin) ? new URL(origin).host : undefined);

/**
 * A browser sends the cookie with whatever a page of another site asks for; what changes something must come from our own pages. A page without an origin
 * (a sandboxed frame) says `null`.
 */
export async function refuseForeignPages(request: FastifyRequest): Promise<void> {
  if (request.method === 'GET' || request.method === 'HEAD' || request.headers.authorization !== undefined) return;
  const { origin } = request.headers;
  if (origin !== undefined && hostOf(origin) !== request.headers.host)
    throw new HttpProblem({
      status: 403,
      type: 'foreign_origin',
      detail: 'this request comes from a page of another site',
    });
}

export function principalOf(request: FastifyRequest, context: Context): Principal {
  const principal = findPrincipal(request, context);
  if (principal === undefined)
    throw new HttpProblem({
      status: 401,
      type: 'not_signed_in',
      detail: 'sign in, or send a token as `Authorization: Bearer …`',
    });
  return principal;
}

/** A hook for routes that need a role; an administrator may do all that an analyst may. */
export function requires(role: Role, context: Context) {
  return async (request: FastifyRequest): Promise<void> => {
    const principal = principalOf(request, context);
    if (role === 'admin' && principal.role !== 'admin')
      throw new HttpProblem({ status: 403, type: 'not_allowed', detail: 'this needs the role admin' });
  };
}
