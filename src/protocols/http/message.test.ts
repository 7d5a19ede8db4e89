import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { longText, parseFields, parseRequestLine, pathOf } from './message.ts';

test('a request line comes apart into method, target and version', () => {
  const parts = (line: string) => {
    const { method, target, version, major, minor, loose } = parseRequestLine(line, false);
    return [method, target, version, major, minor, loose];
  };
  assert.deepEqual(parts('GET /a?b HTTP/1.1'), ['GET', '/a?b', 'HTTP/1.1', 1, 1, false]);
  assert.deepEqual(parts('GET  / HTTP/1.0 '), ['GET', '/', 'HTTP/1.0', 1, 0, true]);
  assert.deepEqual(parts('GET /a b HTTP/1.1'), ['GET', '/a b', 'HTTP/1.1', 1, 1, false]);
  assert.deepEqual(parts('GET /'), ['GET', '/', '', 0, 9, false]);
  assert.deepEqual(parts('OPTIONS / RTSP/1.0'), ['OPTIONS', '/', 'RTSP/1.0', -1, -1, false]);
  assert.deepEqual(parts('HELP'), ['HELP', '', '', 0, 9, false]);
});

test('header faults are marked and the fields are kept in order and spelling', () => {
  const { fields, faults } = parseFields([
    'HOST: a',
    'x-B:  c \t',
    'bad name: d',
    'folded: e',
    '  f',
    'nothing',
    ': g',
    'n\0: h',
  ]);
  assert.deepEqual(
    fields.map((field) => [field.name, field.value]),
    [
      ['HOST', 'a'],
      ['x-B', 'c'],
      ['bad name', 'd'],
      ['folded', 'e f'],
      ['nothing', ''],
      ['', 'g'],
      ['n\0', 'h'],
    ],
  );
  assert.deepEqual([...faults].sort(), ['bad_name', 'control', 'empty_name', 'fold', 'no_colon', 'space_in_name']);
});

test('paths are decoded and their dots resolved, and leaving the root is a fault', () => {
  assert.deepEqual(pathOf('/a/../b//c/./?q=%2e'), { path: '/b/c/', query: 'q=%2e' });
  assert.deepEqual(pathOf('http://host:80/x#y'), { path: '/x', query: '' });
  assert.equal(pathOf('/%2e%2e/etc/passwd').fault, 'above_root');
  assert.equal(pathOf('/cgi-bin/.%2e/.%2e/bin/sh').fault, 'above_root');
  assert.equal(pathOf('/a%zz').fault, 'encoding');
  assert.equal(pathOf('/a%00').fault, 'nul');
});

test('no line makes the parsers throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const text = Buffer.from(bytes).toString('latin1');
      parseRequestLine(text, false);
      parseFields([text, text]);
      pathOf(text);
      assert.equal(typeof longText(text), 'string');
    }),
    { numRuns: 500 },
  );
});
