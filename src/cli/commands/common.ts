/** Options that several commands share. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseCondition } from '../../manager/queries/filter.ts';
import type { Where } from '../connect.ts';

export interface ConnectFlags {
  data: string;
  url?: string;
  token?: string;
}
export interface FilterFlags {
  where: string[];
  since?: string;
  until?: string;
}

/** `--url` and `--token`: another manager than that of the data folder. */
export function withConnection(command: Command): Command {
  return command
    .addOption(new Option('--url <url>', 'another manager').default(undefined, 'that of the data folder'))
    .option('--token <token>', 'a token of that manager');
}

export const whereOf = ({ data, url, token }: ConnectFlags): Where => ({
  data,
  ...(url === undefined ? {} : { url }),
  ...(token === undefined ? {} : { token }),
});

const collect = (value: string, before: string[]): string[] => [...before, value];

/** `--where`, `--since` and `--until`. */
export function withFilter(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--where <condition>',
        'field=value or field!=value; several are all required, the same field again is an alternative',
      )
        .argParser(collect)
        .default([] as string[], 'all'),
    )
    .option('--since <time>', 'not before: 2026-11-22, 2026-11-22T10:00:00Z, 24h, 7d')
    .option('--until <time>', 'before; written like --since');
}

const UNIT_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** A time as RFC 3339: a date, a time, or how long ago. */
export function instant(text: string, now: number = Date.now()): string {
  const ago = /^(\d{1,6})([mhdw])$/.exec(text);
  if (ago !== null) return new Date(now - Number(ago[1]) * (UNIT_MS[ago[2] ?? ''] ?? 0)).toISOString();
  const zoned = /[zZ]$|[+-]\d\d:?\d\d$/.test(text) || /^\d{4}-\d\d-\d\d$/.test(text) ? text : `${text}Z`;
  const at = Date.parse(zoned);
  if (!/^\d{4}-\d\d-\d\d/.test(text) || Number.isNaN(at))
    throw new InvalidArgumentError(`'${text}' is no time; write 2026-11-22, 2026-11-22T10:00:00Z or 24h.`);
  return new Date(at).toISOString();
}

/** The query string of a filter. */
export function filterQueryOf(flags: FilterFlags): Record<string, string[] | string> {
  const query: Record<string, string[] | string> = {};
  for (const condition of flags.where) {
    const { name, value } = parseCondition(condition);
    if (name === 'from' || name === 'to') query[name] = instant(value);
    else query[name] = [...((query[name] as string[] | undefined) ?? []), value];
  }
  if (flags.since !== undefined) query.from = instant(flags.since);
  if (flags.until !== undefined) query.to = instant(flags.until);
  return query;
}

export function positiveInteger(text: string): number {
  if (!/^\d{1,7}$/.test(text) || Number(text) === 0) throw new InvalidArgumentError('write a whole number above 0.');
  return Number(text);
}
