/** What can go wrong between the manager and the store, in our own codes, and the one place that decides whether to try again. */
import { ClickHouseError } from '@clickhouse/client';
import { ProjectError } from '../../events/index.ts';

/** The closed list of codes. */
export type StoreErrorCode =
  /** Nobody answers, or the connection broke before the answer: whether the statement ran is unknown. */
  | 'STORE_UNREACHABLE'
  /** Too many statements run or wait, or too many parts wait to be merged. */
  | 'STORE_BUSY'
  /** The statement took longer than it may. */
  | 'STORE_TIMEOUT'
  /** The statement, or the whole engine, reached its memory cap. */
  | 'STORE_MEMORY'
  /** No space is left where the store keeps its parts. */
  | 'STORE_DISK_FULL'
  /** The statement, its data or its result is larger than the store takes or hands out. */
  | 'STORE_TOO_LARGE'
  /** The caller's signal, or a KILL, ended the statement. */
  | 'STORE_CANCELLED'
  /** The token or password is wrong, or the user may not do this. */
  | 'STORE_DENIED'
  /** A table, column or database that the statement names does not exist. */
  | 'STORE_UNKNOWN_OBJECT'
  /** The store refused the statement or its data; the same bytes will be refused again. */
  | 'STORE_REJECTED';

/** A failed call to the store. `facts` holds `clickhouse` (the number) and `type` (its name) where the store itself answered. */
export class StoreError extends ProjectError {
  declare readonly code: StoreErrorCode;

  /** Narrows the code to the closed list. */
  constructor(code: StoreErrorCode, message: string, options?: { cause?: unknown } & Record<string, unknown>) {
    super(code, message, options);
  }
}

/** ClickHouse's numbers (src/Common/ErrorCodes.cpp) that mean more than "refused". */
const CODES: ReadonlyMap<string, StoreErrorCode> = new Map([
  ['16', 'STORE_UNKNOWN_OBJECT'], // NO_SUCH_COLUMN_IN_TABLE
  ['47', 'STORE_UNKNOWN_OBJECT'], // UNKNOWN_IDENTIFIER
  ['60', 'STORE_UNKNOWN_OBJECT'], // UNKNOWN_TABLE
  ['81', 'STORE_UNKNOWN_OBJECT'], // UNKNOWN_DATABASE
  ['158', 'STORE_TOO_LARGE'], // TOO_MANY_ROWS
  ['159', 'STORE_TIMEOUT'], // TIMEOUT_EXCEEDED
  ['160', 'STORE_TIMEOUT'], // TOO_SLOW
  ['192', 'STORE_DENIED'], // UNKNOWN_USER
  ['193', 'STORE_DENIED'], // WRONG_PASSWORD
  ['194', 'STORE_DENIED'], // REQUIRED_PASSWORD
  ['202', 'STORE_BUSY'], // TOO_MANY_SIMULTANEOUS_QUERIES
  ['203', 'STORE_BUSY'], // NO_FREE_CONNECTION
  ['209', 'STORE_UNREACHABLE'], // SOCKET_TIMEOUT
  ['210', 'STORE_UNREACHABLE'], // NETWORK_ERROR
  ['236', 'STORE_UNREACHABLE'], // ABORTED: the engine is shutting down
  ['241', 'STORE_MEMORY'], // MEMORY_LIMIT_EXCEEDED
  ['242', 'STORE_UNREACHABLE'], // TABLE_IS_READ_ONLY: a replica lost its keeper
  ['243', 'STORE_DISK_FULL'], // NOT_ENOUGH_SPACE
  ['252', 'STORE_BUSY'], // TOO_MANY_PARTS
  ['279', 'STORE_UNREACHABLE'], // ALL_CONNECTION_TRIES_FAILED
  ['307', 'STORE_TOO_LARGE'], // TOO_MANY_BYTES
  ['319', 'STORE_UNREACHABLE'], // UNKNOWN_STATUS_OF_INSERT
  ['394', 'STORE_CANCELLED'], // QUERY_WAS_CANCELLED
  ['396', 'STORE_TOO_LARGE'], // TOO_MANY_ROWS_OR_BYTES
  ['497', 'STORE_DENIED'], // ACCESS_DENIED
  ['516', 'STORE_DENIED'], // AUTHENTICATION_FAILED
  ['735', 'STORE_CANCELLED'], // QUERY_WAS_CANCELLED_BY_CLIENT
  ['999', 'STORE_UNREACHABLE'], // KEEPER_EXCEPTION
]);

/**
 * Whatever the client library threw, as a StoreError. `why` says which of the caller's signal and our own time limit had fired. What the
 * library throws besides the store's own answers are broken connections and answers of something that is not ClickHouse.
 */
export function storeError(thrown: unknown, why: { cancelled: boolean; timedOut: boolean }): StoreError {
  if (thrown instanceof StoreError) return thrown;
  if (why.cancelled) return new StoreError('STORE_CANCELLED', 'the statement was cancelled', { cause: thrown });
  if (why.timedOut) return new StoreError('STORE_TIMEOUT', 'the store did not answer in time', { cause: thrown });
  if (thrown instanceof ClickHouseError) {
    const code = CODES.get(thrown.code) ?? 'STORE_REJECTED';
    return new StoreError(code, thrown.message.trim(), {
      cause: thrown,
      clickhouse: Number(thrown.code),
      type: thrown.type,
    });
  }
  if (thrown instanceof TypeError || thrown instanceof RangeError || thrown instanceof SyntaxError) throw thrown;
  return new StoreError('STORE_UNREACHABLE', 'the store cannot be reached, or broke off', { cause: thrown });
}

const RETRYABLE: ReadonlySet<StoreErrorCode> = new Set([
  'STORE_UNREACHABLE',
  'STORE_BUSY',
  'STORE_TIMEOUT',
  'STORE_MEMORY',
  'STORE_DISK_FULL',
]);

/** Whether the same call may succeed when tried again later. An insert is safe to repeat because it carries its token. */
export function isRetryable(error: unknown): error is StoreError {
  return error instanceof StoreError && RETRYABLE.has(error.code);
}

/**
 * Whether an insert failed for the rows that it brought, or for a mistake of ours in sending them: the same rows will fail again. Whatever else is wrong, a
 * wrong credential or a missing table too, somebody can put right, and the rows wait.
 */
export function refusesData(error: unknown): boolean {
  if (error instanceof StoreError) return error.code === 'STORE_REJECTED' || error.code === 'STORE_TOO_LARGE';
  return error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError;
}
