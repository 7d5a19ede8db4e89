import { Link } from 'wouter';
import { Protocol, Source } from '../../components/facts.tsx';
import { EmptyState, ErrorState, SkeletonLines } from '../../components/states.tsx';
import { TimeText } from '../../components/TimeText.tsx';
import type { Scope } from '../../filters/filters.ts';
import { sessionsHref } from '../../filters/use-scope.ts';
import { useLiveSessions } from '../sessions/use-live-sessions.ts';
import { WhatHappened } from '../sessions/WhatHappened.tsx';

const SHOWN = 8;
const ROW_HEIGHT = 40;

/** The newest sessions, as they come. */
export function LatestCard({ scope }: { scope: Scope }) {
  const live = useLiveSessions(scope, { limit: SHOWN, held: false, on: true });
  const rows = live.rows.slice(0, SHOWN);
  return (
    <section className="card latest" aria-labelledby="latest-title">
      <div className="card-head">
        <h2 id="latest-title">Latest</h2>
        <Link href={sessionsHref(scope, null)}>All sessions</Link>
      </div>
      <div style={{ minHeight: SHOWN * ROW_HEIGHT + 10 }}>
        {live.pending ? (
          <div className="rank-pad latest-pad">
            <SkeletonLines lines={SHOWN} height={ROW_HEIGHT} />
          </div>
        ) : live.error !== null ? (
          <ErrorState error={live.error} onRetry={live.reload} />
        ) : rows.length === 0 ? (
          <EmptyState title="Waiting for the next session" />
        ) : (
          <ol>
            {rows.map((session) => (
              <li key={session.id} className={live.isFresh(session.id) ? 'latest-row arrived' : 'latest-row'}>
                <Link href={`/sessions/${session.id}`}>
                  <TimeText at={session.started_at} form="brief" />
                  <Protocol name={session.protocol} />
                  <Source ip={session.src_ip} country={session.country} network={null} />
                  <span className="latest-what">
                    <WhatHappened session={session} />
                  </span>
                </Link>
              </li>
            ))}
          </ol>
        )}
      </div>
    </section>
  );
}
