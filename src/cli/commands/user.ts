/** `sundew user`: people who sign in to the dashboard. */
import { Command, Option } from 'commander';
import { ROLES, type User } from '../../manager/accounts/accounts.ts';
import { withManager } from '../connect.ts';
import { print, printJson, table } from '../output.ts';
import { readSecret } from '../prompt.ts';
import { type ConnectFlags, whereOf, withConnection } from './common.ts';

const PASSWORD_HELP = '\nThe password is asked for, or read from standard input where that is no terminal.';

export function userCommand(): Command {
  const user = new Command('user');
  user.addCommand(
    withConnection(
      new Command('add')
        .description('Add a user.')
        .argument('<name>', 'the user name')
        .addOption(new Option('--role <role>', 'what the user may do').choices(ROLES).default('analyst'))
        .addHelpText('after', `${PASSWORD_HELP}\nExample:\n  sundew user add maria --role admin`),
    ).action(async (username: string, flags: ConnectFlags & { role: string }) => {
      const password = await readSecret(`Password for ${username}: `);
      await withManager(whereOf(flags), 'start', (client) =>
        client.send('POST', '/users', { username, role: flags.role, password }),
      );
    }),
  );
  user.addCommand(
    withConnection(
      new Command('password')
        .description('Change a password; signs the user out everywhere.')
        .argument('<name>', 'the user')
        .addHelpText('after', `${PASSWORD_HELP}\nExample:\n  sundew user password maria`),
    ).action(async (username: string, flags: ConnectFlags) => {
      const password = await readSecret(`New password for ${username}: `);
      await withManager(whereOf(flags), 'start-if-data', (client) =>
        client.send('PUT', `/users/${encodeURIComponent(username)}/password`, { password }),
      );
    }),
  );
  user.addCommand(
    withConnection(
      new Command('list')
        .description('List users.')
        .option('--json', 'print JSON')
        .addHelpText('after', '\nExample:\n  sundew user list'),
    ).action(async (flags: ConnectFlags & { json?: boolean }) => {
      const { data } = await withManager(whereOf(flags), 'start-if-data', (client) =>
        client.get<{ data: User[] }>('/users'),
      );
      if (flags.json === true) printJson(data);
      else
        print(
          table(
            ['name', 'role', 'made', 'password'],
            data.map((row) => [row.username, row.role, row.created_at, row.has_password ? 'set' : 'none yet']),
          ),
        );
    }),
  );
  user.addCommand(
    withConnection(
      new Command('remove')
        .description('Remove a user.')
        .argument('<name>', 'the user')
        .addHelpText('after', '\nExample:\n  sundew user remove maria'),
    ).action(async (username: string, flags: ConnectFlags) => {
      await withManager(whereOf(flags), 'start-if-data', (client) =>
        client.send('DELETE', `/users/${encodeURIComponent(username)}`),
      );
    }),
  );
  user.addCommand(
    withConnection(
      new Command('link')
        .description('Print a link that signs the owner in once.')
        .addHelpText('after', '\nExample:\n  sundew user link'),
    ).action(async (flags: ConnectFlags) => {
      const link = await withManager(
        whereOf(flags),
        'give-up',
        async (client) =>
          `${client.url}/signin#token=${(await client.send<{ token: string }>('POST', '/users/link')).token}`,
      );
      print(`${link}\n`);
    }),
  );
  return user;
}
