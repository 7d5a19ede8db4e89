import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { errorCode, errorText } from '../events/index.ts';
import { services } from '../protocols/registry.ts';
import { openSpool } from '../spool/index.ts';
import { readAll, tempDir, until } from '../spool/testing.ts';
import { type SensorConfig, sensorConfig } from './config.ts';
import { chooseServices, type Sensor, startSensor } from './sensor.ts';
import { dial } from './testing.ts';

const config = (layer: Record<string, unknown>): SensorConfig => sensorConfig.parse(layer);
const names = (given: SensorConfig): string[] => chooseServices(given).map(({ service }) => service.name);

test('auto opens what the persona would have, all opens every service, a list just those', () => {
  for (const persona of ['windows-server', 'ubuntu-server'] as const) {
    const expected = services.filter((service) => service.personas.includes(persona)).map((service) => service.name);
    assert.deepEqual(names(config({ persona })), expected);
  }
  assert.ok(!names(config({ persona: 'ubuntu-server' })).includes('mssql'));
  assert.deepEqual(
    names(config({ services: 'all' })),
    services.map((service) => service.name),
  );
  assert.deepEqual(names(config({ persona: 'ubuntu-server', services: ['mssql', 'ftp'] })), ['ftp', 'mssql']);
});

test('options reach their service with the defaults of the others', () => {
  const chosen = chooseServices(config({ services: ['ftp'], options: { ftp: { failDelayMs: 5 } } }));
  const options = chosen[0]?.options as { failDelayMs: number; anonymous: boolean };
  assert.deepEqual([options.failDelayMs, options.anonymous], [5, false]);
});

test('all mistakes in services and options are reported together, those of closed services too', () => {
  const wrong = config({
    services: ['ftp', 'gopher'],
    options: { finger: {}, ftp: { failDelayMs: -1, speed: 3 }, mysql: { tls: 'maybe' } },
    portOffset: 65_530,
  });
  const mistakes = [/gopher/, /finger/, /failDelayMs/, /speed/, /options\.mysql|mysql/, /portOffset/];
  assert.throws(
    () => chooseServices(wrong),
    (error) => {
      assert.equal(errorCode(error), 'CONFIG_INVALID');
      for (const mistake of mistakes) assert.match(errorText(error), mistake);
      return true;
    },
  );
});

test('a range of data ports goes upwards', () => {
  for (const dataPorts of [[2000, 1000], [0, 1000], [-1, 5], [5]]) assert.throws(() => config({ dataPorts }));
  assert.deepEqual(config({ dataPorts: [1000, 2000] }).dataPorts, [1000, 2000]);
});

const inUse = (error: unknown): boolean => errorCode(error) === 'SENSOR_PORT_IN_USE';
/** Below the range of outgoing connections. */
const randomOffset = (): number => 10_000 + Math.floor(Math.random() * 14_000);

/** The ports of the services that these tests open. */
const PORTS = [21, 80, 443, 8080, 8443];

async function hold(port: number): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return server;
}

/** An offset at which all these ports are free. */
async function freeOffset(ports: readonly number[]): Promise<number> {
  for (;;) {
    const offset = randomOffset();
    const servers = await Promise.allSettled(ports.map((port) => hold(port + offset)));
    for (const result of servers)
      if (result.status === 'fulfilled') await new Promise((resolve) => result.value.close(resolve));
    if (servers.every((result) => result.status === 'fulfilled')) return offset;
  }
}

/** A sensor on an offset that nothing else has. */
async function started(t: TestContext, dir: string, layer: Record<string, unknown> = {}): Promise<Sensor> {
  for (let tries = 1; ; tries += 1) {
    try {
      const sensor = await startSensor({
        ...{ dir, version: '0.0.0', log: () => undefined },
        config: config({ services: ['ftp', 'http'], portOffset: randomOffset(), ...layer }),
      });
      let stopped: Promise<void> | undefined;
      const once: Sensor = {
        services: sensor.services,
        stop: () => {
          stopped ??= sensor.stop();
          return stopped;
        },
      };
      t.after(() => once.stop());
      return once;
    } catch (error) {
      if (!inUse(error) || tries > 5) throw error;
    }
  }
}

const portOf = (sensor: Sensor, protocol: string): number =>
  sensor.services.find((listing) => listing.protocol === protocol)?.port ?? 0;

test('a sensor serves, lists its services, and keeps what happened when it stops', async (t) => {
  const dir = tempDir(t);
  const sensor = await started(t, dir);
  assert.deepEqual(
    sensor.services.map((listing) => listing.protocol),
    ['ftp', 'http', 'http', 'http', 'http'],
  );
  const path = join(dir, 'services.json');
  assert.deepEqual(JSON.parse(readFileSync(path, 'utf8')), sensor.services);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const peer = dial(t, portOf(sensor, 'ftp'));
  await peer.got('220');
  peer.say('USER admin\r');
  await peer.got('331');
  await sensor.stop();
  await peer.gone();
  const spool = openSpool({ dir: join(dir, 'queue'), maxBytes: 64 * 1_048_576 });
  t.after(() => spool.close());
  const sessions = readAll(spool, 1_000_000, 1000)
    .map(({ text }) => JSON.parse(text) as { record: string; end_reason?: string; protocol?: string })
    .filter(({ record }) => record === 'session');
  assert.deepEqual(
    sessions.map(({ end_reason, protocol }) => [end_reason, protocol]),
    [['sensor_stopped', 'ftp']],
  );
  assert.equal(spool.recoveredOpen.size, 0);
});

test('a sensor is the same machine after a restart', async (t) => {
  const dir = tempDir(t);
  const banner = async (): Promise<string> => {
    const sensor = await started(t, dir);
    const peer = dial(t, portOf(sensor, 'http'));
    peer.socket.write('GET /nothing-here HTTP/1.0\r\n\r\n');
    await peer.gone();
    await sensor.stop();
    return peer.received.replace(/^Date: .*$/m, '');
  };
  const first = await banner();
  assert.match(first, /^HTTP/);
  assert.equal(await banner(), first);
});

test('a peer that does not read or close does not keep the sensor from stopping', async (t) => {
  const sensor = await started(t, tempDir(t), { services: ['http'] });
  const peer = dial(t, portOf(sensor, 'http'), { reads: false });
  await until(() => !peer.socket.connecting);
  for (let i = 0; i < 200; i += 1) peer.socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  const began = performance.now();
  await sensor.stop();
  assert.ok(performance.now() - began < 10_000);
});

test('where a port is in use the error names it, and everything is closed again', async (t) => {
  const dir = tempDir(t);
  const offset = await freeOffset(PORTS);
  const taken = offset + 8443;
  const other = await hold(taken);
  t.after(() => void other.close());
  // The last of the services is the one that cannot be opened.
  const layer = { services: ['ftp', 'http'], portOffset: offset };
  await assert.rejects(
    startSensor({ dir, version: '0.0.0', config: config(layer), log: () => undefined }),
    (error) => inUse(error) && errorText(error).includes(String(taken)),
  );
  // Its spool is free, and its other ports are.
  const again = await hold(offset + 80);
  await new Promise((resolve) => again.close(resolve));
  await started(t, dir);
});

test('a sensor that cannot start for its seed lets go of its spool', async (t) => {
  const dir = tempDir(t);
  await (await started(t, dir)).stop();
  const seed = readFileSync(join(dir, 'seed'));
  writeFileSync(join(dir, 'seed'), 'damaged');
  await assert.rejects(started(t, dir), (error) => errorCode(error) === 'SENSOR_SEED_DAMAGED');
  writeFileSync(join(dir, 'seed'), seed);
  await started(t, dir);
});

test('two sensors on one folder: the second is refused', async (t) => {
  const dir = tempDir(t);
  await started(t, dir);
  await assert.rejects(started(t, dir), (error) => errorCode(error) === 'SPOOL_LOCKED');
});
