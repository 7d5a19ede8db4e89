/**
 * A sensor's clock is its own: it may never have been set, or its owner may be an attacker. Records whose time is far from the manager's are kept, at the
 * start of the manager's day, and marked: the session by a tag, each event with the time that the sensor said. Without this a sensor could fill the
 * store with a partition for every month of ten thousand years, or stand at the head of every list for ever.
 */
import { MAX_LIST, type WireRecord } from '../../events/index.ts';

const DAY_MS = 86_400_000;
/** Records can wait on a sensor without a connection for as long as its spool holds them. */
const MAX_PAST_MS = 730 * DAY_MS;
const MAX_FUTURE_MS = DAY_MS;
export const CLOCK_TAG = 'clock_wrong';

export class Clock {
  private readonly earliest: string;
  private readonly latest: string;
  private readonly day: string;

  constructor(nowMs: number) {
    this.earliest = new Date(nowMs - MAX_PAST_MS).toISOString();
    this.latest = new Date(nowMs + MAX_FUTURE_MS).toISOString();
    this.day = new Date(nowMs - (nowMs % DAY_MS)).toISOString();
  }

  // Times of records are all of one form and length, in which the order of texts is the order of times.
  private plausible(at: string): boolean {
    return at >= this.earliest && at <= this.latest;
  }

  /** The record at a time that can be. */
  steady<Kind extends WireRecord>(record: Kind): Kind {
    switch (record.record) {
      case 'session': {
        if (this.plausible(record.started_at) && this.plausible(record.ended_at)) return record;
        const at = this.plausible(record.started_at) ? record.started_at : this.day;
        return { ...record, started_at: at, ended_at: at, tags: [...record.tags.slice(0, MAX_LIST - 1), CLOCK_TAG] };
      }
      case 'event':
        if (this.plausible(record.at)) return record;
        return { ...record, at: this.day, fields: { ...record.fields, reported_at: record.at } };
      case 'transcript':
        return this.plausible(record.at) ? record : { ...record, at: this.day };
      case 'artifact':
        return record;
    }
  }
}
