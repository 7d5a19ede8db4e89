/** Starts store host and manager together. A folder that a process which is just ending still holds is waited for. */
import { setTimeout as sleep } from 'node:timers/promises';
import { errorCode, ProjectError } from '../events/errors.ts';
import type { Config } from './config.ts';
import { runningManager } from './running-manager.ts';
import { makeStoreToken, managerPart, storePart } from './stack.ts';
import type { Part, Readiness, Supervised } from './supervisor.ts';

/** A manager that was killed, or is stopping, has let go of its folder by then. */
const LET_GO_MS = 15_000;
const LOOK_MS = 200;

export async function startManager(
  dataDir: string,
  config: Config,
  withLocalSensor: boolean,
  add: (part: Part) => Supervised,
): Promise<Readiness> {
  const token = makeStoreToken();
  for (const deadline = Date.now() + LET_GO_MS; ; await sleep(LOOK_MS)) {
    const other = await runningManager(dataDir);
    if (other !== undefined)
      throw new ProjectError(
        'DATA_IN_USE',
        `a manager runs on the data folder ${dataDir} already, at ${other.url}; stop it, or choose another folder with --data`,
        { dataDir, url: other.url },
      );
    const store = add(storePart(dataDir, config, token));
    const manager = add(managerPart(dataDir, config, token, withLocalSensor));
    try {
      const [, ready] = await Promise.all([store.start(), manager.start()]);
      return ready;
    } catch (error) {
      await manager.stop();
      await store.stop();
      if (errorCode(error) !== 'DATA_IN_USE' || Date.now() > deadline) throw error;
    }
  }
}
