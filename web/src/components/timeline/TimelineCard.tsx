import { type ReactNode, useMemo, useState } from 'react';
import { Link } from 'wouter';
import { useTimeline } from '../../api/queries.ts';
import { type Range, rangeTimes, type Scope } from '../../filters/filters.ts';
import { sessionsHref } from '../../filters/use-scope.ts';
import { formatCount, plural } from '../../format/number.ts';
import { formatBucket, stepName } from '../../format/time.ts';
import { usePreferences } from '../../theme/preferences.tsx';
import { protocolColours } from '../../theme/protocol-colour.ts';
import { visibleText } from '../peer-text.ts';
import { ErrorState } from '../states.tsx';
import { type Bars, barTotals, makeBars } from './model.ts';
import { CHART_HEIGHT, TimelineChart } from './TimelineChart.tsx';
import { useWidth } from './use-width.ts';
import './timeline.css';

const SERIES = 8;
/** So many bars at most, and none thinner than this many pixels. */
const MAX_BARS = 180;
const MIN_BAR_PX = 6;
/** Rows of the table: the newest bars that hold anything. */
const MAX_ROWS = 200;

/** What the style sheet puts below the chart. */
const BODY_PADDING = 8;

interface Props {
  scope: Scope;
  onRange(range: Range): void;
  /** What stands there when there is nothing to draw. */
  empty: ReactNode;
}

function span(bars: Bars, bar: number): Range {
  const at = bars.starts[bar] ?? 0;
  return { kind: 'between', from: new Date(at).toISOString(), to: new Date(at + bars.stepMs).toISOString() };
}

function TimelineTable({ bars, scope }: { bars: Bars; scope: Scope }) {
  const { zone } = usePreferences();
  const totals = barTotals(bars, new Set());
  const rows = totals.flatMap((total, bar) => (total > 0 ? [bar] : [])).reverse();
  return (
    <section
      className="timeline-table"
      style={{ height: CHART_HEIGHT }}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
      tabIndex={0}
      aria-label="Sessions over time, as a table"
    >
      <table className="data-table">
        <thead>
          <tr>
            <th scope="col">From</th>
            {bars.series.map(({ name }) => (
              <th key={name} scope="col" className="number">
                {visibleText(name)}
              </th>
            ))}
            <th scope="col" className="number">
              All
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, MAX_ROWS).map((bar) => (
            <tr key={bar}>
              <th scope="row">
                <Link href={sessionsHref({ ...scope, range: span(bars, bar) }, null)}>
                  {formatBucket(bars.starts[bar] ?? 0, bars.stepMs, zone)}
                </Link>
              </th>
              {bars.series.map(({ name }, at) => (
                <td key={name} className="number">
                  {formatCount(bars.counts[at]?.[bar] ?? 0)}
                </td>
              ))}
              <td className="number">{formatCount(totals[bar] ?? 0)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

export function TimelineCard({ scope, onRange, empty }: Props) {
  const { zone } = usePreferences();
  const query = useTimeline(scope, SERIES);
  const [body, width] = useWidth<HTMLDivElement>();
  const maxBars = Math.min(MAX_BARS, Math.max(20, Math.floor(width / MIN_BAR_PX)));
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [asTable, setAsTable] = useState(false);
  const bars = useMemo(() => {
    if (query.data === undefined) return null;
    const { from, to } = rangeTimes(scope.range, query.data.askedAt);
    return makeBars(query.data.timeline, from, to ?? query.data.askedAt, maxBars);
  }, [query.data, scope.range, maxBars]);

  const toggle = (name: string): void => {
    const next = new Set(hidden);
    if (!next.delete(name)) next.add(name);
    // Hiding everything would leave an empty chart: then all come back.
    setHidden(bars?.series.every((series) => next.has(series.name)) ? new Set() : next);
  };

  const colours = protocolColours(bars?.series.map(({ name }) => name) ?? []);
  const totals = bars === null ? [] : barTotals(bars, new Set());
  const all = totals.reduce((sum, value) => sum + value, 0);
  const peak = totals.indexOf(Math.max(0, ...totals));
  const description =
    bars === null || peak < 0
      ? 'Sessions over time'
      : `Sessions over time by protocol: ${plural(all, 'session')}, at most ${formatCount(totals[peak] ?? 0)} in one ${stepName(bars.stepMs)}, at ${formatBucket(bars.starts[peak] ?? 0, bars.stepMs, zone)}. The numbers are in the table.`;

  return (
    <section className="card timeline" aria-labelledby="timeline-title">
      <div className="card-head">
        <h2 id="timeline-title">
          Sessions over time
          {bars !== null && bars.starts.length > 0 && (
            <span className="timeline-step"> per {stepName(bars.stepMs)}</span>
          )}
        </h2>
        <ul className="legend" aria-label="Protocols shown">
          {bars?.series.map(({ name, total }) => (
            <li key={name}>
              <button
                type="button"
                aria-pressed={!hidden.has(name)}
                title={`${plural(total, 'session')}; ${hidden.has(name) ? 'show' : 'hide'}`}
                onClick={() => toggle(name)}
              >
                <i
                  className="swatch"
                  style={{ background: hidden.has(name) ? 'var(--line-strong)' : colours.get(name) }}
                />
                {visibleText(name)}
              </button>
            </li>
          ))}
        </ul>
        {bars !== null && bars.starts.length > 0 && (
          <button type="button" className="link-button" aria-pressed={asTable} onClick={() => setAsTable(!asTable)}>
            {asTable ? 'Show as chart' : 'Show as table'}
          </button>
        )}
      </div>
      <div
        className={query.isPlaceholderData ? 'timeline-body fetching' : 'timeline-body'}
        style={{ minHeight: CHART_HEIGHT + BODY_PADDING }}
      >
        <div ref={body} />
        {bars === null ? (
          query.error === null ? (
            <div className="timeline-skeleton skeleton" style={{ height: CHART_HEIGHT - 40 }} />
          ) : (
            <ErrorState error={query.error} onRetry={() => void query.refetch()} />
          )
        ) : bars.starts.length === 0 ? (
          empty
        ) : asTable ? (
          <TimelineTable bars={bars} scope={scope} />
        ) : (
          <TimelineChart
            bars={bars}
            width={width}
            hidden={hidden}
            zone={zone}
            description={description}
            onZoom={(from, to) =>
              onRange({ kind: 'between', from: new Date(from).toISOString(), to: new Date(to).toISOString() })
            }
          />
        )}
      </div>
    </section>
  );
}
