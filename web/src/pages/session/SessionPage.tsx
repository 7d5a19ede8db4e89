import { useEffect } from 'react';
import { Link } from 'wouter';
import { ApiError } from '../../api/client.ts';
import { useSession } from '../../api/queries.ts';
import { Icon } from '../../components/Icon.tsx';
import { visibleText } from '../../components/peer-text.ts';
import { EmptyState, ErrorState, SkeletonLines } from '../../components/states.tsx';
import { TimeText } from '../../components/TimeText.tsx';
import { EventList } from './EventList.tsx';
import { Facts } from './Facts.tsx';
import { TranscriptCard } from './Transcript.tsx';
import './session.css';

/** Goes back to the list as it was, where there is one to go back to. */
function BackLink() {
  return (
    <Link
      href="/sessions"
      className="back"
      onClick={(event) => {
        if (window.history.length < 2 || event.metaKey || event.ctrlKey) return;
        event.preventDefault();
        window.history.back();
      }}
    >
      <Icon name="left" size={14} /> Back
    </Link>
  );
}

export function SessionPage({ id }: { id: string }) {
  const query = useSession(id);
  const session = query.data;
  useEffect(() => {
    document.title = `Session ${session === undefined ? '' : `from ${session.src_ip ?? 'unknown'}`} · Sundew`;
  }, [session]);
  const missing = query.error instanceof ApiError && query.error.status === 404;
  return (
    <main id="main" tabIndex={-1} className="page">
      <div className="page-head">
        <div className="session-title">
          <BackLink />
          <h1>
            {session === undefined ? (
              'Session'
            ) : (
              <>
                {session.protocol === '' ? 'Session' : `${visibleText(session.protocol)} session`} from{' '}
                <span className="mono">{session.src_ip ?? 'unknown'}</span>
              </>
            )}
          </h1>
          {session !== undefined && (
            <span className="soft">
              <TimeText at={session.started_at} />
            </span>
          )}
        </div>
      </div>
      {session === undefined && query.error !== null ? (
        <section className="card" aria-label="Session">
          {missing ? (
            <EmptyState title="There is no session with this id">
              <p>It may have been older than the store keeps.</p>
              <Link href="/sessions" className="button">
                All sessions
              </Link>
            </EmptyState>
          ) : (
            <ErrorState error={query.error} onRetry={() => void query.refetch()} />
          )}
        </section>
      ) : (
        <div className="session">
          <section className="card session-facts" aria-label="Facts">
            {session === undefined ? (
              <div className="pad">
                <SkeletonLines lines={12} height={36} />
              </div>
            ) : (
              <Facts session={session} />
            )}
          </section>
          <div className="session-main">
            {session !== undefined && (
              <>
                <EventList sessionId={id} startedAt={session.started_at} open={session.ended_at === null} />
                <TranscriptCard sessionId={id} open={session.ended_at === null} />
              </>
            )}
          </div>
        </div>
      )}
    </main>
  );
}
