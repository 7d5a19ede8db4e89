import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { useSessions } from '../../api/queries.ts';
import { useStream } from '../../api/stream.ts';
import type { Session } from '../../api/types.ts';
import { type FilterField, rangeTimes, type Scope, streamParams } from '../../filters/filters.ts';
import { addFresh, isLate, MAX_FRESH, mergeLists } from './live-list.ts';

/** Arrivals are shown together this often, so that a flood costs a few renders a second. */
const FLUSH_MS = 300;

/** What only the events of a session tell: the stream cannot choose sessions by these, so the list is asked for instead. */
const NOT_ON_STREAM: ReadonlySet<FilterField> = new Set<FilterField>(['q', 'sha256']);
const POLL_MS = 3000;
/** A list is read again at most this often for sessions that belong further down. */
const LATE_REFRESH_MS = 5000;

interface Options {
  /** Sessions in one page. */
  limit: number;
  /** Whether live sessions are taken in at all. */
  on: boolean;
  /** Whether they wait, because the viewer has paused the list or reads further down. */
  held: boolean;
}

interface Live {
  fresh: Session[];
  waiting: Session[];
}

const NOTHING: Live = { fresh: [], waiting: [] };

/** The sessions of a scope, the newest first: pages from the API, and in front of them what the stream brings. */
export function useLiveSessions(scope: Scope, { limit, on, held }: Options) {
  const queries = useQueryClient();
  const unseen = scope.filters.some((filter) => NOT_ON_STREAM.has(filter.field));
  const query = useSessions(scope, limit, on && !held && unseen && POLL_MS);
  const [live, setLive] = useState<Live>(NOTHING);
  const buffer = useRef<Session[]>([]);
  /** Something has come in that belongs further down. */
  const late = useRef(false);
  const newest = useRef<Session>(undefined);
  const scopeKey = JSON.stringify(scope);

  const reload = useCallback((): void => {
    buffer.current = [];
    setLive(NOTHING);
    void queries.resetQueries({ queryKey: ['sessions', JSON.parse(scopeKey), limit] });
  }, [queries, scopeKey, limit]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: another scope is another list
  useEffect(() => {
    buffer.current = [];
    setLive(NOTHING);
  }, [scopeKey, on]);

  useStream(
    streamParams(scope),
    (session) => {
      if (!on) return;
      const { from } = rangeTimes(scope.range, Date.now());
      if (isLate(session, newest.current)) late.current = true;
      else if (from === null || Date.parse(session.started_at) >= from) buffer.current.push(session);
      if (buffer.current.length > MAX_FRESH) buffer.current.splice(0, buffer.current.length - MAX_FRESH);
    },
    () => {
      if (on && !held) reload();
    },
  );

  useEffect(() => {
    const timer = setInterval(() => {
      const arrived = buffer.current;
      if (arrived.length === 0) return;
      buffer.current = [];
      setLive(({ fresh, waiting }) =>
        held
          ? { fresh, waiting: addFresh(waiting, arrived).slice(0, MAX_FRESH) }
          : { fresh: addFresh(fresh, arrived), waiting },
      );
    }, FLUSH_MS);
    return () => clearInterval(timer);
  }, [held]);

  useEffect(() => {
    if (held) return;
    const timer = setInterval(() => {
      if (!late.current || document.hidden) return;
      late.current = false;
      void queries.invalidateQueries({ queryKey: ['sessions', JSON.parse(scopeKey), limit] });
    }, LATE_REFRESH_MS);
    return () => clearInterval(timer);
  }, [held, queries, scopeKey, limit]);

  const release = useCallback((): void => {
    setLive(({ fresh, waiting }) => ({ fresh: addFresh(fresh, waiting.toReversed()), waiting: [] }));
  }, []);

  // A list that has grown so long, or waited so long, is read anew instead: the pages then begin with the newest.
  const tooMany = live.fresh.length >= MAX_FRESH && !held;
  useEffect(() => {
    if (tooMany) reload();
  }, [tooMany, reload]);

  const pages = query.data?.pages;
  const rows = useMemo(
    () =>
      mergeLists(
        live.fresh,
        (pages ?? []).map((page) => page.data),
      ),
    [live.fresh, pages],
  );
  useEffect(() => {
    newest.current = rows[0];
  }, [rows]);
  const freshIds = useMemo(() => new Set(live.fresh.map((session) => session.id)), [live.fresh]);
  return {
    rows,
    isFresh: (id: string): boolean => freshIds.has(id),
    waiting: live.waiting.length,
    release,
    reload,
    /** Nothing is there yet. */
    pending: query.isPending,
    /** Why nothing is there; a later page that fails is `moreFailed`. */
    error: pages === undefined ? query.error : null,
    hasMore: query.hasNextPage,
    loadingMore: query.isFetchingNextPage,
    loadMore: query.fetchNextPage,
    moreFailed: query.isFetchNextPageError,
  };
}
