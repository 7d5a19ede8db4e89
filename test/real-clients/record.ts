/** What a client left in the record: everything, as the API gives it, once all that it was served for must be there. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import type { TestContext } from 'node:test';
import type { EventObject } from '../../src/manager/queries/records.ts';
import type { Stack } from '../support/stack.ts';
import { until } from '../support/until.ts';

/** How long after a client's end its records may take to be in the store; slow machines and all. Usually a tenth of it. */
export const LATE_MS = 3000;
const PAGE = 1000;

interface Page {
  data: EventObject[];
  next: string | null;
}

/** Connects, and hangs up without a word. Returns the port it came from, by which its session is known. */
function mark(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      const { localPort } = socket;
      socket.destroy();
      if (localPort === undefined) reject(new Error('the connection has no port'));
      else resolve(localPort);
    });
    socket.on('error', reject);
  });
}

async function eventsSince(stack: Stack, from: string): Promise<EventObject[]> {
  const events: EventObject[] = [];
  let cursor: string | null = null;
  do {
    const page: Page = await stack.client.get<Page>('/events', {
      ...{ from, order: 'asc', limit: PAGE },
      ...(cursor === null ? {} : { cursor }),
    });
    events.push(...page.data);
    cursor = page.next;
  } while (cursor !== null);
  return events;
}

export interface Recorded<Result> {
  /** What `act` returned. */
  result: Result;
  /** Events of the sessions that began during `act`, in the order of time. */
  events: EventObject[];
  /** How long after the client's end everything was in the store. */
  lateMs: number;
}

/**
 * Runs a client against the service on `port` and returns what was recorded of it. Records leave a sensor in their order: when a connection made after the
 * client's end is in the store, so is everything before it, and what is not there then was not recorded.
 */
export async function recordOf<Result>(
  stack: Stack,
  port: number,
  act: () => Promise<Result>,
): Promise<Recorded<Result>> {
  const from = new Date().toISOString();
  const result = await act();
  const ended = performance.now();
  const markPort = await mark(port);
  const markId = await until('the mark behind the client to be in the store', async () => {
    const { data } = await stack.client.get<Page>('/events', { from, src_port: markPort, type: 'session.opened' });
    return data[0]?.session_id;
  });
  const lateMs = performance.now() - ended;
  const events = await eventsSince(stack, from);
  // A session of the client before can still have ended after `from`.
  const begun = new Set(events.filter((event) => event.type === 'session.opened').map((event) => event.session_id));
  begun.delete(markId);
  return { result, events: events.filter((event) => begun.has(event.session_id)), lateMs };
}

/** The same, and that it was there in time. */
export async function recordInTime<Result>(
  context: TestContext,
  stack: Stack,
  port: number,
  act: () => Promise<Result>,
): Promise<Recorded<Result>> {
  const recorded = await recordOf(stack, port, act);
  context.diagnostic(`in the store ${Math.round(recorded.lateMs)} ms after the client's end`);
  assert.ok(recorded.lateMs < LATE_MS, `the record was complete only ${Math.round(recorded.lateMs)} ms later`);
  return recorded;
}

export interface Login {
  username: string | null;
  password: string | null;
  mechanism: string;
  accepted: boolean;
  hash?: string;
  hash_format?: string;
  detail?: Record<string, unknown>;
}

export const ofType = (events: readonly EventObject[], type: string): EventObject[] =>
  events.filter((event) => event.type === type);
export const loginsOf = (events: readonly EventObject[]): Login[] =>
  ofType(events, 'auth.attempt').map((event) => event.fields as unknown as Login);

/** The one login that a client made: user, clear password, mechanism, and whether it was let in. */
export function onlyLogin(events: readonly EventObject[]): [string | null, string | null, string, boolean] {
  const logins = loginsOf(events);
  assert.equal(logins.length, 1, `one login, not ${JSON.stringify(logins)}`);
  const [login] = logins as [Login];
  return [login.username, login.password, login.mechanism, login.accepted];
}
