import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { memo, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { Link } from 'wouter';
import type { Session } from '../../api/types.ts';
import { Protocol, Source } from '../../components/facts.tsx';
import { TimeText } from '../../components/TimeText.tsx';
import { formatDuration } from '../../format/time.ts';
import { WhatHappened } from './WhatHappened.tsx';
import { durationMs, endName, isBare } from './what-happened.ts';
import './session-table.css';

/** Heights that the style sheet gives a row: one line, or a card of three on a narrow screen. */
const ROW_HEIGHT = 40;
const CARD_HEIGHT = 96;
const NARROW = '(max-width: 640px)';
const OVERSCAN = 12;
const COLUMNS = 7;

interface RowProps {
  session: Session;
  fresh: boolean;
  index: number;
}

const Row = memo(function Row({ session, fresh, index }: RowProps) {
  const duration = durationMs(session);
  const bare = isBare(session);
  return (
    <tr className={fresh ? 'arrived' : undefined} aria-rowindex={index + 2}>
      <td className="cell-time">
        <Link href={`/sessions/${session.id}`} className="row-link" data-row={index}>
          <TimeText at={session.started_at} />
        </Link>
      </td>
      <td className="cell-source">
        <Source ip={session.src_ip} country={session.country} network={session.as_org} />
      </td>
      <td className="cell-protocol">
        <Protocol name={session.protocol} />
      </td>
      <td className="cell-port number">{session.dst_port}</td>
      <td className="cell-what">
        <WhatHappened session={session} />
      </td>
      <td className="cell-duration number">
        {bare ? null : duration === null ? 'going on' : formatDuration(duration)}
      </td>
      <td className="cell-end">{bare || duration === null ? null : endName(session.end_reason)}</td>
    </tr>
  );
});

/** Stands for the rows out of view. */
function Spacer({ height }: { height: number }) {
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a table row takes no focus
    <tr className="spacer" aria-hidden="true">
      <td colSpan={COLUMNS} style={{ height }} />
    </tr>
  );
}

function useNarrow(): boolean {
  const [narrow, setNarrow] = useState(() => window.matchMedia(NARROW).matches);
  useEffect(() => {
    const query = window.matchMedia(NARROW);
    const change = (): void => setNarrow(query.matches);
    query.addEventListener('change', change);
    return () => query.removeEventListener('change', change);
  }, []);
  return narrow;
}

interface Props {
  rows: readonly Session[];
  isFresh(id: string): boolean;
  hasMore: boolean;
  loadingMore: boolean;
  loadMore(): void;
}

/** Only the rows in view are in the page. Arrow keys go from row to row. */
export function SessionTable({ rows, isFresh, hasMore, loadingMore, loadMore }: Props) {
  const table = useRef<HTMLTableElement>(null);
  const [top, setTop] = useState(0);
  const height = useNarrow() ? CARD_HEIGHT : ROW_HEIGHT;
  useLayoutEffect(() => {
    const body = table.current?.tBodies[0];
    if (body !== undefined) setTop(body.getBoundingClientRect().top + window.scrollY);
  }, []);
  const virtual = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => height,
    overscan: OVERSCAN,
    scrollMargin: top,
    getItemKey: (index) => rows[index]?.id ?? index,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: all heights change with the layout
  useEffect(() => virtual.measure(), [height]);
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (hasMore && !loadingMore && last >= rows.length - OVERSCAN) loadMore();
  }, [hasMore, loadingMore, last, rows.length, loadMore]);

  const before = Math.max(0, (items[0]?.start ?? top) - top);
  const after = Math.max(0, virtual.getTotalSize() - ((items.at(-1)?.end ?? top) - top));

  const onKeyDown = (event: React.KeyboardEvent): void => {
    const step =
      event.key === 'ArrowDown' || event.key === 'j' ? 1 : event.key === 'ArrowUp' || event.key === 'k' ? -1 : 0;
    const row = event.target instanceof HTMLElement ? event.target.dataset.row : undefined;
    if (step === 0 || row === undefined) return;
    const next = table.current?.querySelector<HTMLElement>(`[data-row="${Number(row) + step}"]`);
    if (next === null || next === undefined) return;
    event.preventDefault();
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: 'nearest' });
  };

  return (
    <table
      ref={table}
      className="sessions"
      aria-label="Sessions, the newest first"
      aria-rowcount={hasMore ? -1 : rows.length + 1}
      onKeyDown={onKeyDown}
    >
      <thead>
        <tr aria-rowindex={1}>
          <th scope="col" className="cell-time">
            Time
          </th>
          <th scope="col" className="cell-source">
            Source
          </th>
          <th scope="col" className="cell-protocol">
            Protocol
          </th>
          <th scope="col" className="cell-port number">
            Port
          </th>
          <th scope="col" className="cell-what">
            What happened
          </th>
          <th scope="col" className="cell-duration number">
            Duration
          </th>
          <th scope="col" className="cell-end">
            End
          </th>
        </tr>
      </thead>
      <tbody>
        {before > 0 && <Spacer height={before} />}
        {items.map((item) => {
          const session = rows[item.index];
          return session === undefined ? null : (
            <Row key={session.id} session={session} fresh={isFresh(session.id)} index={item.index} />
          );
        })}
        {after > 0 && <Spacer height={after} />}
      </tbody>
    </table>
  );
}
