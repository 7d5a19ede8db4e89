import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Entry } from '../spool/index.ts';
import { Turn, type Waiting } from './turn.ts';

const entry = (payload: string): Entry => ({ kind: 2, payload });

/** A session that notes what is done with it, in one list with the sink. */
function waiting(log: string[], name: string, behaviour: Partial<Waiting> = {}): Waiting {
  return {
    collect: (into) => void into.push(entry(name)),
    release: () => void log.push(`release ${name}`),
    abandon: () => void log.push(`abandon ${name}`),
    ...behaviour,
  };
}

function started(append?: (entries: readonly Entry[]) => void) {
  const log: string[] = [];
  const failures: unknown[] = [];
  const turn = new Turn(
    {
      append(entries) {
        append?.(entries);
        log.push(`append ${entries.map((each) => ('payload' in each ? each.payload : '')).join(' ')}`);
      },
    },
    (error) => failures.push(error),
  );
  return { log, failures, turn };
}

test('all sessions of a turn are written at once, and only then answered', async () => {
  const { log, turn } = started();
  const a = waiting(log, 'a');
  turn.join(a);
  turn.join(waiting(log, 'b'));
  turn.join(a);
  turn.add(entry('loose'));
  assert.deepEqual(log, []);
  await nextTurn();
  assert.deepEqual(log, ['append loose a b', 'release a', 'release b']);
});

test('a turn in which nothing was recorded writes nothing', async () => {
  const { log, turn } = started();
  turn.join(waiting(log, 'a', { collect: () => undefined }));
  await nextTurn();
  assert.deepEqual(log, ['release a']);
  await nextTurn();
  assert.deepEqual(log, ['release a']);
});

test('what could not be written is answered by nobody, and the next turn goes on', async () => {
  let broken = true;
  const { log, failures, turn } = started(() => {
    if (broken) throw new Error('no disk');
  });
  turn.join(waiting(log, 'a'));
  turn.join(waiting(log, 'b'));
  await nextTurn();
  assert.deepEqual(log, ['abandon a', 'abandon b']);
  assert.deepEqual(failures, [new Error('no disk')]);
  broken = false;
  turn.join(waiting(log, 'c'));
  await nextTurn();
  assert.deepEqual(log.slice(2), ['append c', 'release c']);
});

test('a session that throws when it sends does not keep the others from sending', async () => {
  const { log, failures, turn } = started();
  turn.join(
    waiting(log, 'a', {
      release: () => {
        throw new Error('broken');
      },
    }),
  );
  turn.join(waiting(log, 'b'));
  await nextTurn();
  assert.deepEqual(log, ['append a b', 'abandon a', 'release b']);
  assert.equal(failures.length, 1);
});

test('what a session records while another is answered goes out in the next turn', async () => {
  const { log, turn } = started();
  turn.join(waiting(log, 'a', { release: () => turn.join(waiting(log, 'late')) }));
  await nextTurn();
  assert.deepEqual(log, ['append a']);
  await nextTurn();
  assert.deepEqual(log, ['append a', 'append late', 'release late']);
});
