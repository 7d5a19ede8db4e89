import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openControl } from '../control/database.ts';
import { Watermarks } from './watermarks.ts';

const at = (n: number): string => new Date(n * 1000).toISOString();

function note(
  control: ReturnType<typeof openControl>,
  marks: Watermarks,
  boot: string,
  seq: number,
  when: number,
): void {
  const mark = [{ sensor_id: 's', boot_id: boot, seq }];
  control.transaction(() => marks.save(mark, at(when)));
  marks.remember(mark);
}

test('the highest number of each run is kept, in memory and in the database', () => {
  const control = openControl(':memory:');
  const marks = new Watermarks(control);
  assert.equal(marks.get('s', 'a'), 0);
  note(control, marks, 'a', 10, 1);
  note(control, marks, 'a', 7, 2);
  note(control, marks, 'b', 3, 3);
  for (const read of [marks, new Watermarks(control)]) {
    assert.deepEqual([read.get('s', 'a'), read.get('s', 'b'), read.get('other', 'a')], [10, 3, 0]);
    assert.equal(read.covers({ sensor_id: 's', boot_id: 'a', seq: 10 }), true);
    assert.equal(read.covers({ sensor_id: 's', boot_id: 'a', seq: 11 }), false);
  }
  control.close();
});

test('a sensor that invents runs fills nothing: the ones that delivered longest ago are forgotten', () => {
  const control = openControl(':memory:');
  const marks = new Watermarks(control, 3);
  for (const [index, boot] of ['a', 'b', 'c'].entries()) note(control, marks, boot, 1, index);
  note(control, marks, 'a', 2, 10);
  note(control, marks, 'd', 1, 11);
  for (const read of [marks, new Watermarks(control, 3)])
    assert.deepEqual(
      ['a', 'b', 'c', 'd'].map((boot) => read.get('s', boot)),
      [2, 0, 1, 1],
    );
  assert.equal(control.db.prepare('SELECT count(*) AS n FROM watermarks').get()?.n, 3);
  control.close();
});
