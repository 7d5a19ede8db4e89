/** A process that appends and is killed. This file is both: with the argument `append` it is that process. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { openSpool } from './index.ts';
import { readAll, tempDir } from './testing.ts';

const OPTIONS = { maxBytes: 50_000_000, segmentBytes: 20_000, syncMs: 5 };
const ROUNDS = 20;

/** Says what has been done, at once. */
function say(line: string): void {
  const bytes = Buffer.from(`${line}\n`);
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(1, bytes, done);
    } catch (error) {
      if ((error as { code?: string }).code !== 'EAGAIN') throw error;
    }
  }
}

async function appendForever(dir: string): Promise<never> {
  const spool = openSpool({ dir, ...OPTIONS });
  say(`boot ${spool.boot}`);
  for (let at = 1; ; at += 1) {
    const first = spool.nextSeq;
    spool.append([
      { open: `s${at}`, payload: `${at}` },
      { kind: 0, payload: `${spool.boot} ${first}` },
      { kind: 2, payload: `${spool.boot} ${first + 1} ${'x'.repeat(at % 700)}` },
      ...(at > 3 ? [{ closed: `s${at - 3}` }] : []),
    ]);
    say(`appended ${first + 1} ${at}`);
    if (at % 10 === 0) {
      const batch = spool.read(3000, 15);
      if (batch !== undefined) {
        spool.ack(batch.boot, batch.last);
        say(`acked ${batch.boot} ${batch.last}`);
      }
      await new Promise((done) => setImmediate(done));
    }
  }
}

interface Life {
  boot: string;
  appended: number;
  /** Appends that returned. */
  rounds: number;
  acked: Map<string, number>;
}

/** Lets the process run until it has said `lines` lines, kills it, and tells what it said before it died. */
async function liveAndDie(dir: string, lines: number): Promise<Life> {
  const child = spawn(process.execPath, [import.meta.filename, 'append', dir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const gone = once(child, 'exit');
  const life: Life = { boot: '', appended: 0, rounds: 0, acked: new Map() };
  let heard = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const [what, first = '', second = ''] = line.split(' ');
    if (what === 'boot') life.boot = first;
    else if (what === 'appended') {
      life.appended = Number(first);
      life.rounds = Number(second);
    } else life.acked.set(first, Number(second));
    heard += 1;
    if (heard === lines) child.kill('SIGKILL');
  }
  const [, signal] = await gone;
  assert.equal(signal, 'SIGKILL');
  return life;
}

async function killedAgainAndAgain(t: TestContext): Promise<void> {
  const dir = tempDir(t);
  const appended = new Map<string, number>();
  const acked = new Map<string, number>();
  for (let round = 0; round < ROUNDS; round += 1) {
    const life = await liveAndDie(dir, 2 + Math.floor(Math.random() * 400));
    appended.set(life.boot, life.appended);
    for (const [boot, seq] of life.acked) acked.set(boot, seq);
    const spool = openSpool({ dir, ...OPTIONS });
    try {
      assert.equal(spool.recovery.staleLock, true);
      assert.equal(spool.recovery.corruptRecords, 0);
      const found = readAll(spool, 1_000_000, 10_000);
      const last = new Map<string, number>();
      for (const { boot, seq, text } of found) {
        assert.deepEqual(text.split(' ').slice(0, 2), [boot, String(seq)]);
        const before = last.get(boot);
        // The first that is left of a boot may come after what was acknowledged, and never later than that.
        if (before === undefined) assert.ok(seq <= (acked.get(boot) ?? 0) + 1, `${boot} begins at ${seq}`);
        else assert.equal(seq, before + 1);
        last.set(boot, seq);
      }
      for (const [boot, seq] of appended)
        assert.ok((last.get(boot) ?? acked.get(boot) ?? 0) >= seq, `${boot} ends before ${seq}`);
      assert.deepEqual(
        [...last.keys()],
        [...appended.keys()].filter((boot) => last.has(boot)),
      );
      // Three sessions were open at any time; the append that was under way may have begun one more and closed another.
      const sessions = [...spool.recoveredOpen.keys()].map((id) => Number(id.slice(1)));
      const newest = sessions.filter((at) => at > life.rounds - 3 && at <= life.rounds);
      assert.ok(sessions.length >= Math.min(3, life.rounds) && newest.length >= Math.min(2, life.rounds));
      for (const [id, payload] of spool.recoveredOpen) assert.equal(id, `s${payload}`);
      spool.append(sessions.map((at) => ({ closed: `s${at}` })));
    } finally {
      await spool.close();
    }
  }
}

const [role, folder] = process.argv.slice(2);
if (role === 'append' && folder !== undefined) await appendForever(folder);
else test('a process killed at any moment loses nothing that an append returned for', killedAgainAndAgain);
