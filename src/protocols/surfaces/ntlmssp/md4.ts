/** MD4 (RFC 1320), which the NT hash of a password is made of and OpenSSL 3 no longer offers by default. */

const rotate = (value: number, bits: number): number => (value << bits) | (value >>> (32 - bits));

/** Word order, shifts and constant of the three rounds (§3.4). */
const ROUNDS = [
  {
    order: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    shifts: [3, 7, 11, 19],
    add: 0,
    mix: (x: number, y: number, z: number) => (x & y) | (~x & z),
  },
  {
    order: [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15],
    shifts: [3, 5, 9, 13],
    add: 0x5a82_7999,
    mix: (x: number, y: number, z: number) => (x & y) | (x & z) | (y & z),
  },
  {
    order: [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15],
    shifts: [3, 9, 11, 15],
    add: 0x6ed9_eba1,
    mix: (x: number, y: number, z: number) => x ^ y ^ z,
  },
] as const;

export function md4(bytes: Uint8Array): Buffer {
  const padded = Buffer.alloc(Math.ceil((bytes.length + 9) / 64) * 64);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  padded.writeBigUInt64LE(BigInt(bytes.length) * 8n, padded.length - 8);
  let [a, b, c, d] = [0x6745_2301, 0xefcd_ab89 | 0, 0x98ba_dcfe | 0, 0x1032_5476];
  for (let block = 0; block < padded.length; block += 64) {
    const before = [a, b, c, d] as const;
    for (const round of ROUNDS) {
      for (let step = 0; step < 16; step += 1) {
        const word = padded.readInt32LE(block + (round.order[step] ?? 0) * 4);
        const sum = (a + round.mix(b, c, d) + word + round.add) | 0;
        [a, b, c, d] = [d, rotate(sum, round.shifts[step % 4] ?? 0), b, c];
      }
    }
    a = (a + before[0]) | 0;
    b = (b + before[1]) | 0;
    c = (c + before[2]) | 0;
    d = (d + before[3]) | 0;
  }
  const digest = Buffer.alloc(16);
  [a, b, c, d].forEach((word, i) => {
    digest.writeInt32LE(word, i * 4);
  });
  return digest;
}
