/** Wrong use: a flag, a file or a configuration that the user has to mend. Ends the command with code 2. */
import { ProjectError } from '../events/errors.ts';

export class UsageError extends ProjectError {
  constructor(message: string, facts: Record<string, unknown> = {}) {
    super('USAGE', message, facts);
  }
}

/** Codes of errors that the user mends by using the command in another way; the rest ends with 1. */
const USAGE_CODES = new Set([
  ...['USAGE', 'CONFIG_INVALID', 'FILTER_UNKNOWN'],
  // What the manager answers to values that it does not take.
  ...['invalid_request', 'user_name', 'token_name', 'sensor_name', 'password_short', 'password_long'],
]);
export const isUsage = (code: string | undefined): boolean => code !== undefined && USAGE_CODES.has(code);
