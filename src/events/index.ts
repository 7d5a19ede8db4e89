/** What a sensor can say: the records, their wire form, and the few helpers that every part needs to make or read them. */
export * from './errors.ts';
export * from './event.ts';
export * from './ids.ts';
export * from './limits.ts';
export * from './mhn-names.ts';
export * from './session.ts';
export * from './text.ts';
export * from './wire.ts';
