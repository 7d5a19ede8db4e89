/** `sundew token`: credentials for programs. */
import { Command, Option } from 'commander';
import { ROLES, type Token } from '../../manager/accounts/accounts.ts';
import { withManager } from '../connect.ts';
import { print, printJson, table } from '../output.ts';
import { type ConnectFlags, positiveInteger, whereOf, withConnection } from './common.ts';

export function tokenCommand(): Command {
  const token = new Command('token');
  token.addCommand(
    withConnection(
      new Command('add')
        .description('Make a token. It is shown once.')
        .argument('<name>', 'what it is for')
        .addOption(new Option('--role <role>', 'what it may do').choices(ROLES).default('analyst'))
        .addOption(
          new Option('--days <n>', 'how long it is valid').argParser(positiveInteger).default(undefined, 'for ever'),
        )
        .option('--json', 'print JSON')
        .addHelpText('after', '\nExample:\n  sundew token add siem --days 365'),
    ).action(async (name: string, flags: ConnectFlags & { role: string; days?: number; json?: boolean }) => {
      const body = { name, role: flags.role, ...(flags.days === undefined ? {} : { days: flags.days }) };
      const made = await withManager(whereOf(flags), 'start', (client) =>
        client.send<{ token: string }>('POST', '/tokens', body),
      );
      if (flags.json === true) printJson({ name, ...made });
      else print(`${made.token}\n`);
    }),
  );
  token.addCommand(
    withConnection(
      new Command('list')
        .description('List tokens.')
        .option('--json', 'print JSON')
        .addHelpText('after', '\nExample:\n  sundew token list'),
    ).action(async (flags: ConnectFlags & { json?: boolean }) => {
      const { data } = await withManager(whereOf(flags), 'start-if-data', (client) =>
        client.get<{ data: Token[] }>('/tokens'),
      );
      if (flags.json === true) printJson(data);
      else
        print(
          table(
            ['name', 'role', 'made', 'valid until', 'last used'],
            data.map((row) => [
              row.name,
              row.role,
              row.created_at,
              row.expires_at ?? 'for ever',
              row.last_used_at ?? 'never',
            ]),
          ),
        );
    }),
  );
  token.addCommand(
    withConnection(
      new Command('remove')
        .description('Remove a token; it stops working at once.')
        .argument('<name>', 'the token')
        .addHelpText('after', '\nExample:\n  sundew token remove siem'),
    ).action(async (name: string, flags: ConnectFlags) => {
      await withManager(whereOf(flags), 'start-if-data', (client) =>
        client.send('DELETE', `/tokens/${encodeURIComponent(name)}`),
      );
    }),
  );
  return token;
}
