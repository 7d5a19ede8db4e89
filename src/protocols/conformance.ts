/**
 * What every service must hold to, run by its tests: `conforms(service, fixtures)`. A fixture is what a client sends in one connection, recorded
 * from a real client where one exists.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Catalogue } from '../events/index.ts';
import type { Service } from './kernel/contract.ts';
import { converse, type Played, type PlayOptions, play, TEST_NOW } from './play.ts';
import { makePersona } from './surfaces/personas.ts';

/** Longer fixtures are cut at these many places, evenly spread, and not at every byte. */
const MAX_CUTS = 400;
/** More output than this for the noise of a test is a service that talks to itself. */
const MAX_NOISE_REPLY = 1_048_576;

function comparable(played: Played): unknown {
  return { ...played, artifacts: [...played.artifacts.keys()].sort() };
}

function cuts(length: number): number[] {
  const step = Math.max(1, Math.ceil(length / MAX_CUTS));
  return Array.from({ length: Math.max(0, Math.ceil((length - 1) / step)) }, (_, i) => 1 + i * step);
}

export function conforms<Own extends Catalogue, Options>(
  service: Service<Own, Options>,
  fixtures: Readonly<Record<string, Uint8Array | string>>,
  config: PlayOptions = {},
): void {
  const streams = Object.entries(fixtures).map(([name, bytes]) => [name, Buffer.from(bytes as Uint8Array)] as const);
  assert.ok(streams.length > 0, 'a service needs at least one fixture');

  for (const [name, bytes] of streams) {
    test(`${service.name}, ${name}: the same result however the stream is split`, () => {
      const whole = comparable(play(service, [bytes], config));
      for (const at of cuts(bytes.length)) {
        assert.deepEqual(
          comparable(play(service, [bytes.subarray(0, at), bytes.subarray(at)], config)),
          whole,
          `split at ${at}`,
        );
      }
      const single = Array.from(bytes, (byte) => Buffer.from([byte]));
      assert.deepEqual(comparable(play(service, single, config)), whole, 'byte by byte');
    });
  }

  test(`${service.name}: hostile bytes never throw, and only declared events are recorded`, () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 96 }), { maxLength: 8 }), (chunks) => {
        const played = play(service, chunks, config);
        assert.ok(played.sent.length < MAX_NOISE_REPLY);
      }),
      { numRuns: 500 },
    );
    for (const [, bytes] of streams) {
      const edit = fc.tuple(fc.nat(Math.max(0, bytes.length - 1)), fc.nat(255));
      fc.assert(
        fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), fc.nat(bytes.length), (edits, keep) => {
          const mutated = Buffer.from(bytes);
          for (const [at, value] of edits) mutated[at] = value;
          play(service, [mutated.subarray(0, Math.max(1, keep))], config);
          play(service, [mutated], config);
        }),
        { numRuns: 200 },
      );
    }
  });

  test(`${service.name}: an endless stream stays within its bounds`, () => {
    for (const fill of [0x00, 0x41, 0x0a, 0xff]) {
      const conversation = converse(service, config);
      const block = Buffer.alloc(65_536, fill);
      for (let i = 0; i < 64 && conversation.closed === undefined; i += 1) conversation.push(block);
      assert.ok(conversation.events.length < 100_000, `${conversation.events.length} events for a stream of ${fill}`);
    }
  });

  test(`${service.name}: a peer that leaves at any point leaves nothing behind`, () => {
    for (const [, bytes] of streams) {
      for (const at of cuts(bytes.length)) {
        const conversation = converse(service, config);
        conversation.push(bytes.subarray(0, at));
        conversation.end();
        conversation.advance(3_600_000);
      }
    }
  });

  test(`${service.name}: names a genuine product for each of its personas`, () => {
    for (const kind of service.personas) {
      const names = [1, 2, 3].map((fill) => service.product(makePersona(kind, Buffer.alloc(32, fill), TEST_NOW)));
      for (const name of names) assert.doesNotMatch(name, /honeypot|sundew/i);
      for (const name of names) assert.notEqual(name, '');
    }
  });
}
