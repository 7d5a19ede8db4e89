/** The running sensor of a data folder, as its own folder shows it: whoever may read that needs no other credential. */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { errorCode, errorText, ProjectError } from '../events/errors.ts';
import type { ServiceListing } from '../sensor/sensor.ts';
import { holderOf } from '../spool/lock.ts';

/** Undefined where none runs: the list of a sensor that was killed is still there, its lock is nobody's. */
export function runningSensor(dataDir: string): readonly ServiceListing[] | undefined {
  const dir = join(dataDir, 'spool');
  try {
    if (holderOf(fs, join(dir, 'queue', 'lock')) === undefined) return undefined;
    return JSON.parse(fs.readFileSync(join(dir, 'services.json'), 'utf8')) as ServiceListing[];
  } catch (cause) {
    const code = errorCode(cause instanceof Error && cause.cause !== undefined ? cause.cause : cause);
    // It is just starting, and has not listed its services yet.
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new ProjectError(
      'DATA_FORBIDDEN',
      `${dir} cannot be read (${errorText(cause)}); run this as the user who runs the sensor`,
      { cause, dir },
    );
  }
}
