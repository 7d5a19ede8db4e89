/**
 * A compact table of address ranges: sorted starts and ends in typed arrays, found by binary search. IPv4 takes 8 bytes a range, IPv6 is kept by its
 * upper 64 bits, which is as fine as networks are announced.
 */
import { readFile } from 'node:fs/promises';

export interface Network {
  asn: number;
  name: string;
}

export function ipv4Number(address: string): number {
  let value = 0;
  for (const part of address.split('.')) value = value * 256 + Number(part);
  return value;
}

/** The upper 64 bits of an IPv6 address. */
export function ipv6Prefix(address: string): bigint {
  const [head = '', tail] = address.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const groups =
    tail === undefined
      ? left
      : [...left, ...Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0'), ...right];
  let value = 0n;
  for (const group of groups.slice(0, 4)) value = (value << 16n) | BigInt(Number.parseInt(group, 16) || 0);
  return value;
}

const NEWLINE = 0x0a;

function countLines(bytes: Buffer): number {
  let lines = 0;
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) lines += 1;
  return lines;
}

/** Gives each `start,end,asn,name` line of a file to `take`; only the name may be quoted. */
function eachRow(
  bytes: Buffer,
  take: (row: number, start: string, end: string, asn: number, name: () => string) => void,
): void {
  let row = 0;
  for (let from = 0; from < bytes.length; row += 1) {
    const newline = bytes.indexOf(NEWLINE, from);
    const to = newline < 0 ? bytes.length : newline;
    const line = bytes.toString('latin1', from, Math.min(to, from + 128));
    const first = line.indexOf(',');
    const second = line.indexOf(',', first + 1);
    const third = line.indexOf(',', second + 1);
    const begin = from + third + 1;
    take(row, line.slice(0, first), line.slice(first + 1, second), Number(line.slice(second + 1, third)), () => {
      const name = bytes.toString('utf8', begin, to).trimEnd();
      return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name;
    });
    from = to + 1;
  }
}

/** The position of the range that holds the value, or -1. */
function find<Value extends number | bigint>(starts: ArrayLike<Value>, ends: ArrayLike<Value>, value: Value): number {
  let low = 0;
  let high = starts.length - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    if ((starts[middle] as Value) > value) high = middle - 1;
    else if ((ends[middle] as Value) < value) low = middle + 1;
    else return middle;
  }
  return -1;
}

/** Reads `start,end,asn,name` files of sorted, disjoint ranges (the npm package `@ip-location-db/asn`). */
export async function loadNetworks(
  ipv4File: string,
  ipv6File: string,
): Promise<(address: string, isIpv6: boolean) => Network | undefined> {
  const names = new Map<number, string>();
  const named = (asn: number, name: () => string): number => {
    if (!names.has(asn)) names.set(asn, name());
    return asn;
  };

  const four = await readFile(ipv4File);
  const count4 = countLines(four) + 1;
  const starts4 = new Uint32Array(count4);
  const ends4 = new Uint32Array(count4);
  const asns4 = new Uint32Array(count4);
  eachRow(four, (row, start, end, asn, name) => {
    starts4[row] = ipv4Number(start);
    ends4[row] = ipv4Number(end);
    asns4[row] = named(asn, name);
  });

  const six = await readFile(ipv6File);
  const count6 = countLines(six) + 1;
  const starts6 = new BigUint64Array(count6);
  const ends6 = new BigUint64Array(count6);
  const asns6 = new Uint32Array(count6);
  eachRow(six, (row, start, end, asn, name) => {
    starts6[row] = ipv6Prefix(start);
    ends6[row] = ipv6Prefix(end);
    asns6[row] = named(asn, name);
  });
  // The place past the last line stays a range that no search reaches.
  starts4[count4 - 1] ||= 0xffffffff;
  starts6[count6 - 1] ||= 0xffffffffffffffffn;

  return (address, isIpv6) => {
    const asn = isIpv6
      ? asns6[find(starts6, ends6, ipv6Prefix(address))]
      : asns4[find(starts4, ends4, ipv4Number(address))];
    return asn === undefined || asn === 0 ? undefined : { asn, name: names.get(asn) ?? '' };
  };
}
