import { useEvents } from '../../api/queries.ts';
import type { EventRecord } from '../../api/types.ts';
import { EmptyState, ErrorState, SkeletonLines } from '../../components/states.tsx';
import { formatOffset } from '../../format/time.ts';
import { EventBody } from './EventBody.tsx';

const TITLES: Readonly<Record<string, string>> = {
  'session.opened': 'Connected',
  'session.closed': 'Session ended',
  'auth.attempt': 'Login attempt',
  'command.input': 'Command',
  query: 'Query',
  request: 'Request',
  'file.captured': 'File captured',
  'file.requested': 'Asked to fetch',
  'file.reported': 'File reported',
  'rpc.call': 'Remote procedure call',
  'peer.fingerprint': 'Fingerprint',
  'peer.malformed': 'Malformed input',
  'limit.reached': 'Limit reached',
  'exploit.matched': 'Exploit recognised',
  'probe.seen': 'Probes',
};

function tone(event: EventRecord): string {
  switch (event.type) {
    case 'exploit.matched':
    case 'file.captured':
    case 'file.requested':
      return 'grave';
    case 'auth.attempt':
      return event.fields.accepted === true ? 'warn' : 'plain';
    case 'command.input':
    case 'query':
      return 'warn';
    default:
      return 'plain';
  }
}

interface Props {
  sessionId: string;
  startedAt: string;
  open: boolean;
}

/** Everything that happened in a session, in order. */
export function EventList({ sessionId, startedAt, open }: Props) {
  const query = useEvents(sessionId, open);
  const start = Date.parse(startedAt);
  const events = query.data?.pages.flatMap((page) => page.data) ?? [];
  return (
    <section className="card" aria-labelledby="events-title">
      <div className="card-head">
        <h2 id="events-title">What happened</h2>
      </div>
      {query.data === undefined ? (
        query.error === null ? (
          <div className="pad">
            <SkeletonLines lines={6} height={44} />
          </div>
        ) : (
          <ErrorState error={query.error} onRetry={() => void query.refetch()} />
        )
      ) : events.length === 0 ? (
        <EmptyState title="No events are kept of this session" />
      ) : (
        <ol className="events">
          {events.map((event) => (
            <li key={event.id} className="event" data-tone={tone(event)}>
              <time dateTime={event.at} title={event.at}>
                {formatOffset(Date.parse(event.at) - start)}
              </time>
              <div className="event-body">
                <h3 title={event.type}>{TITLES[event.type] ?? event.type}</h3>
                <EventBody type={event.type} fields={event.fields} />
              </div>
            </li>
          ))}
        </ol>
      )}
      {query.hasNextPage && (
        <p className="pad">
          <button
            type="button"
            className="button"
            disabled={query.isFetchingNextPage}
            onClick={() => void query.fetchNextPage()}
          >
            {query.isFetchingNextPage ? 'Loading…' : 'Show more events'}
          </button>
        </p>
      )}
    </section>
  );
}
