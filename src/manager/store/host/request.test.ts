import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { EngineError } from './exception.ts';
import { formBoundary, parseForm, parseQuery, stateOf } from './request.ts';

const refusedWith = (number: number) => (error: unknown) => error instanceof EngineError && error.number === number;

describe('fields of a URL', () => {
  test('values are bytes, whatever they encode', () => {
    const fields = parseQuery('a=1&b=%00%ff%2B+x&c&d=&%65=100%&f=%zz');
    assert.deepEqual(
      [...fields],
      [
        ['a', Buffer.from('1')],
        ['b', Buffer.from([0, 0xff, 0x2b, 0x20, 0x78])],
        ['c', Buffer.alloc(0)],
        ['d', Buffer.alloc(0)],
        ['e', Buffer.from('100%')],
        ['f', Buffer.from('%zz')],
      ],
    );
  });

  test('what URLSearchParams writes is read back', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ unit: 'grapheme', minLength: 1 }), fc.string({ unit: 'grapheme' })),
        (values) => {
          const fields = parseQuery(new URLSearchParams(values).toString());
          assert.deepEqual(Object.fromEntries([...fields].map(([name, value]) => [name, value.toString('utf8')])), {
            ...values,
          });
        },
      ),
    );
  });

  test('there is an end to their number', () => {
    assert.throws(() => parseQuery(Array.from({ length: 5000 }, (_, i) => `a${i}=1`).join('&')), refusedWith(36));
  });
});

describe('parts of a form', () => {
  const form = (parts: Readonly<Record<string, Buffer>>): Buffer =>
    Buffer.concat([
      ...Object.entries(parts).flatMap(([name, value]) => [
        Buffer.from(`--xyz\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n`),
        value,
        Buffer.from('\r\n'),
      ]),
      Buffer.from('--xyz--\r\n'),
    ]);

  test('the boundary comes from the content type', () => {
    assert.equal(formBoundary('multipart/form-data; boundary=----a-b'), '----a-b');
    assert.equal(formBoundary('multipart/form-data; charset=x; boundary="q r"'), 'q r');
    assert.equal(formBoundary('text/plain'), null);
    assert.equal(formBoundary(undefined), null);
  });

  test('any bytes but the boundary are a value', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
        const values = { query: Buffer.from(a), param_b: Buffer.from(b) };
        assert.deepEqual(Object.fromEntries(parseForm(form(values), 'xyz')), values);
      }),
    );
  });

  test('an empty value, and one that looks like a header, are values', () => {
    const values = {
      a: Buffer.alloc(0),
      b: Buffer.from('\r\n\r\nContent-Disposition: form-data; name="c"\r\n'),
      c: Buffer.from('--'),
    };
    assert.deepEqual(Object.fromEntries(parseForm(form(values), 'xyz')), values);
  });

  test('a form that is cut short is refused', () => {
    const whole = form({ query: Buffer.from('SELECT 1') });
    for (let length = 0; length < whole.length - 4; length += 1) {
      assert.throws(() => parseForm(whole.subarray(0, length), 'xyz'), refusedWith(36), String(length));
    }
  });
});

describe('what a request asks for beside its statement', () => {
  test('settings, parameters and database are told apart', () => {
    const state = stateOf(
      parseQuery('query=x&query_id=1&database=d&max_threads=2&param_a=%ff&enable_http_compression=1&readonly=1'),
    );
    assert.equal(state.database, 'd');
    assert.deepEqual([...state.settings], [['max_threads', '2']]);
    assert.deepEqual([...state.params], [['a', Buffer.from([0xff])]]);
    assert.equal(stateOf(parseQuery('')).database, 'default');
  });

  test('names that are none are refused', () => {
    assert.throws(() => stateOf(parseQuery('max_threads%3D1,a=2')), refusedWith(115));
    assert.throws(() => stateOf(parseQuery('param_a%3D%27x=2')), refusedWith(457));
    assert.throws(() => stateOf(parseQuery('param_=2')), refusedWith(457));
    assert.throws(() => stateOf(parseQuery('profile=x')), refusedWith(452));
    assert.throws(() => stateOf(parseQuery('session_id=x')), refusedWith(113));
  });
});
