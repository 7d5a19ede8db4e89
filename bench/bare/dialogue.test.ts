import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DialogueRecorder } from './dialogue.ts';

const text = (base64: string | undefined): string => Buffer.from(base64 ?? '', 'base64').toString();

test('what comes between two turns of the client is one turn of the server, due after the bytes before it', () => {
  const recorder = new DialogueRecorder();
  recorder.observe('received', Buffer.from('220 hel'));
  recorder.observe('received', Buffer.from('lo\r\n'));
  recorder.observe('sent', Buffer.from('USER a\r\n'));
  recorder.observe('received', Buffer.from('331\r\n'));
  recorder.observe('sent', Buffer.from('PASS b\r\n'));
  recorder.observe('received', Buffer.from('530\r\n'));
  const { turns, closes } = recorder.dialogue(false);
  assert.deepEqual(
    turns.map((turn) => [turn.after, text(turn.bytes)]),
    [
      [0, '220 hello\r\n'],
      [8, '331\r\n'],
      [16, '530\r\n'],
    ],
  );
  assert.equal(closes, false);
});

test('two sendings of the client without an answer between them make no turn', () => {
  const recorder = new DialogueRecorder();
  recorder.observe('sent', Buffer.from('ab'));
  recorder.observe('sent', Buffer.from('c'));
  recorder.observe('received', Buffer.from('x'));
  assert.deepEqual(
    recorder.dialogue(true).turns.map((turn) => turn.after),
    [3],
  );
});
