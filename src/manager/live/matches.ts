/** The filters of the API applied to one record in memory: what a watcher of the live stream sees. */
import { BlockList, isIP } from 'node:net';
import { type Filter, NO_PORT } from '../queries/filter.ts';
import type { EventObject, SessionObject } from '../queries/records.ts';

/** A record that was just stored. */
export type LiveItem = { kind: 'session'; item: SessionObject } | { kind: 'record'; item: EventObject };

type Value = string | number;

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 6 ? 'ipv6' : 'ipv4');

function within(address: string | null, ranges: readonly Value[]): boolean {
  return ranges.some((given) => {
    const [network = '', bits] = String(given).split('/');
    if (address === null || network === '') return address === null && network === '';
    const family = familyOf(network);
    const list = new BlockList();
    if (bits === undefined) list.addAddress(network, family);
    else list.addSubnet(network, Number(bits), family);
    // As in the store, where IPv4 addresses are IPv4-mapped ones: `::/0` holds them too.
    return list.check(address, familyOf(address));
  });
}

/** What a session does not carry itself (a text, a hash) cannot be told from it; such a filter passes events only. */
function test(name: string, values: readonly Value[], live: LiveItem): boolean {
  const { item } = live;
  const fields: Readonly<Record<string, unknown>> =
    live.kind === 'record' ? live.item.fields : { username: live.item.username, password: live.item.password };
  switch (name) {
    case 'src_ip':
      return within(item.src_ip, values);
    case 'dst_ip':
      return within(item.dst_ip, values);
    case 'sensor':
      return values.some((value) => value === item.sensor || value === item.sensor_id);
    case 'country':
      return values.includes(item.country ?? '');
    case 'src_port':
    case 'dst_port':
      return values.includes(item[name] ?? NO_PORT);
    case 'asn':
      return values.includes(item.asn ?? 0);
    case 'username':
    case 'password':
    case 'sha256':
      return values.some((value) => fields[name] === value);
    case 'tag':
      return live.kind === 'session' && values.some((value) => live.item.tags.includes(String(value)));
    case 'q': {
      if (live.kind === 'session') return false;
      const text = Object.values(fields).flat().map(String).join('\n').toLowerCase();
      return values.some((value) => text.includes(String(value).toLowerCase()));
    }
    default:
      return values.some((value) => String((item as unknown as Record<string, unknown>)[name] ?? '') === String(value));
  }
}

export function matches(filter: Filter, live: LiveItem): boolean {
  const at = live.kind === 'session' ? live.item.started_at : live.item.at;
  if (filter.from !== undefined && at < new Date(filter.from).toISOString()) return false;
  if (filter.to !== undefined && at >= new Date(filter.to).toISOString()) return false;
  for (const [name, values] of Object.entries(filter.is))
    if (values !== undefined && !test(name, values, live)) return false;
  for (const [name, values] of Object.entries(filter.not))
    if (values !== undefined && test(name, values, live)) return false;
  return true;
}
