/** Errors as ClickHouse words them over HTTP: `Code: 60. DB::Exception: text (UNKNOWN_TABLE)`. The client library reads this form. */
import { ProjectError } from '../../../events/errors.ts';

export class EngineError extends ProjectError {
  /** ClickHouse's number (src/Common/ErrorCodes.cpp). */
  readonly number: number;
  /** ClickHouse's name for the number. */
  readonly type: string;

  constructor(number: number, type: string, message: string, options: { cause?: unknown } = {}) {
    super('STORE_ENGINE', message, options);
    this.number = number;
    this.type = type;
  }

  /** The body of the HTTP answer. */
  get text(): string {
    return `Code: ${this.number}. DB::Exception: ${this.message} (${this.type})`;
  }
}

export const syntaxError = (message: string): EngineError => new EngineError(62, 'SYNTAX_ERROR', message);
export const badArguments = (message: string): EngineError => new EngineError(36, 'BAD_ARGUMENTS', message);
export const tooLarge = (message: string): EngineError => new EngineError(307, 'TOO_MANY_BYTES', message);
export const cancelled = (): EngineError => new EngineError(394, 'QUERY_WAS_CANCELLED', 'Query was cancelled');
export const shuttingDown = (): EngineError => new EngineError(236, 'ABORTED', 'The store is shutting down');

const ENGINE_TEXT = /Code: (\d+)\. DB::Exception: (.*)\(([A-Z][A-Z0-9_]+)\)/s;

/** What the engine binding or the file system threw, as the error to answer with. */
export function engineError(thrown: unknown): EngineError {
  if (thrown instanceof EngineError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const match = ENGINE_TEXT.exec(message);
  if (match !== null)
    return new EngineError(Number(match[1]), match[3] ?? '', (match[2] ?? '').trim(), { cause: thrown });
  const system = (thrown as { code?: unknown } | null)?.code;
  if (system === 'ENOSPC' || system === 'EDQUOT') {
    return new EngineError(243, 'NOT_ENOUGH_SPACE', 'No space left for the rows of an insert', { cause: thrown });
  }
  return new EngineError(1002, 'UNKNOWN_EXCEPTION', message, { cause: thrown });
}

/** The status that a ClickHouse server gives these numbers; 500 for the rest. 202 is ours: a proxy understands 503. */
const STATUS: ReadonlyMap<number, number> = new Map([
  [36, 400],
  [60, 404],
  [62, 400],
  [81, 404],
  [159, 408],
  [202, 503],
  [236, 503],
  [243, 507],
  [307, 413],
  [456, 400],
  [457, 400],
  [516, 403],
]);

export const httpStatus = (error: EngineError): number => STATUS.get(error.number) ?? 500;
