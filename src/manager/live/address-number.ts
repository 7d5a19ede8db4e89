/** Addresses as numbers, to be compared with ranges: IPv6 as it is, IPv4 as its mapped form (RFC 4291 §2.5.5.2). */
const MAPPED = 0xffff_0000_0000n;

function ipv4(text: string): bigint {
  return text.split('.').reduce((value, part) => value * 256n + BigInt(part), 0n);
}

/** The number of a valid address. */
export function addressNumber(address: string): bigint {
  if (!address.includes(':')) return MAPPED + ipv4(address);
  const [head = '', tail] = address.split('::');
  const groupsOf = (text: string): bigint[] =>
    text === ''
      ? []
      : text.split(':').flatMap((group) => {
          if (!group.includes('.')) return [BigInt(`0x${group}`)];
          const value = ipv4(group);
          return [value >> 16n, value & 0xffffn];
        });
  const left = groupsOf(head);
  const right = tail === undefined ? [] : groupsOf(tail);
  const zeros = Array<bigint>(8 - left.length - right.length).fill(0n);
  return [...left, ...zeros, ...right].reduce((value, group) => (value << 16n) | group, 0n);
}
