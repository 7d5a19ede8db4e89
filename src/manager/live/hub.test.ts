import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventFromRecord } from '../queries/records.ts';
import { makeEvent, testPlaces } from '../testing.ts';
import { Hub, type Watcher } from './hub.ts';
import type { LiveItem } from './matches.ts';

const item = (protocol: string): LiveItem => ({
  kind: 'record',
  item: eventFromRecord(makeEvent({ protocol }), 's', testPlaces.of(null), new Map()),
});

function watcher(wants: (item: LiveItem) => boolean = () => true): Watcher & { seen: string[]; full: boolean } {
  return {
    seen: [],
    full: false,
    wants,
    take(live) {
      if (!this.full) this.seen.push(live.item.protocol);
      return !this.full;
    },
    missed(count) {
      this.seen.push(`missed ${count}`);
    },
  };
}

test('each sees what it wants to see', () => {
  const hub = new Hub();
  const [all, ftp] = [watcher(), watcher((live) => live.item.protocol === 'ftp')];
  hub.add(all);
  const remove = hub.add(ftp);
  hub.publish([item('ftp'), item('http')]);
  remove();
  hub.publish([item('ftp')]);
  assert.deepEqual(all.seen, ['ftp', 'http', 'ftp']);
  assert.deepEqual(ftp.seen, ['ftp']);
  assert.equal(hub.size, 1);
});

test('one that reads slowly is told how much it missed of what it wanted, and holds up nobody', () => {
  const hub = new Hub();
  const [slow, other] = [watcher((live) => live.item.protocol !== 'http'), watcher()];
  hub.add(slow);
  hub.add(other);
  slow.full = true;
  hub.publish([item('ftp'), item('http'), item('ftp')]);
  hub.publish([item('ftp')]);
  slow.full = false;
  hub.publish([item('mssql'), item('mssql')]);
  assert.deepEqual(slow.seen, ['mssql', 'missed 3', 'mssql']);
  assert.equal(other.seen.length, 6);
});

test('one that leaves while it is shown something is not kept', () => {
  const hub = new Hub();
  const leaving = watcher();
  const remove = hub.add(leaving);
  leaving.take = () => {
    remove();
    return false;
  };
  hub.publish([item('ftp'), item('ftp')]);
  assert.equal(hub.size, 0);
});
