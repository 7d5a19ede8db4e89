export type * from './contract.ts';
export { SpoolError, type SpoolErrorCode } from './errors.ts';
export { holderOf } from './lock.ts';
export { openSpool } from './spool.ts';
