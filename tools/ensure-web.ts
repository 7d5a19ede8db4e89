/** Builds the dashboard where its sources are newer than what was built: after `npm ci`, and before `npm start`. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const web = join(root, 'web');
const built = join(web, 'dist', 'index.html');
const SOURCES = ['src', 'public', 'index.html', 'vite.config.ts'];

function newest(path: string): number {
  const stats = statSync(path);
  if (!stats.isDirectory()) return stats.mtimeMs;
  return Math.max(stats.mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))));
}

const changed = Math.max(
  ...SOURCES.map((name) => join(web, name))
    .filter(existsSync)
    .map(newest),
);
const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js');
if (existsSync(built) && statSync(built).mtimeMs >= changed) process.exit(0);
if (!existsSync(vite)) {
  console.error(
    'the dashboard is not built, because the development packages are not installed (`npm ci` without --omit=dev brings them)',
  );
  process.exit(0);
}
const { status } = spawnSync(process.execPath, [vite, 'build', 'web', '--logLevel', 'warn'], {
  cwd: root,
  stdio: 'inherit',
});
process.exit(status ?? 1);
