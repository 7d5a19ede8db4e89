/** The configuration file `sundew.yaml` of the data folder (or `--config FILE`), under the flags of the command. All mistakes are reported together, with their places. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isNode, LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { ProjectError } from '../events/index.ts';
import { managerConfig } from '../manager/config.ts';
import { sensorConfig } from '../sensor/config.ts';

export const configFile = z.strictObject({
  manager: managerConfig.prefault({}).describe('The manager: API, dashboard and store.'),
  sensor: sensorConfig.prefault({}).describe('The sensor of this machine.'),
});
export type Config = z.infer<typeof configFile>;
export type ConfigLayer = { manager?: Record<string, unknown>; sensor?: Record<string, unknown> };

/** A unified list of one issue: an unknown key is named by its own path. */
function pathsOf(issue: z.core.$ZodIssue): { path: PropertyKey[]; message: string }[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({ path: [...issue.path, key], message: 'there is no such key' }));
  return [{ path: issue.path, message: issue.message }];
}

/** Reads the file, if there is one, and lays `flags` over it. */
export function loadConfig(
  dataDir: string,
  given: string | undefined,
  flags: ConfigLayer,
  defaults: ConfigLayer = {},
): Config {
  const path = given ?? join(dataDir, 'sundew.yaml');
  if (given !== undefined && !existsSync(given))
    throw new ProjectError('CONFIG_INVALID', `there is no configuration file ${given}`, { path });
  const lines = new LineCounter();
  const document = existsSync(path)
    ? parseDocument(readFileSync(path, 'utf8'), { lineCounter: lines, maxAliasCount: 0 } as never)
    : undefined;
  if (document !== undefined && document.errors.length > 0)
    throw new ProjectError('CONFIG_INVALID', document.errors.map((error) => `${path}: ${error.message}`).join('\n'), {
      path,
    });
  const file = (document?.toJS() ?? {}) as unknown;
  const fromFile = typeof file === 'object' && file !== null ? (file as ConfigLayer) : { file };
  const merged = {
    ...fromFile,
    manager: { ...defaults.manager, ...(fromFile as ConfigLayer).manager, ...flags.manager },
    sensor: { ...defaults.sensor, ...(fromFile as ConfigLayer).sensor, ...flags.sensor },
  };
  const parsed = configFile.safeParse(merged);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.flatMap(pathsOf).map((problem) => {
    const node = document?.getIn(problem.path as (string | number)[], true);
    const offset = isNode(node) ? node.range?.[0] : undefined;
    const where = offset === undefined ? '' : ` (${path} line ${lines.linePos(offset).line})`;
    return `${problem.path.map(String).join('.')}: ${problem.message}${where}`;
  });
  throw new ProjectError(
    'CONFIG_INVALID',
    `the configuration has mistakes:\n${problems.map((problem) => `  ${problem}`).join('\n')}`,
    { path, problems },
  );
}
