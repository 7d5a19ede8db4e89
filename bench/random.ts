/** Seeded random numbers: the same seed gives the same data on every machine. */

export interface Random {
  /** From 0 to below 1. */
  next(): number;
  /** A whole number from 0 to below `bound`. */
  below(bound: number): number;
  /** `digits` hexadecimal digits. */
  hex(digits: number): string;
}

/** Mulberry32: one 32-bit word of state, plenty for data that only has to look varied. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const word = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  return {
    next: () => word() / 2 ** 32,
    below: (bound) => Math.floor((word() / 2 ** 32) * bound),
    hex(digits) {
      let text = '';
      while (text.length < digits) text += word().toString(16).padStart(8, '0');
      return text.slice(0, digits);
    },
  };
}

/** Draws indexes from 0 to below `count` with weights 1 / (rank + 1) ** `exponent`: few that come often, many that come once. */
export function zipf(count: number, exponent: number): (random: Random) => number {
  const cumulative = new Float64Array(count);
  let total = 0;
  for (let rank = 0; rank < count; rank += 1) {
    total += 1 / (rank + 1) ** exponent;
    cumulative[rank] = total;
  }
  return (random) => {
    const wanted = random.next() * total;
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((cumulative[middle] ?? 0) > wanted) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}

/** An IPv4 address of the public internet. */
export function publicAddress(random: Random): string {
  for (;;) {
    const a = 1 + random.below(223);
    const b = random.below(256);
    const reserved =
      a === 10 ||
      a === 127 ||
      (a === 169 && b === 254) ||
      (a === 172 && b >= 16 && b < 32) ||
      (a === 192 && b === 168) ||
      (a === 100 && b >= 64 && b < 128);
    if (!reserved) return `${a}.${b}.${random.below(256)}.${1 + random.below(254)}`;
  }
}
