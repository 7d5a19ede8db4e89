import type { Catalogue } from '../../events/index.ts';

/** The shared events say all that this service records. */
export const mysqlEvents = {} as const satisfies Catalogue;
