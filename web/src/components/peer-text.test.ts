import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cutText, segments, sentText, visibleText } from './peer-text.ts';

const marks = (text: string, multiline = false): string[] =>
  segments(text, multiline).flatMap((segment) => (segment.kind === 'mark' ? [segment.name] : []));

test('ordinary text of any script is one untouched piece', () => {
  for (const text of ['root', 'пароль', '密码 123', 'كلمة', 'e\u0301 🌱', 'a\u00a0b'])
    assert.deepEqual(segments(text, false), [{ kind: 'text', text }]);
});

test('a right-to-left override is shown and named', () => {
  assert.deepEqual(segments('a\u202egpj.exe', false), [
    { kind: 'text', text: 'a' },
    { kind: 'mark', text: 'U+202E', name: 'U+202E right-to-left override' },
    { kind: 'text', text: 'gpj.exe' },
  ]);
});

test('control characters get their name', () => {
  assert.equal(visibleText('a\u0000b\u001b[2Jc\u007f'), 'a⟨NUL⟩b⟨ESC⟩[2Jc⟨DEL⟩');
});

test('zero-width characters, tags and lone surrogates cannot hide', () => {
  assert.deepEqual(marks('ad\u200bmin'), ['U+200B zero width space']);
  assert.deepEqual(marks('x\u{e0041}y'), ['U+E0041']);
  assert.deepEqual(marks('x\ud800y'), ['U+D800']);
});

test('escaped bytes are told apart from text', () => {
  assert.deepEqual(marks('\\xff\\x00'), ['a byte that is not UTF-8', 'a byte that is not UTF-8']);
  assert.deepEqual(marks('C:\\xampp'), []);
});

test('a backslash that was sent is a backslash again, in sight and in the clipboard', () => {
  assert.equal(visibleText('\\x5cx7f\\xff'), '\\x7f⟨\\xff⟩');
  assert.equal(sentText('echo \\x5cx7f'), 'echo \\x7f');
});

test('several lines break at line feeds, and only a lone carriage return is marked', () => {
  assert.deepEqual(segments('a\r\nb\rc', true), [
    { kind: 'text', text: 'a' },
    { kind: 'break' },
    { kind: 'text', text: 'b' },
    { kind: 'mark', text: 'CR', name: 'U+000D carriage return' },
    { kind: 'text', text: 'c' },
  ]);
});

test('whatever comes, no control or direction character is left in what is shown', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 60 }), fc.boolean(), (text, multiline) => {
      for (const segment of segments(text, multiline)) {
        if (segment.kind !== 'break') assert.doesNotMatch(segment.text, /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
      }
    }),
  );
});

test('nothing but the marked characters is lost', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (text) => {
      const kept = segments(text, false).filter((segment) => segment.kind === 'text');
      const plain = kept.map((segment) => segment.text).join('');
      assert.equal(plain.length <= text.length, true);
      if (marks(text).length === 0) assert.equal(plain, text);
    }),
  );
});

test('a cut never halves a character', () => {
  assert.equal(cutText('ab🌱c', 3), 'ab');
  assert.equal(cutText('ab🌱c', 4), 'ab🌱');
  assert.equal(cutText('abc', 3), 'abc');
});
