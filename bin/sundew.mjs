#!/usr/bin/env node
// Runs the command line on the Node that comes with the package, wherever it is started from.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import * as module from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MAJOR = 24;
if (Number(process.versions.node.split('.')[0]) >= MAJOR) {
  // Compiled code is kept from start to start: commands answer sooner.
  module.enableCompileCache(join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'sundew'));
  if (process.channel !== undefined) {
    process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
    process.channel.unref();
  }
  const { main } = await import('../src/cli/main.ts');
  await main(process.argv.slice(2));
} else {
  const bundled = fileURLToPath(new URL('../node_modules/.bin/node', import.meta.url));
  if (!existsSync(bundled)) {
    console.error(`sundew needs Node ${MAJOR} or newer (this is ${process.versions.node}); \`npm ci\` brings one`);
    process.exit(1);
  }
  // The channel tells the child that we are gone, however that came about.
  const child = spawn(bundled, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  // Ctrl-C reaches both of us from the terminal: passed on, it would come twice.
  process.on('SIGINT', () => undefined);
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(signal === null ? (code ?? 1) : 1));
}
