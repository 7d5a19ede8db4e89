/** What the routes are given: the parts of a running manager. */
import type { Accounts } from '../accounts/accounts.ts';
import type { Disk } from '../disk.ts';
import type { Places } from '../enrich/places.ts';
import type { Sensors } from '../fleet/sensors.ts';
import type { Artifacts } from '../ingest/artifacts.ts';
import type { Imports } from '../ingest/imports.ts';
import type { Intake } from '../ingest/intake.ts';
import type { Hub } from '../live/hub.ts';
import type { Log } from '../log.ts';
import type { StoreClient } from '../store/client.ts';

export interface Context {
  version: string;
  startedAt: string;
  store: StoreClient;
  accounts: Accounts;
  sensors: Sensors;
  intake: Intake;
  imports: Imports;
  artifacts: Artifacts;
  places: Places;
  hub: Hub;
  disk: Disk;
  log: Log;
  /** The credential of whoever may read the manager's folder. */
  localToken: string;
  /** The built dashboard, where there is one. */
  webRoot: string | undefined;
}
