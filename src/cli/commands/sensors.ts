/** `sundew sensors`: the sensors of a manager. */
import { resolve } from 'node:path';
import { Command } from 'commander';
import type { Sensor } from '../../manager/fleet/sensors.ts';
import { loadConfig } from '../config.ts';
import { withManager } from '../connect.ts';
import { print, printJson, table } from '../output.ts';
import { runningManager } from '../running-manager.ts';
import { type ConnectFlags, whereOf, withConnection } from './common.ts';

/** Where sensors will find the manager: at the address given, that of the running one, or the one it will be started with. */
async function addressOf(flags: ConnectFlags): Promise<string> {
  if (flags.url !== undefined) return flags.url;
  const running = await runningManager(resolve(flags.data));
  return running?.url ?? `http://${loadConfig(resolve(flags.data), undefined, {}).manager.listen}`;
}

export function sensorsCommand(): Command {
  const sensors = new Command('sensors');
  sensors.addCommand(
    withConnection(
      new Command('list')
        .description('List sensors and what they last said of themselves.')
        .option('--json', 'print JSON')
        .addHelpText('after', '\nExample:\n  sundew sensors list'),
    ).action(async (flags: ConnectFlags & { json?: boolean }) => {
      const { data } = await withManager(whereOf(flags), 'start-if-data', (client) =>
        client.get<{ data: Sensor[] }>('/sensors'),
      );
      if (flags.json === true) return printJson(data);
      const shed = (sensor: Sensor): number =>
        Object.values(sensor.status?.shed ?? {}).reduce((sum, count) => sum + count, 0);
      return print(
        table(
          ['name', 'last contact', 'persona', 'services', 'recorded', 'stored', 'shed', 'waiting'],
          data.map((sensor) => [
            ...[
              sensor.name,
              sensor.last_contact_at ?? 'never',
              sensor.status?.persona ?? '',
              sensor.status?.services.length ?? 0,
            ],
            ...[sensor.status?.recorded ?? 0, sensor.status?.stored ?? 0, shed(sensor), sensor.status?.waiting ?? 0],
          ]),
        ),
      );
    }),
  );
  sensors.addCommand(
    withConnection(
      new Command('add')
        .description('Enrol a sensor. Its token is shown once.')
        .argument('<name>', 'the name of the sensor')
        .option('--json', 'print JSON')
        .addHelpText('after', '\nExample:\n  sundew sensors add office-3'),
    ).action(async (name: string, flags: ConnectFlags & { json?: boolean }) => {
      const made = await withManager(whereOf(flags), 'start', (client) =>
        client.send<{ id: string; token: string }>('POST', '/sensors', { name }),
      );
      const url = await addressOf(flags);
      if (flags.json === true) printJson({ name, ...made });
      else print(`On the sensor's machine:\n  sundew sensor --manager ${url} --token ${made.token} --bind 0.0.0.0\n`);
    }),
  );
  return sensors;
}
