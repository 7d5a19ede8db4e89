import { useMemo, useState } from 'react';
import { useTranscript } from '../../api/queries.ts';
import { Icon } from '../../components/Icon.tsx';
import { PeerText } from '../../components/PeerText.tsx';
import { Segmented } from '../../components/Segmented.tsx';
import { EmptyState, ErrorState, SkeletonLines } from '../../components/states.tsx';
import { bytesFromBase64, hexLines, textFromBytes } from '../../format/bytes.ts';
import { formatBytes } from '../../format/number.ts';
import { formatOffset } from '../../format/time.ts';
import { type Part, splitParts } from './transcript.ts';

type View = 'text' | 'hex';

const VIEWS: readonly { value: View; label: string }[] = [
  { value: 'text', label: 'Text' },
  { value: 'hex', label: 'Hex' },
];
/** Parts shown at once, and bytes of one part: more on request, so that a long session opens at once. */
const PARTS = 200;
const PART_BYTES = 4096;
const TEXT_LIMIT = 1200;

function PartBody({ part, view }: { part: Part; view: View }) {
  const [whole, setWhole] = useState(false);
  const all = useMemo(() => bytesFromBase64(part.data), [part.data]);
  const bytes = whole ? all : all.subarray(0, PART_BYTES);
  return (
    <>
      {view === 'text' ? (
        <PeerText text={textFromBytes(bytes)} limit={TEXT_LIMIT} block />
      ) : (
        <div className="hex">
          {hexLines(bytes).map((line) => (
            <div key={line.offset}>
              <span className="soft">{line.offset}</span> {line.hex} <span>{line.ascii}</span>
            </div>
          ))}
        </div>
      )}
      {bytes.length < all.length && (
        <button type="button" className="link-button" onClick={() => setWhole(true)}>
          Show all {formatBytes(all.length)}
        </button>
      )}
    </>
  );
}

/** The bytes of both sides as they went over the wire. */
export function TranscriptCard({ sessionId, open }: { sessionId: string; open: boolean }) {
  const query = useTranscript(sessionId, open);
  const [view, setView] = useState<View>('text');
  const [limit, setLimit] = useState(PARTS);
  const parts = useMemo(() => splitParts(query.data?.data ?? []), [query.data]);
  return (
    <section className="card" aria-labelledby="transcript-title">
      <div className="card-head">
        <h2 id="transcript-title">
          Transcript{' '}
          {query.data?.truncated && <span className="badge warn">cut: the session was longer than is kept</span>}
        </h2>
        <Segmented label="Show bytes as" value={view} options={VIEWS} onChange={(next) => setView(next)} />
      </div>
      {query.data === undefined ? (
        query.error === null ? (
          <div className="pad">
            <SkeletonLines lines={5} height={32} />
          </div>
        ) : (
          <ErrorState error={query.error} onRetry={() => void query.refetch()} />
        )
      ) : parts.length === 0 ? (
        <EmptyState title="No bytes were exchanged, or none were kept" />
      ) : (
        <ol className="transcript">
          {parts.slice(0, limit).map((part) => (
            <li key={part.key} className="part" data-direction={part.direction}>
              <div className="part-head">
                <Icon name={part.direction} size={13} />
                <span>{part.direction === 'in' ? 'Source' : 'Decoy'}</span>
                <span className="soft">{formatOffset(part.offsetMs)}</span>
                <span className="soft">{formatBytes(part.bytes)}</span>
              </div>
              <PartBody part={part} view={view} />
            </li>
          ))}
        </ol>
      )}
      {parts.length > limit && (
        <p className="pad">
          <button type="button" className="button" onClick={() => setLimit(limit + PARTS)}>
            Show more of {parts.length} parts
          </button>
        </p>
      )}
    </section>
  );
}
