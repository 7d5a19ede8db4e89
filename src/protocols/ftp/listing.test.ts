import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { dosLine, matchesPattern, parseStamp, stamp, unixLine } from './listing.ts';
import type { Directory, StoredFile } from './tree.ts';

const NOW = Date.UTC(2026, 10, 23, 0, 12);
const file: StoredFile = {
  kind: 'file',
  name: 'a.txt',
  size: 6,
  bytes: undefined,
  mode: 0o644,
  modifiedAt: Date.UTC(2026, 10, 23, 0, 9),
};
const directory: Directory = {
  kind: 'directory',
  name: 'sub',
  entries: new Map(),
  mode: 0o755,
  modifiedAt: file.modifiedAt,
};

test('a line is as vsftpd 3.0.3 prints it for root’s file', () => {
  assert.equal(unixLine(file, 'a.txt', 0, NOW, 0), '-rw-r--r--    1 0        0               6 Nov 23 00:09 a.txt\r\n');
  assert.equal(
    unixLine({ ...file, mode: 0o777, modifiedAt: Date.UTC(2020, 0, 1) }, 'a.txt', 0, NOW, 0),
    '-rwxrwxrwx    1 0        0               6 Jan 01  2020 a.txt\r\n',
  );
  assert.equal(
    unixLine(directory, 'sub', 0, NOW, 0),
    'drwxr-xr-x    2 0        0            4096 Nov 23 00:09 sub\r\n',
  );
});

test('a line is as IIS prints it, in the machine’s own time', () => {
  const at = Date.UTC(2017, 2, 17, 17, 37);
  assert.equal(
    dosLine({ ...file, size: 184_946, modifiedAt: at }, 'welcome.png', 0),
    '03-17-17  05:37PM               184946 welcome.png\r\n',
  );
  assert.equal(
    dosLine({ ...directory, modifiedAt: at }, 'aspnet_client', -1057),
    '03-17-17  12:00AM       <DIR>          aspnet_client\r\n',
  );
});

test('a time in a file fact is read back as it was written', () => {
  assert.equal(stamp(Date.UTC(2020, 0, 2, 3, 4, 5), 60), '20200102040405');
  assert.equal(parseStamp('20200102030405'), Date.UTC(2020, 0, 2, 3, 4, 5));
  assert.equal(parseStamp('2020010203040'), undefined);
});

test('a pattern matches what the same regular expression matches', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 8 });
  const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*', '?'), maxLength: 6 });
  fc.assert(
    fc.property(letters, pattern, (name, glob) => {
      const source = glob.replace(/[.]/g, '\\.').replaceAll('*', '.*').replaceAll('?', '.');
      assert.equal(matchesPattern(name, glob), new RegExp(`^${source}$`).test(name));
    }),
  );
});
