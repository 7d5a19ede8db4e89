/** Options that several commands share. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import { filterQuery, parseCondition } from '../../manager/queries/filter.ts';
import type { Where } from '../connect.ts';
import { UsageError } from '../usage.ts';

const filterSchema = z.strictObject(filterQuery);

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
/** Earlier times are in no store. */
const EARLIEST = Date.UTC(1900);
const DATE = /^\d{4}-\d\d-\d\d$/;
const DATE_TIME = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)(?:[zZ]|([+-]\d\d):?(\d\d))?$/;

/** The form that `Date.parse` is bound to read (ECMA-262 §21.4.1.32); undefined where it is none of ours. */
function standardForm(text: string): string | undefined {
  if (DATE.test(text)) return `${text}T00:00Z`;
  const match = DATE_TIME.exec(text);
  if (match === null) return undefined;
  const [, date, time, hours, minutes] = match;
  return `${date}T${time}${hours === undefined ? 'Z' : `${hours}:${minutes}`}`;
}

/** A day that its month does not have is moved into the next month by `Date.parse`. */
const dayExists = (text: string): boolean =>
  new Date(`${text.slice(0, 10)}T00:00Z`).getUTCDate() === Number(text.slice(8, 10));

/** A time as RFC 3339: a date, a time (UTC where it has no zone), or how long ago. */
export function instant(text: string, now: number = Date.now()): string {
  const ago = /^(\d{1,6})([mhdw])$/.exec(text);
  const form = standardForm(text);
  const at =
    ago !== null
      ? now - Number(ago[1]) * (UNIT_MS[ago[2] ?? ''] ?? 0)
      : form !== undefined && dayExists(form)
        ? Date.parse(form)
        : Number.NaN;
  if (Number.isNaN(at) || at < EARLIEST)
    throw new UsageError(`'${text}' is no time; write 2026-11-22, 2026-11-22T10:00:00Z or 24h`);
  return new Date(at).toISOString();
}

/** The query string of a filter. All of it is checked here, so that a mistake is told before anything is started. */
export function filterQueryOf(flags: FilterFlags): Record<string, string[] | string> {
  const query: Record<string, string[] | string> = {};
  for (const condition of flags.where) {
    const { name, value } = parseCondition(condition);
    if (name === 'from' || name === 'to') query[name] = instant(value);
    else query[name] = [...((query[name] as string[] | undefined) ?? []), value];
  }
  if (flags.since !== undefined) query.from = instant(flags.since);
  if (flags.until !== undefined) query.to = instant(flags.until);
  const checked = filterSchema.safeParse(query);
  if (checked.success) return query;
  const mistakes = checked.error.issues.map(({ path: [name, index], message }) => {
    const values = query[String(name)];
    const value = Array.isArray(values) && typeof index === 'number' ? values[index] : values;
    return `${String(name)}=${String(value)}: ${message}`;
  });
  throw new UsageError(mistakes.join('\n'));
}

export function positiveInteger(text: string): number {
  if (!/^\d{1,7}$/.test(text) || Number(text) === 0) throw new InvalidArgumentError('write a whole number above 0.');
  return Number(text);
}
