import { ProjectError } from '../events/errors.ts';

export type SpoolErrorCode =
  /** Another process has the folder open; `facts.pid` names it. */
  | 'SPOOL_LOCKED'
  /** The folder cannot be made, read or locked. */
  | 'SPOOL_OPEN_FAILED'
  /** A segment cannot be read; the call may be repeated. */
  | 'SPOOL_READ_FAILED'
  /** The disk refused to sync. */
  | 'SPOOL_SYNC_FAILED'
  /** A call after `close`. */
  | 'SPOOL_CLOSED';

export class SpoolError extends ProjectError {
  declare readonly code: SpoolErrorCode;
  constructor(
    code: SpoolErrorCode,
    message: string,
    options: { cause?: unknown; path?: string; pid?: number; id?: string } = {},
  ) {
    super(code, message, options);
  }
}
