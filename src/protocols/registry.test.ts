import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { sharedEvents } from '../events/index.ts';
import { TEST_NOW, TEST_SEED } from './play.ts';
import { serviceNamed, services } from './registry.ts';
import { PERSONA_KINDS } from './surfaces/persona.ts';
import { makePersona } from './surfaces/personas.ts';

test('each service has a name of its own that is the name of its folder', () => {
  const names = services.map((service) => service.name);
  assert.equal(new Set(names).size, names.length);
  for (const name of names) {
    assert.match(name, /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/);
    assert.ok(existsSync(join(import.meta.dirname, name, 'service.ts')), `src/protocols/${name}/service.ts`);
    assert.ok(existsSync(join(import.meta.dirname, name, 'README.md')), `src/protocols/${name}/README.md`);
    assert.equal(serviceNamed(name)?.name, name);
  }
  assert.deepEqual(names, names.toSorted());
  assert.equal(serviceNamed('no such service'), undefined);
});

test('each service has a title and ports, and no port is taken twice', () => {
  const owners = new Map<string, string>();
  for (const { name, title, transport, ports } of services) {
    assert.notEqual(title.trim(), '');
    assert.ok(ports.length > 0, `${name} has no port`);
    for (const port of ports) {
      assert.ok(Number.isInteger(port) && port > 0 && port < 65_536, `${name} on ${port}`);
      const key = `${port}/${transport}`;
      assert.equal(owners.get(key), undefined, `${key} belongs to ${owners.get(key)} and ${name}`);
      owners.set(key, name);
    }
  }
});

test('each service belongs to a persona, and each persona has services', () => {
  for (const { name, personas } of services) {
    assert.ok(personas.length > 0, `${name} opens on no persona`);
    assert.equal(new Set(personas).size, personas.length);
    for (const kind of personas) assert.ok(PERSONA_KINDS.includes(kind), `${name}: ${kind}`);
  }
  for (const kind of PERSONA_KINDS) {
    assert.ok(services.some(({ personas }) => personas.includes(kind)));
    const persona = makePersona(kind, TEST_SEED, TEST_NOW);
    for (const service of services) if (service.personas.includes(kind)) assert.notEqual(service.product(persona), '');
  }
});

test('each service runs with no options given, and refuses those it does not know', () => {
  for (const { name, options } of services) {
    assert.ok(options.safeParse({}).success, name);
    assert.equal(options.safeParse({ noSuchOption: 1 }).success, false, name);
  }
});

test('the events of a service are its own: no shared one is declared again', () => {
  for (const { name, events } of services) {
    for (const event of Object.keys(events)) {
      assert.ok(!(event in sharedEvents), `${name} declares ${event} again`);
      assert.match(event, /^[a-z0-9_]+(\.[a-z0-9_]+)*$/);
    }
  }
});
