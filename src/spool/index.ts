export type * from './contract.ts';
export { SpoolError, type SpoolErrorCode } from './errors.ts';
export { openSpool } from './spool.ts';
