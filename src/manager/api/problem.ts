/** Errors as RFC 9457 problem details (`application/problem+json`). */
import type { FastifyReply } from 'fastify';
import { z } from 'zod';

export const PROBLEM_TYPE = 'application/problem+json';

export const problem = z
  .object({
    type: z.string().describe('A short name for the kind of problem; `about:blank` where the status says it all.'),
    title: z.string(),
    status: z.int(),
    detail: z.string().optional(),
    errors: z
      .array(z.object({ path: z.string(), message: z.string() }))
      .optional()
      .describe('What is wrong with which part of the request.'),
  })
  .meta({ id: 'Problem' });

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad request',
  401: 'Not signed in',
  403: 'Not allowed',
  404: 'Not found',
  409: 'Conflict',
  413: 'Too large',
  415: 'Unsupported media type',
  429: 'Too many requests',
  499: 'Cancelled',
  500: 'Internal error',
  503: 'Not available now',
  504: 'Took too long',
};

export interface Problem {
  status: number;
  type?: string;
  detail?: string;
  errors?: { path: string; message: string }[];
}

export async function sendProblem(reply: FastifyReply, given: Problem): Promise<void> {
  const { status, type = 'about:blank', ...rest } = given;
  // Where a stream failed before its first byte, its headers are set already: neither its compression nor its file name is that of a problem.
  reply.removeHeader('content-encoding').removeHeader('content-disposition');
  await reply
    .code(status)
    .type(PROBLEM_TYPE)
    .serializer((payload: unknown) => JSON.stringify(payload))
    .send({ type, title: TITLES[status] ?? 'Error', status, ...rest });
}

/** An answer that a route gives up with. */
export class HttpProblem extends Error {
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(problem.detail ?? TITLES[problem.status] ?? 'Error');
    this.problem = problem;
  }
}
