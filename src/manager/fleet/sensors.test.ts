import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { errorCode } from '../../events/index.ts';
import { type Control, openControl } from '../control/database.ts';
import { type SensorStatus, Sensors, sensorStatus } from './sensors.ts';

let control: Control;
let sensors: Sensors;
const now = Date.parse('2026-11-22T10:00:00.000Z');
beforeEach(() => {
  control = openControl(':memory:');
  sensors = new Sensors(control, () => now);
});
afterEach(() => control.close());

const status: SensorStatus = {
  version: '1.0.0',
  started_at: '2026-11-22T09:00:00.000Z',
  persona: 'ubuntu-server',
  services: [{ protocol: 'ftp', transport: 'tcp', host: '0.0.0.0', port: 21, persona: 'ubuntu-server' }],
  open_sessions: 1,
  recorded: 10,
  stored: 9,
  waiting: 1,
  waiting_bytes: 100,
  shed: { transcripts: 0, probes: 0, records: 0 },
  faults: {},
};

test('a sensor is known by its token, which is kept nowhere', () => {
  const { id, token } = sensors.add('porch');
  assert.deepEqual({ ...sensors.byToken(token) }, { id, name: 'porch' });
  assert.equal(sensors.byToken(`${token}x`), undefined);
  assert.ok(!JSON.stringify(control.db.prepare('SELECT * FROM sensors').all()).includes(token));
  assert.deepEqual([...sensors.names()], [[id, 'porch']]);
});

test('a revoked sensor is no longer known', () => {
  const { id, token } = sensors.add('porch');
  control.db.prepare('UPDATE sensors SET revoked_at = ? WHERE id = ?').run('2026', id);
  assert.equal(sensors.byToken(token), undefined);
});

test('a name is taken once, and has no letters that would need quoting', () => {
  sensors.add('porch');
  assert.throws(
    () => sensors.add('porch'),
    (error) => errorCode(error) === 'SENSOR_EXISTS',
  );
  for (const name of ['', 'a/b', 'x'.repeat(65), 'a\nb'])
    assert.throws(
      () => sensors.add(name),
      (error) => errorCode(error) === 'SENSOR_NAME',
    );
});

test('the sensor of this machine keeps its identity when it comes with another token', () => {
  const id = sensors.enrolLocal('here', 'sds_one');
  assert.equal(sensors.enrolLocal('here', 'sds_one'), id);
  assert.equal(sensors.enrolLocal('here', 'sds_two'), id);
  assert.equal(sensors.byToken('sds_one'), undefined);
  assert.equal(sensors.byToken('sds_two')?.id, id);
});

test('what a sensor says of itself is shown with the time it said it', () => {
  const { id } = sensors.add('porch');
  assert.deepEqual(sensors.list()[0]?.status, null);
  sensors.report(id, status);
  assert.deepEqual(sensors.list()[0]?.status, status);
  assert.equal(sensors.list()[0]?.last_contact_at, new Date(now).toISOString());
});

test('a report that would fill the database is refused', () => {
  const faults = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`F${index}`, 1]));
  assert.equal(sensorStatus.safeParse({ ...status, faults }).success, false);
  assert.equal(sensorStatus.safeParse({ ...status, faults: { ['F'.repeat(65)]: 1 } }).success, false);
  assert.equal(sensorStatus.safeParse(status).success, true);
});
