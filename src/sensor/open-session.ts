/** What the spool keeps of a session while it is open, so that it can be closed after the sensor died. */
import type { Envelope, SessionRecord } from '../events/index.ts';
import type { Tally } from './tally.ts';

/** Everything that does not change. Kept under the session's id. */
export interface OpenSession {
  id: string;
  boot_id: string;
  started_at: string;
  envelope: Envelope;
}

/** Facts that a service noted. */
export type RecordedFacts = Pick<SessionRecord, 'ja4' | 'hassh' | 'client' | 'tags' | 'techniques'>;

export const emptyFacts = (): RecordedFacts => ({ ja4: '', hassh: '', client: '', tags: [], techniques: [] });

/** What does change, kept beside it. */
export interface OpenProgress extends Tally, RecordedFacts {
  at: string;
  events: number;
  bytes_in: number;
  bytes_out: number;
}

const SUFFIX = '+';

/** The key of an open session's progress in the spool's open table. */
export const progressKey = (id: string): string => id + SUFFIX;
/** The session that a key of a progress belongs to; undefined where it is no such key. */
export const sessionOfProgress = (key: string): string | undefined =>
  key.endsWith(SUFFIX) ? key.slice(0, -SUFFIX.length) : undefined;
