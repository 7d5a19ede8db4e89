/**
 * `npm run new:protocol NAME`: begins a protocol. Makes `src/protocols/NAME/` with a line protocol that works and holds to the conformance suite, and puts
 * it into the registry; from there on each file is changed into the real thing.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { protocolFiles } from './new-protocol-files.ts';

const NAME = /^[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*$/;
const MAX_NAME = 32;
/** Folders of `src/protocols/` that are no protocol. */
const RESERVED = ['kernel', 'surfaces'];
/** Words that cannot name the constant that the service is. */
const KEYWORDS = new Set(
  `await break case catch class const continue debugger default delete do else enum export extends false finally for function if implements import in
  instanceof interface let new null package private protected public return services static super switch this throw true try typeof undefined var void while
  with yield`.split(/\s+/),
);

const root = resolve(import.meta.dirname, '..');
const registryPath = join(root, 'src/protocols/registry.ts');

function fail(message: string, code: 1 | 2): never {
  console.error(`new:protocol: ${message}`);
  process.exit(code);
}

/** The registry with one more import and one more service, both in order of the alphabet. */
function registered(source: string, name: string, constant: string): string | undefined {
  const list = /^export const services = \[([^\]]*)\]/m.exec(source);
  const imports = [...source.matchAll(/^import (?:type )?\{.*\} from '(\.\/[^']+)';$/gm)];
  if (list === null || imports.length === 0) return undefined;
  const services = (list[1] ?? '')
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
  const nameOf = (word: string): string => word.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const names = [...services, constant].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  const line = `import { ${constant} } from './${name}/service.ts';`;
  const path = `./${name}/service.ts`;
  const after = imports.findLast((match) => (match[1] ?? '') < path);
  const at = after === undefined ? (imports[0]?.index ?? 0) : after.index + after[0].length + 1;
  const more = `${source.slice(0, at)}${line}\n${source.slice(at)}`;
  const written = `export const services = [${names.join(', ')}]`;
  return more.replace(list[0], () => written);
}

const { positionals } = parseArgs({ allowPositionals: true, strict: false });
const [name, ...rest] = positionals;
if (name === undefined || rest.length > 0) fail('give one name: npm run new:protocol redis', 2);
if (!NAME.test(name) || name.length > MAX_NAME)
  fail(
    `'${name}' is no name for a protocol: lower-case letters, digits and single hyphens, a letter first, at most ${MAX_NAME}`,
    2,
  );
const constant = name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
if (RESERVED.includes(name) || KEYWORDS.has(constant))
  fail(`'${name}' is taken by something else; choose another name`, 2);
const folder = join(root, 'src/protocols', name);
if (existsSync(folder)) fail(`src/protocols/${name}/ is there already`, 1);

const registry = registered(readFileSync(registryPath, 'utf8'), name, constant);
if (registry === undefined) fail('src/protocols/registry.ts does not look as expected; nothing was changed', 1);

try {
  for (const [path, content] of Object.entries(protocolFiles(name, constant))) {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content, { flag: 'wx' });
  }
  writeFileSync(registryPath, registry);
} catch (error) {
  rmSync(folder, { recursive: true, force: true });
  throw error;
}
console.log(`src/protocols/${name}/ is there and in the registry.
Try it:   node --test src/protocols/${name}/*.test.ts
Run it:   node tools/try-service.ts ${name} 25000
Then:     npm run gen`);
