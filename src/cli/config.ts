/** The configuration file `sundew.yaml` of the data folder (or `--config FILE`), under the flags of the command. All mistakes are reported together, with their places. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { errorText, ProjectError } from '../events/errors.ts';
import { managerConfig } from '../manager/config.ts';
import { type SensorConfig, sensorConfig } from '../sensor/config.ts';
import { type ConfigProblem, problemsOf } from '../sensor/problems.ts';

export const configFile = z.strictObject({
  manager: managerConfig.prefault({}).describe('The manager: API, dashboard and store.'),
  sensor: sensorConfig.prefault({}).describe('The sensor of this machine.'),
});
export type Config = z.infer<typeof configFile>;
export type ConfigLayer = { manager?: Record<string, unknown>; sensor?: Record<string, unknown> };

/** `sundew up` is for trying: everything there is, on loopback, at ports that need no privilege. */
export const UP_DEFAULTS: ConfigLayer = { sensor: { services: 'all', portOffset: 20_000 } };

type Section = Record<string, unknown>;
const isSection = (value: unknown): value is Section =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

interface File {
  path: string;
  document: Document.Parsed | undefined;
  lines: LineCounter;
}

const invalid = (message: string, path: string, cause?: unknown): ProjectError =>
  new ProjectError('CONFIG_INVALID', message, { path, ...(cause === undefined ? {} : { cause }) });

function readFile(dataDir: string, given: string | undefined): File {
  const path = given ?? join(dataDir, 'sundew.yaml');
  const lines = new LineCounter();
  if (!existsSync(path)) {
    if (given !== undefined) throw invalid(`there is no configuration file ${path}`, path);
    return { path, document: undefined, lines };
  }
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw invalid(`the configuration file ${path} cannot be read: ${errorText(cause)}`, path, cause);
  }
  const document = parseDocument(text, { lineCounter: lines });
  if (document.errors.length > 0)
    throw invalid(document.errors.map((error) => `${path}: ${error.message.trimEnd()}`).join('\n'), path);
  return { path, document, lines };
}

/** The line on which the key of a path stands, or the nearest key above it that the file has. */
function lineOf({ document, lines }: File, path: readonly PropertyKey[]): number | undefined {
  let offset: number | undefined;
  let node: unknown = document?.contents;
  for (const key of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key: name }) => isScalar(name) && String(name.value) === String(key));
      if (isNode(pair?.key)) offset = pair.key.range?.[0] ?? offset;
      node = pair?.value;
    } else if (isNode(node) && 'get' in node) {
      node = (node as { get(key: PropertyKey, keepScalar: boolean): unknown }).get(key, true);
      if (isNode(node)) offset = node.range?.[0] ?? offset;
    } else break;
  }
  return offset === undefined ? undefined : lines.linePos(offset).line;
}

export interface LoadOptions {
  /** Below the file. */
  defaults?: ConfigLayer;
  /** Finds further mistakes of a sensor's configuration that has the right form. */
  check?: (config: SensorConfig) => unknown;
}

/** Mistakes that `check` found; anything else that it throws is no mistake of the configuration. */
function furtherProblems(sensor: SensorConfig, check: LoadOptions['check']): ConfigProblem[] {
  try {
    check?.(sensor);
    return [];
  } catch (error) {
    const problems = error instanceof ProjectError ? error.facts.problems : undefined;
    if (!Array.isArray(problems)) throw error;
    return (problems as ConfigProblem[]).map(({ path, message }) => ({ path: ['sensor', ...path], message }));
  }
}

/** Reads the file, if there is one, and lays `flags` over it. */
export function loadConfig(
  dataDir: string,
  given: string | undefined,
  flags: ConfigLayer,
  { defaults = {}, check }: LoadOptions = {},
): Config {
  const file = readFile(dataDir, given);
  let content: unknown;
  try {
    content = file.document?.toJS() ?? {};
  } catch (cause) {
    throw invalid(`${file.path}: ${errorText(cause)}`, file.path, cause);
  }
  const problems: ConfigProblem[] = [];
  if (!isSection(content)) throw invalid(`${file.path} holds no keys; it begins with manager: or sensor:`, file.path);
  const sections = content;
  const layered = (name: 'manager' | 'sensor'): Section => {
    const section = sections[name] ?? {};
    if (!isSection(section)) problems.push({ path: [name], message: 'expected keys and values below it' });
    return { ...defaults[name], ...(isSection(section) ? section : {}), ...flags[name] };
  };
  const merged = { ...sections, manager: layered('manager'), sensor: layered('sensor') };
  const parsed = configFile.safeParse(merged);
  problems.push(...(parsed.error?.issues.flatMap((issue) => problemsOf(issue)) ?? []));
  const sensor = sensorConfig.safeParse(merged.sensor);
  if (sensor.success) problems.push(...furtherProblems(sensor.data, check));
  if (parsed.success && problems.length === 0) return parsed.data;
  const told = problems.map(({ path, message }) => {
    const [section, key] = path.map(String);
    const byFlag = (section === 'manager' || section === 'sensor') && flags[section]?.[key ?? ''] !== undefined;
    const line = byFlag ? undefined : lineOf(file, path);
    return `  ${path.map(String).join('.')}: ${message}${line === undefined ? '' : ` (${file.path} line ${line})`}`;
  });
  throw new ProjectError('CONFIG_INVALID', `the configuration has mistakes:\n${told.join('\n')}`, {
    path: file.path,
    problems,
  });
}
