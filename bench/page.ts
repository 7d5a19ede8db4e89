/** What the dashboard's overview and list of sessions ask the manager for. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '../src/cli/client.ts';

type Query = Readonly<Record<string, string>>;

export interface Question {
  title: string;
  path: string;
  query: Query;
}

const RANKS: readonly Query[] = [
  { by: 'src_ip', limit: '10' },
  { by: 'country', limit: '8' },
  { by: 'country', limit: '8', unique: 'src_ip' },
  { by: 'protocol', limit: '8' },
  { by: 'dst_port', limit: '8' },
  { by: 'credential', limit: '8' },
  { by: 'asn', limit: '8' },
];

/** The questions of the overview and the sessions page; `range` is empty for all time. */
export function questions(range: Query): Question[] {
  return [
    { title: 'summary', path: '/stats/summary', query: range },
    { title: 'timeline', path: '/stats/timeline', query: { ...range, interval: 'auto', by: 'protocol', limit: '8' } },
    ...RANKS.map((rank) => ({
      title: `top ${rank.by}${rank.unique === undefined ? '' : ' by sources'}`,
      path: '/stats/top',
      query: { ...range, ...rank },
    })),
    { title: 'latest sessions', path: '/sessions', query: { ...range, limit: '50' } },
  ];
}

/** Asks one question; how long the whole answer took, in milliseconds. */
export async function ask(client: Client, question: Question): Promise<number> {
  const started = performance.now();
  await client.get(question.path, question.query);
  return performance.now() - started;
}

/** The range that the overview opens with, as of now. */
export const lastDay = (): Query => ({ from: new Date(Date.now() - 86_400_000).toISOString() });

/** Loads the page again and again until told to stop, its questions at once as a browser asks them; returns what each answer took. */
export async function keepAsking(client: Client, everyMs: number, signal: AbortSignal): Promise<number[]> {
  const times: number[] = [];
  while (!signal.aborted) {
    times.push(...(await Promise.all(questions(lastDay()).map((question) => ask(client, question)))));
    await sleep(everyMs, undefined, { signal }).catch(() => undefined);
  }
  return times;
}
