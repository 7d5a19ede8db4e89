import { type PointerEvent, useState } from 'react';
import { formatCompact, formatCount } from '../../format/number.ts';
import { DAY_MS, formatBucket, formatTick, type Zone } from '../../format/time.ts';
import { protocolColours } from '../../theme/protocol-colour.ts';
import { visibleText } from '../peer-text.ts';
import { type Bars, barTotals, timeTicks, valueTicks } from './model.ts';

export const CHART_HEIGHT = 232;
const TOP = 10;
const BOTTOM = 24;
const LEFT = 46;
const RIGHT = 2;
const PLOT = CHART_HEIGHT - TOP - BOTTOM;
/** Pixels that a label of the time axis takes. */
const TICK_ROOM = 70;
/** A shorter drag is a click. */
const MIN_DRAG = 6;
const READOUT_WIDTH = 190;

interface Props {
  bars: Bars;
  /** In pixels; 0 before the first layout. */
  width: number;
  hidden: ReadonlySet<string>;
  zone: Zone;
  description: string;
  /** Called with the two ends of what was dragged over. */
  onZoom(from: number, to: number): void;
}

interface Drag {
  from: number;
  to: number;
}

/** Stacked bars, one path per series. Dragging chooses a span; hovering reads a bar out. */
export function TimelineChart({ bars, width, hidden, zone, description, onZoom }: Props) {
  const [hover, setHover] = useState<number | null>(null);
  const [drag, setDrag] = useState<Drag | null>(null);

  const colours = protocolColours(bars.series.map(({ name }) => name));
  const totals = barTotals(bars, hidden);
  const ticks = valueTicks(Math.max(0, ...totals));
  const most = ticks.at(-1) ?? 1;
  const plotWidth = Math.max(0, width - LEFT - RIGHT);
  const slot = bars.starts.length === 0 ? 0 : plotWidth / bars.starts.length;
  const gap = slot > 5 ? Math.min(3, slot * 0.18) : 0;
  const first = bars.starts[0] ?? 0;
  const end = first + bars.starts.length * bars.stepMs;
  const x = (at: number): number => LEFT + ((at - first) / Math.max(1, end - first)) * plotWidth;
  const y = (value: number): number => TOP + PLOT - (value / most) * PLOT;
  const offsetMs = zone === 'utc' || bars.stepMs >= DAY_MS ? 0 : -new Date(first).getTimezoneOffset() * 60_000;
  const axis = timeTicks(first, end, Math.max(2, Math.floor(plotWidth / TICK_ROOM)), offsetMs);

  const base = new Array<number>(bars.starts.length).fill(0);
  const paths = bars.series.map(({ name }, at) => {
    if (hidden.has(name)) return { name, path: '' };
    let path = '';
    for (const [bar, value] of (bars.counts[at] ?? []).entries()) {
      if (value === 0) continue;
      const below = base[bar] ?? 0;
      base[bar] = below + value;
      // At least a hair high, so that a single session beside thousands can be seen.
      const height = Math.max(1, y(below) - y(below + value));
      path += `M${(LEFT + bar * slot + gap / 2).toFixed(1)} ${y(below).toFixed(1)}v${(-height).toFixed(1)}h${(slot - gap).toFixed(1)}v${height.toFixed(1)}z`;
    }
    return { name, path };
  });

  const barAt = (event: PointerEvent): number | null => {
    const px = event.clientX - event.currentTarget.getBoundingClientRect().left - LEFT;
    const bar = Math.floor(px / slot);
    return bar >= 0 && bar < bars.starts.length ? bar : null;
  };
  const pixel = (event: PointerEvent): number =>
    Math.min(width - RIGHT, Math.max(LEFT, event.clientX - event.currentTarget.getBoundingClientRect().left));
  const finish = (): void => {
    if (drag !== null && Math.abs(drag.to - drag.from) >= MIN_DRAG) {
      const bar = (px: number): number => Math.floor((px - LEFT) / slot);
      const low = Math.max(0, bar(Math.min(drag.from, drag.to)));
      const high = Math.min(bars.starts.length - 1, bar(Math.max(drag.from, drag.to)));
      onZoom(first + low * bars.stepMs, first + (high + 1) * bars.stepMs);
    }
    setDrag(null);
  };

  const readoutX = hover === null ? 0 : LEFT + (hover + 0.5) * slot;
  return (
    <div className="timeline-plot" style={{ height: CHART_HEIGHT }}>
      {width > 0 && (
        <svg
          width={width}
          height={CHART_HEIGHT}
          role="img"
          aria-label={description}
          onPointerMove={(event) => {
            setHover(barAt(event));
            if (drag !== null) setDrag({ ...drag, to: pixel(event) });
          }}
          onPointerDown={(event) => {
            if (event.pointerType !== 'mouse' || event.button !== 0) return;
            event.currentTarget.setPointerCapture(event.pointerId);
            setDrag({ from: pixel(event), to: pixel(event) });
          }}
          onPointerUp={finish}
          onPointerLeave={() => setHover(null)}
          onPointerCancel={() => setDrag(null)}
        >
          {ticks.map((tick) => (
            <g key={tick}>
              <line
                className="grid"
                x1={LEFT}
                x2={width - RIGHT}
                y1={Math.round(y(tick)) + 0.5}
                y2={Math.round(y(tick)) + 0.5}
              />
              <text className="axis" x={LEFT - 8} y={y(tick) + 4} textAnchor="end">
                {formatCompact(tick)}
              </text>
            </g>
          ))}
          {hover !== null && <rect className="hover" x={LEFT + hover * slot} y={TOP} width={slot} height={PLOT} />}
          {paths.map(
            ({ name, path }) => path !== '' && <path key={name} d={path} style={{ fill: colours.get(name) }} />,
          )}
          {axis.at.map((at) => (
            <text
              key={at}
              className="axis"
              x={x(at)}
              y={CHART_HEIGHT - 6}
              textAnchor={x(at) < LEFT + 20 ? 'start' : 'middle'}
            >
              {x(at) < width - 18 ? formatTick(at, axis.unit, bars.stepMs >= DAY_MS ? 'utc' : zone) : ''}
            </text>
          ))}
          {drag !== null && (
            <rect
              className="drag"
              x={Math.min(drag.from, drag.to)}
              y={TOP}
              width={Math.abs(drag.to - drag.from)}
              height={PLOT}
            />
          )}
        </svg>
      )}
      {hover !== null && (
        <div
          className="readout"
          aria-hidden="true"
          style={
            readoutX + READOUT_WIDTH + 16 < width
              ? { left: readoutX + slot / 2 + 8 }
              : { right: Math.max(0, width - readoutX + slot / 2 + 8) }
          }
        >
          <div className="readout-head">
            <span>{formatBucket(bars.starts[hover] ?? 0, bars.stepMs, zone)}</span>
            <b>{formatCount(totals[hover] ?? 0)}</b>
          </div>
          {bars.series.map(({ name }, at) => {
            const value = bars.counts[at]?.[hover] ?? 0;
            if (value === 0 || hidden.has(name)) return null;
            return (
              <div key={name} className="readout-row">
                <i className="swatch" style={{ background: colours.get(name) }} />
                <span>{visibleText(name)}</span>
                <b>{formatCount(value)}</b>
              </div>
            );
          })}
        </div>
      )}
    </div>
  );
}
