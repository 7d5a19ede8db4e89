/** A small seeded generator (mulberry32), so that the sandbox looks the same on every start. */
export interface Random {
  next(): number;
  int(min: number, max: number): number;
  pick<Value>(list: readonly Value[]): Value;
  /** Earlier entries are likelier: about how attackers, passwords and ports are spread. */
  skewed<Value>(list: readonly Value[]): Value;
  hex(digits: number): string;
}

export function seededRandom(seed: number): Random {
  let state = seed;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const at = <Value>(list: readonly Value[], index: number): Value => list[Math.min(list.length - 1, index)] as Value;
  return {
    next,
    int: (min, max) => min + Math.floor(next() * (max - min + 1)),
    pick: (list) => at(list, Math.floor(next() * list.length)),
    skewed: (list) => at(list, Math.floor(next() ** 2.6 * list.length)),
    hex: (digits) => Array.from({ length: digits }, () => Math.floor(next() * 16).toString(16)).join(''),
  };
}
