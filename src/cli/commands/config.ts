/** `sundew config`: check and print the configuration. */
import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { stringify } from 'yaml';
import { chooseServices } from '../../sensor/sensor.ts';
import { loadConfig } from '../config.ts';
import { print, printJson } from '../output.ts';

interface ConfigFlags {
  data: string;
  config?: string;
  json?: boolean;
}

const configOption = (): Option =>
  new Option('--config <file>', 'the configuration file').default(undefined, 'sundew.yaml in the data folder');

function load(flags: ConfigFlags) {
  const config = loadConfig(resolve(flags.data), flags.config, {});
  chooseServices(config.sensor);
  return config;
}

export function configCommand(): Command {
  const command = new Command('config');
  command.addCommand(
    new Command('check')
      .description('Say what is wrong with the configuration, all of it.')
      .addOption(configOption())
      .addHelpText('after', '\nExample:\n  sundew config check --config sundew.yaml')
      .action((flags: ConfigFlags) => {
        load(flags);
        print('the configuration is right\n');
      }),
  );
  command.addCommand(
    new Command('print')
      .description('Print the configuration with every default.')
      .addOption(configOption())
      .option('--json', 'print JSON')
      .addHelpText('after', '\nExample:\n  sundew config print > sundew.yaml')
      .action((flags: ConfigFlags) => {
        const config = load(flags);
        if (flags.json === true) printJson(config);
        else print(stringify(config));
      }),
  );
  return command;
}
