import { useEffect, useState } from 'react';
import { Link } from 'wouter';
import { SESSION_PAGE } from '../../api/queries.ts';
import { FilterBar } from '../../components/FilterBar.tsx';
import { Icon } from '../../components/Icon.tsx';
import { RangePicker } from '../../components/RangePicker.tsx';
import { EmptyState, ErrorState, FirstSteps, SkeletonLines } from '../../components/states.tsx';
import { overviewHref, SESSIONS_PRESET, useScope } from '../../filters/use-scope.ts';
import { plural } from '../../format/number.ts';
import { SessionTable } from './SessionTable.tsx';
import { useLiveSessions } from './use-live-sessions.ts';
import './sessions.css';

/** Scrolled further than this, new rows would push away what is being read, and wait instead. */
const AT_TOP_PX = 80;

function useAtTop(): boolean {
  const [atTop, setAtTop] = useState(() => window.scrollY < AT_TOP_PX);
  useEffect(() => {
    const scrolled = (): void => setAtTop(window.scrollY < AT_TOP_PX);
    window.addEventListener('scroll', scrolled, { passive: true });
    return () => window.removeEventListener('scroll', scrolled);
  }, []);
  return atTop;
}

export function SessionsPage() {
  const [scope, setScope] = useScope(SESSIONS_PRESET);
  const [paused, setPaused] = useState(false);
  const atTop = useAtTop();
  // A range that ends at a fixed time gets no new sessions.
  const canBeLive = scope.range.kind === 'preset';
  const live = useLiveSessions(scope, { limit: SESSION_PAGE, on: canBeLive, held: paused || !atTop });
  useEffect(() => {
    document.title = 'Sessions · Sundew';
  }, []);
  const { release } = live;
  useEffect(() => {
    if (!paused && atTop) release();
  }, [paused, atTop, release]);
  const narrowed = scope.filters.length > 0 || scope.range.kind === 'between' || scope.range.preset !== 'all';

  return (
    <main id="main" tabIndex={-1} className="page">
      <div className="page-head">
        <h1>Sessions</h1>
        <div className="sessions-tools">
          <Link href={overviewHref(scope)} className="button">
            Show as charts
          </Link>
          <button
            type="button"
            className="button live-button"
            aria-pressed={!paused && canBeLive}
            disabled={!canBeLive}
            title={
              canBeLive
                ? 'New sessions come in at the top'
                : 'This range has ended; choose one that reaches to now to go live'
            }
            onClick={() => setPaused(!paused)}
          >
            <Icon name={paused || !canBeLive ? 'play' : 'pause'} size={14} />
            {paused || !canBeLive ? 'Go live' : 'Pause'}
          </button>
          <RangePicker
            range={scope.range}
            fallback={SESSIONS_PRESET}
            onChange={(range) => setScope({ ...scope, range })}
          />
        </div>
      </div>
      <div className="sessions-filters">
        <FilterBar scope={scope} onChange={setScope} />
      </div>
      {live.waiting > 0 && (
        <button
          type="button"
          className="waiting"
          onClick={() => {
            live.release();
            window.scrollTo({ top: 0 });
          }}
        >
          <Icon name="up" size={14} /> {live.waiting >= 1000 ? '1,000 or more' : live.waiting} new
        </button>
      )}
      <section className="card sessions-card" aria-label="Sessions" aria-busy={live.pending}>
        {live.pending ? (
          <div className="sessions-skeleton">
            <SkeletonLines lines={14} height={40} />
          </div>
        ) : live.error !== null ? (
          <ErrorState error={live.error} onRetry={live.reload} />
        ) : live.rows.length === 0 ? (
          narrowed ? (
            <EmptyState title="No session matches">
              <p>Remove a filter, or widen the time range.</p>
              <button
                type="button"
                className="button"
                onClick={() => setScope({ filters: [], range: { kind: 'preset', preset: 'all' } })}
              >
                Show all sessions
              </button>
            </EmptyState>
          ) : (
            <FirstSteps />
          )
        ) : (
          <SessionTable
            rows={live.rows}
            isFresh={live.isFresh}
            hasMore={live.hasMore && !live.moreFailed}
            loadingMore={live.loadingMore}
            loadMore={live.loadMore}
          />
        )}
      </section>
      {live.rows.length > 0 && live.error === null && !live.pending && (
        <p className="sessions-end soft" role="status">
          {live.moreFailed ? (
            <button type="button" className="button" onClick={() => void live.loadMore()}>
              More could not be loaded; try again
            </button>
          ) : live.loadingMore ? (
            'Loading more…'
          ) : live.hasMore ? (
            ''
          ) : (
            `${plural(live.rows.length, 'session')}, and that is all`
          )}
        </p>
      )}
    </main>
  );
}
