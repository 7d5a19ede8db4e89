/** `sundew services`: what the sensor of this data folder has open. */
import { Command } from 'commander';
import { ProjectError } from '../../events/errors.ts';
import { print, printJson, table } from '../output.ts';
import { runningSensor } from '../running-sensor.ts';

export function servicesCommand(): Command {
  return new Command('services')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  sundew services --json')
    .action((flags: { data: string; json?: boolean }) => {
      const services = runningSensor(flags.data);
      if (services === undefined)
        throw new ProjectError('SENSOR_NOT_RUNNING', `no sensor runs on ${flags.data}; start one with \`sundew up\``, {
          data: flags.data,
        });
      if (flags.json === true) printJson(services);
      else
        print(
          table(
            ['protocol', 'transport', 'host', 'port', 'passes for'],
            services.map(({ protocol, transport, host, port, persona }) => [
              protocol,
              transport,
              host,
              String(port),
              persona,
            ]),
          ),
        );
    });
}
