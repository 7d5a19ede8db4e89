/** What a thrown error means to the one who asked: the one place where codes become statuses. */
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { errorText, ProjectError } from '../../events/index.ts';
import type { Log } from '../log.ts';
import { HttpProblem, type Problem, sendProblem } from './problem.ts';

const STATUS_OF_CODE: Readonly<Record<string, number>> = {
  USER_EXISTS: 409,
  USER_NAME: 400,
  USER_UNKNOWN: 404,
  USER_LAST_ADMIN: 409,
  USER_HAS_PASSWORD: 409,
  PASSWORDS_BUSY: 503,
  PASSWORD_SHORT: 400,
  PASSWORD_LONG: 400,
  TOKEN_EXISTS: 409,
  TOKEN_NAME: 400,
  TOKEN_UNKNOWN: 404,
  SENSOR_EXISTS: 409,
  SENSOR_NAME: 400,
  CURSOR_INVALID: 400,
  FILTER_UNKNOWN: 400,
  TIMELINE_TOO_LONG: 400,
  INTAKE_FULL: 503,
  INTAKE_STOPPED: 503,
  INTAKE_NO_ROOM: 503,
  STORE_UNREACHABLE: 503,
  STORE_BUSY: 503,
  STORE_MEMORY: 503,
  STORE_DISK_FULL: 503,
  STORE_TOO_LARGE: 400,
  STORE_TIMEOUT: 504,
  STORE_CANCELLED: 499,
};
/** Full disks come as system errors from the journal. */
const NO_ROOM = new Set(['ENOSPC', 'EDQUOT']);

function problemOf(error: FastifyError | Error): Problem {
  if (error instanceof HttpProblem) return error.problem;
  if (hasZodFastifySchemaValidationErrors(error)) {
    const errors = error.validation.map((issue) => ({
      path: `${(error as FastifyError).validationContext ?? ''}${issue.instancePath}`,
      message: issue.message ?? 'invalid',
    }));
    return {
      status: 400,
      type: 'invalid_request',
      detail: errors.map(({ path, message }) => `${path}: ${message}`).join('; '),
      errors,
    };
  }
  if (error instanceof ProjectError)
    return { status: STATUS_OF_CODE[error.code] ?? 500, type: error.code.toLowerCase(), detail: error.message };
  const { code, statusCode } = error as FastifyError;
  if (NO_ROOM.has(code))
    return {
      status: 503,
      type: 'disk_full',
      detail: 'the disk of the manager is full; nothing more is taken in until there is room',
    };
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return { status: statusCode, detail: error.message };
  return { status: 500, detail: 'something went wrong here; the log of the manager says what' };
}

export function errorHandler(log: Log) {
  return async (error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const problem = problemOf(error);
    if (problem.status >= 500)
      log.error(
        { url: request.url.split('?')[0], method: request.method, error: errorText(error), stack: error.stack },
        'a request failed',
      );
    if (problem.status === 503) reply.header('retry-after', '2');
    await sendProblem(reply, problem);
  };
}
