import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { testFolder } from '../testing.ts';
import { ipv4Number, ipv6Prefix, loadNetworks } from './ranges.ts';

let folder: ReturnType<typeof testFolder>;
before(() => {
  folder = testFolder();
});
after(() => folder.remove());

async function networks(ipv4: string, ipv6: string): ReturnType<typeof loadNetworks> {
  writeFileSync(join(folder.path, '4.csv'), ipv4);
  writeFileSync(join(folder.path, '6.csv'), ipv6);
  return await loadNetworks(join(folder.path, '4.csv'), join(folder.path, '6.csv'));
}

test('the upper half of an IPv6 address is read in every spelling', () => {
  for (const [address, prefix] of [
    ['::', 0n],
    ['::1', 0n],
    ['2001:db8::', 0x2001_0db8_0000_0000n],
    ['2001:db8:1:2:3:4:5:6', 0x2001_0db8_0001_0002n],
    ['2001:DB8:0:ffff::', 0x2001_0db8_0000_ffffn],
    ['1::8', 0x0001_0000_0000_0000n],
    ['::ffff:192.0.2.1', 0n],
  ] as const)
    assert.equal(ipv6Prefix(address), prefix, address);
});

test('any IPv6 address has the prefix that its groups say', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 8, maxLength: 8 }), (groups) => {
      const full = groups.map((group) => group.toString(16)).join(':');
      const short = new URL(`http://[${full}]`).hostname.slice(1, -1);
      assert.ok(isIPv6(short));
      const expected = groups.slice(0, 4).reduce((value, group) => (value << 16n) | BigInt(group), 0n);
      assert.equal(ipv6Prefix(full), expected);
      assert.equal(ipv6Prefix(short), expected);
    }),
  );
});

test('an address is in the range whose first and last address it lies between', async () => {
  const find = await networks(
    '1.0.0.0,1.0.0.255,13335,"CLOUD, ""Inc"""\n1.0.4.0,1.0.7.255,38803,Plain\n255.0.0.0,255.255.255.255,64500,Last\n',
    '2001:db8::,2001:db8:0:ffff:ffff:ffff:ffff:ffff,64501,Six\n',
  );
  assert.deepEqual(find('1.0.0.0', false), { asn: 13335, name: 'CLOUD, "Inc"' });
  assert.deepEqual(find('1.0.0.255', false)?.asn, 13335);
  assert.equal(find('1.0.1.0', false), undefined);
  assert.equal(find('1.0.3.255', false), undefined);
  assert.deepEqual(find('1.0.7.255', false), { asn: 38803, name: 'Plain' });
  assert.equal(find('0.0.0.0', false), undefined);
  assert.equal(find('255.255.255.255', false)?.asn, 64500);
  assert.equal(find('2001:db8:0:7::9', true)?.name, 'Six');
  assert.equal(find('2001:db9::', true), undefined);
  assert.equal(find('::', true), undefined);
});

test('a table without an end of line, with Windows ones, or with nothing in it is read too', async () => {
  const cut = await networks('10.0.0.0,10.0.0.255,1,A\r\n10.0.2.0,10.0.2.255,2,"B"', '');
  assert.deepEqual(cut('10.0.0.9', false), { asn: 1, name: 'A' });
  assert.deepEqual(cut('10.0.2.9', false), { asn: 2, name: 'B' });
  assert.equal(cut('255.255.255.255', false), undefined);
  assert.equal(cut('ffff:ffff:ffff:ffff::', true), undefined);
});

test('every address of random ranges is found in its own, and none besides', async () => {
  const dotted = (value: number): string => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.nat({ max: 0xffff_ffff }), { minLength: 2, maxLength: 40 }),
      fc.array(fc.nat({ max: 0xffff_ffff }), { maxLength: 20 }),
      async (cuts, others) => {
        const sorted = cuts.toSorted((a, b) => a - b);
        const ranges: { start: number; end: number }[] = [];
        for (let at = 0; at + 1 < sorted.length; at += 2)
          ranges.push({ start: sorted[at] as number, end: sorted[at + 1] as number });
        const csv = ranges.map(({ start, end }, index) => `${dotted(start)},${dotted(end)},${index + 1},N${index}\n`);
        const find = await networks(csv.join(''), '');
        for (const address of [...sorted, ...others]) {
          const at = ranges.findIndex(({ start, end }) => start <= address && address <= end);
          assert.equal(find(dotted(address), false)?.asn, at < 0 ? undefined : at + 1);
          assert.equal(ipv4Number(dotted(address)), address);
        }
      },
    ),
    { numRuns: 30 },
  );
});
