/** The filters of the API applied to one record in memory: what a watcher of the live stream sees. Each gives what the same filter gives in the store. */
import { boundTime, type Filter, NO_PORT, parseCidr } from '../queries/filter.ts';
import type { EventObject, SessionObject } from '../queries/records.ts';
import { searchText } from '../store/rows.ts';
import { addressNumber } from './address-number.ts';

/** A record that was just stored. */
export type LiveItem = { kind: 'session'; item: SessionObject } | { kind: 'record'; item: EventObject };

type Value = string | number;
type Test = (live: LiveItem) => boolean;

const ADDRESS_BITS = 128;

function withinAny(values: readonly Value[]): (address: string | null) => boolean {
  const none = values.some((value) => value === '' || value === '::');
  const ranges = values.flatMap((value) => {
    const range = parseCidr(String(value));
    if (range === undefined) return [];
    const shift = BigInt(ADDRESS_BITS - range.bits);
    return [{ shift, prefix: addressNumber(range.address) >> shift }];
  });
  return (address) => {
    if (address === null || address === '::') return none;
    const number = addressNumber(address);
    return ranges.some(({ shift, prefix }) => number >> shift === prefix);
  };
}

const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null);

/**
 * What a record does not carry itself cannot be told from it: of texts and hashes nothing is known of a session, of tags nothing of an event, and of its logins
 * a session knows the last.
 */
function testOf(name: keyof Filter['is'], values: readonly Value[]): Test {
  const texts = new Set(values.map(String));
  switch (name) {
    case 'src_ip':
    case 'dst_ip': {
      const within = withinAny(values);
      return ({ item }) => within(item[name]);
    }
    case 'protocol':
    case 'service':
    case 'honeypot':
      return ({ item }) => texts.has(item[name]);
    case 'country':
      return ({ item }) => texts.has(item.country ?? '');
    case 'src_port':
    case 'dst_port':
      return ({ item }) => texts.has(String(item[name] ?? NO_PORT));
    case 'asn':
      return ({ item }) => texts.has(String(item.asn ?? 0));
    case 'sensor':
      return ({ item }) => texts.has(item.sensor) || texts.has(item.sensor_id);
    case 'username':
    case 'password':
      return (live) => {
        if (live.kind === 'record' && live.item.type !== 'auth.attempt') return false;
        const value = textOf(live.kind === 'record' ? live.item.fields[name] : live.item[name]);
        return value !== null && texts.has(value);
      };
    case 'sha256':
      return (live) => live.kind === 'record' && texts.has(textOf(live.item.fields.sha256) ?? '');
    case 'tag':
      return (live) => live.kind === 'session' && live.item.tags.some((tag) => texts.has(tag));
    case 'q': {
      const wanted = [...texts].map((text) => text.toLowerCase());
      return (live) => {
        if (live.kind === 'session') return false;
        const text = searchText(live.item.fields).toLowerCase();
        return wanted.some((one) => text.includes(one));
      };
    }
  }
}

/** A filter made ready to be asked of many records. */
export function matcher(filter: Filter): Test {
  const from = filter.from === undefined ? undefined : boundTime(filter.from);
  const to = filter.to === undefined ? undefined : boundTime(filter.to);
  const tests = (conditions: Filter['is']): Test[] =>
    Object.entries(conditions).flatMap(([name, values]) =>
      values === undefined ? [] : [testOf(name as keyof Filter['is'], values)],
    );
  const is = tests(filter.is);
  const not = tests(filter.not);
  return (live) => {
    const at = live.kind === 'session' ? live.item.started_at : live.item.at;
    if ((from !== undefined && at < from) || (to !== undefined && at >= to)) return false;
    return is.every((test) => test(live)) && !not.some((test) => test(live));
  };
}
