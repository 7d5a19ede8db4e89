/** `sundew config`: check and print the configuration. */
import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { stringify } from 'yaml';
import { chooseServices } from '../../sensor/sensor.ts';
import { type Config, loadConfig, UP_DEFAULTS } from '../config.ts';
import { print, printJson } from '../output.ts';

interface ConfigFlags {
  data: string;
  config?: string;
  json?: boolean;
}

const configOption = (): Option =>
  new Option('--config <file>', 'the configuration file').default(undefined, 'sundew.yaml in the data folder');

const load = (flags: ConfigFlags): Config =>
  loadConfig(resolve(flags.data), flags.config, {}, { defaults: UP_DEFAULTS, check: chooseServices });

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
      .description('Print the configuration with every default, as `sundew up` runs it.')
      .addOption(configOption())
      .option('--json', 'print JSON')
      .addHelpText('after', '\nExample:\n  sundew config print > my.yaml\n  sundew up --config my.yaml')
      .action((flags: ConfigFlags) => {
        const config = load(flags);
        if (flags.json === true) printJson(config);
        else print(stringify(config));
      }),
  );
  return command;
}
