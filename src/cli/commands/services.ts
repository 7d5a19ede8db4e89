/** `sundew services`: what the sensor of this data folder has open. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { ProjectError } from '../../events/errors.ts';
import type { ServiceListing } from '../../sensor/sensor.ts';
import { print, printJson, table } from '../output.ts';

export function servicesCommand(): Command {
  return new Command('services')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  sundew services --json')
    .action((flags: { data: string; json?: boolean }) => {
      const dir = join(flags.data, 'spool');
      const path = join(dir, 'services.json');
      if (!existsSync(path))
        throw new ProjectError('SENSOR_NOT_RUNNING', `no sensor runs on ${flags.data}; start one with \`sundew up\``, {
          path,
        });
      const services = JSON.parse(readFileSync(path, 'utf8')) as ServiceListing[];
      if (flags.json === true) printJson(services);
      else
        print(
          table(
            ['protocol', 'transport', 'host', 'port', 'passes for'],
            services.map((service) => [
              service.protocol,
              service.transport,
              service.host,
              String(service.port),
              service.persona,
            ]),
          ),
        );
    });
}
