/** Holds the direction of imports: a part may import itself and the parts that stand left of it, and nothing imports in a circle. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

/** What each part of `src/` may import, beside itself. The manager and the CLI read schemas, never protocol services. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  events: [],
  protocols: ['events'],
  spool: ['events'],
  sensor: ['events', 'protocols', 'spool'],
  manager: ['events'],
  cli: ['events', 'protocols', 'spool', 'sensor', 'manager'],
};
const IMPORT = /^\s*(?:import|export)\b[^'";]*?\bfrom\s*'([^']+)'|^\s*import\s*'([^']+)'|\bimport\(\s*'([^']+)'\s*\)/gm;

const root = resolve(import.meta.dirname, '../src');
const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
const problems: string[] = [];
const graph = new Map<string, string[]>();

for (const file of files) {
  const source = readFileSync(join(root, file), 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');
  const targets: string[] = [];
  for (const match of source.matchAll(IMPORT)) {
    const specifier = match[1] ?? match[2] ?? match[3] ?? '';
    if (!specifier.startsWith('.')) continue;
    const target = relative(root, resolve(root, dirname(file), specifier));
    const from = file.split('/')[0] ?? '';
    const to = target.split('/')[0] ?? '';
    if (target.startsWith('..')) problems.push(`${file} imports ${specifier}, outside src/`);
    else if (from !== to && !ALLOWED[from]?.includes(to))
      problems.push(`${file} imports ${target}: ${from} may not import ${to}`);
    targets.push(target);
  }
  graph.set(file, targets);
}

const state = new Map<string, 'open' | 'done'>();
function visit(file: string, path: readonly string[]): void {
  state.set(file, 'open');
  for (const target of graph.get(file) ?? []) {
    if (state.get(target) === 'open')
      problems.push(`circle: ${[...path.slice(path.indexOf(target)), target].join(' > ')}`);
    else if (!state.has(target)) visit(target, [...path, target]);
  }
  state.set(file, 'done');
}
for (const file of graph.keys()) if (!state.has(file)) visit(file, [file]);

for (const problem of problems) console.error(problem);
console.log(`boundaries: ${files.length} files, ${problems.length} problems`);
process.exitCode = problems.length > 0 || files.length === 0 ? 1 : 0;
