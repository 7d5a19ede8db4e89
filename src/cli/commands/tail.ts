/** `sundew tail`: what is recorded, as it is stored. */

import { setTimeout as sleep } from 'node:timers/promises';
import { Command, Option } from 'commander';
import type { EventObject, SessionObject } from '../../manager/queries/records.ts';
import { ApiError, type Client } from '../client.ts';
import { withManager } from '../connect.ts';
import { print, safeText } from '../output.ts';
import { serverSentEvents } from '../server-sent-events.ts';
import { type ConnectFlags, type FilterFlags, filterQueryOf, whereOf, withConnection, withFilter } from './common.ts';

interface TailFlags extends ConnectFlags, FilterFlags {
  json?: boolean;
  only?: 'sessions' | 'events';
}

const RECONNECT_MS = 1000;
const MAX_VALUE = 200;

const shorten = (text: string): string => safeText(text.length > MAX_VALUE ? `${text.slice(0, MAX_VALUE)}…` : text);

/** The fields of an event that say what happened, in one line. */
function tell(event: EventObject): string {
  const { fields } = event;
  if (event.type === 'auth.attempt') {
    const secret = fields.password ?? fields.hash ?? '';
    return `${shorten(String(fields.username ?? ''))} / ${shorten(String(secret))} (${shorten(String(fields.mechanism))}) ${fields.accepted === true ? 'let in' : 'refused'}`;
  }
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined && value !== null && value !== '')
    .map(([name, value]) => `${name}=${shorten(typeof value === 'string' ? value : JSON.stringify(value))}`)
    .join(' ');
}

const place = (item: SessionObject | EventObject): string =>
  [item.country, item.as_org].filter((part) => part !== null && part !== '').join(' ');

function lineOf(kind: string, item: SessionObject | EventObject): string {
  const head = (at: string): string => `${at}  ${(item.src_ip ?? '(missing)').padEnd(15)}  ${item.protocol.padEnd(8)}`;
  if (kind === 'session') {
    const session = item as SessionObject;
    const counts = (['logins', 'commands', 'files'] as const)
      .filter((name) => session[name] > 0)
      .map((name) => `${session[name]} ${name}`);
    return `${head(session.ended_at ?? session.started_at)}  session of ${((Date.parse(session.ended_at ?? session.started_at) - Date.parse(session.started_at)) / 1000).toFixed(1)} s, ${[
      ...counts,
      session.end_reason,
      place(session),
    ]
      .filter((part) => part !== '')
      .map(safeText)
      .join(', ')}`;
  }
  const event = item as EventObject;
  return `${head(event.at)}  ${event.type}  ${tell(event)}`;
}

const QUIET = new Set(['session.opened', 'session.closed']);

async function follow(client: Client, flags: TailFlags, query: Record<string, string[] | string>): Promise<void> {
  const stopped = new AbortController();
  process.once('SIGINT', () => stopped.abort());
  process.once('SIGTERM', () => stopped.abort());
  while (!stopped.signal.aborted) {
    try {
      const response = await client.fetch('GET', '/stream', { query, signal: stopped.signal });
      for await (const { event, data } of serverSentEvents(response)) {
        if (event === 'missed')
          process.stderr.write(
            `${(data as { count: number }).count} records were not shown: this reader is too slow\n`,
          );
        if (event !== 'session' && event !== 'record') continue;
        if (flags.only !== undefined && (flags.only === 'sessions') !== (event === 'session')) continue;
        if (flags.json === true) print(`${JSON.stringify(data)}\n`);
        else if (event === 'session' || !QUIET.has((data as EventObject).type))
          print(`${lineOf(event, data as SessionObject | EventObject)}\n`);
      }
    } catch (error) {
      if (stopped.signal.aborted) return;
      if (error instanceof ApiError && error.status < 500) throw error;
      process.stderr.write('the manager does not answer; trying again\n');
    }
    await sleep(RECONNECT_MS, undefined, { signal: stopped.signal }).catch(() => undefined);
    if (!stopped.signal.aborted) await client.renew();
  }
}

export function tailCommand(): Command {
  const command = new Command('tail')
    .addOption(new Option('--only <kind>', 'one kind of record').choices(['sessions', 'events']))
    .option('--json', 'print one JSON object a line')
    .addHelpText('after', '\nExample:\n  sundew tail --where protocol=mssql --only events');
  return withFilter(withConnection(command)).action(async (flags: TailFlags) => {
    const query = filterQueryOf(flags);
    await withManager(whereOf(flags), 'give-up', (client) => follow(client, flags, query));
  });
}
