/** All commands by name: the builtins, and the programs as they lie in `/usr/bin`. A program without an entry here does nothing and succeeds. */
import type { CommandTable } from '../state.ts';
import { fileCommands } from './files.ts';
import { networkCommands } from './network.ts';
import { makeRunners } from './runners.ts';
import { systemCommands } from './system.ts';
import { textCommands } from './text.ts';

export { builtins } from './builtins.ts';
export { soughtElsewhere } from './network.ts';

export const programs: CommandTable = {
  ...fileCommands,
  ...textCommands,
  ...systemCommands,
  ...networkCommands,
  ...makeRunners(() => programs),
};
