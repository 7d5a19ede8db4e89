/** What pages ask the manager, as hooks. Keys begin with the kind of data, so that a kind can be read again as a whole. */
import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { type Scope, scopeParams } from '../filters/filters.ts';
import { getJson } from './client.ts';
import type { EventRecord, Me, Page, Session, Summary, Timeline, TopField, TopRow, Transcript } from './types.ts';

export const SESSION_PAGE = 50;
const EVENT_PAGE = 200;
/** How often an open session is asked for anew. */
const OPEN_SESSION_MS = 2000;

/** The range is turned into times at the moment of asking: "the last hour" moves on. */
function withScope(scope: Scope, more: Readonly<Record<string, string>> = {}): URLSearchParams {
  const params = scopeParams(scope, Date.now());
  for (const [name, value] of Object.entries(more)) params.set(name, value);
  return params;
}

export function useMe() {
  return useQuery({
    queryKey: ['me'],
    queryFn: ({ signal }) => getJson<Me>('/me', undefined, signal),
    staleTime: 300_000,
  });
}

export function useSummary(scope: Scope) {
  return useQuery({
    queryKey: ['stats', 'summary', scope],
    queryFn: ({ signal }) => getJson<Summary>('/stats/summary', withScope(scope), signal),
    placeholderData: keepPreviousData,
  });
}

export type Measure = 'sessions' | 'sources';

export function useTop(scope: Scope, by: TopField, measure: Measure, limit: number, enabled = true) {
  const more: Record<string, string> = { by, limit: String(limit) };
  if (measure === 'sources') more.unique = 'src_ip';
  return useQuery({
    queryKey: ['stats', 'top', scope, more],
    queryFn: ({ signal }) => getJson<Page<TopRow>>('/stats/top', withScope(scope, more), signal),
    placeholderData: keepPreviousData,
    enabled,
  });
}

export function useTimeline(scope: Scope, limit: number) {
  const more = { interval: 'auto', by: 'protocol', limit: String(limit) };
  return useQuery({
    queryKey: ['stats', 'timeline', scope, more],
    queryFn: async ({ signal }) => ({
      timeline: await getJson<Timeline>('/stats/timeline', withScope(scope, more), signal),
      askedAt: Date.now(),
    }),
    placeholderData: keepPreviousData,
  });
}

/** `everyMs` asks anew in that time; `false` never. */
export function useSessions(scope: Scope, limit = SESSION_PAGE, everyMs: number | false = false) {
  return useInfiniteQuery({
    queryKey: ['sessions', scope, limit],
    refetchInterval: everyMs,
    initialPageParam: '',
    queryFn: ({ pageParam, signal }) => {
      const more: Record<string, string> = { limit: String(limit) };
      if (pageParam !== '') more.cursor = pageParam;
      return getJson<Page<Session>>('/sessions', withScope(scope, more), signal);
    },
    getNextPageParam: (page) => page.next,
  });
}

export function useSession(id: string) {
  return useQuery({
    queryKey: ['session', id],
    queryFn: ({ signal }) => getJson<Session>(`/sessions/${encodeURIComponent(id)}`, undefined, signal),
    refetchInterval: (query) => (query.state.data?.ended_at === null ? OPEN_SESSION_MS : false),
  });
}

export function useEvents(sessionId: string, open: boolean) {
  return useInfiniteQuery({
    queryKey: ['events', sessionId],
    initialPageParam: '',
    queryFn: ({ pageParam, signal }) => {
      const params = new URLSearchParams({ session_id: sessionId, order: 'asc', limit: String(EVENT_PAGE) });
      if (pageParam !== '') params.set('cursor', pageParam);
      return getJson<Page<EventRecord>>('/events', params, signal);
    },
    getNextPageParam: (page) => page.next,
    refetchInterval: open ? OPEN_SESSION_MS : false,
  });
}

export function useTranscript(sessionId: string, open: boolean) {
  return useQuery({
    queryKey: ['transcript', sessionId],
    queryFn: ({ signal }) =>
      getJson<Transcript>(`/sessions/${encodeURIComponent(sessionId)}/transcript`, undefined, signal),
    refetchInterval: open ? OPEN_SESSION_MS : false,
  });
}
