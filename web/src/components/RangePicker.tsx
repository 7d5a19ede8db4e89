import type { Preset, Range } from '../filters/filters.ts';
import { formatBucket, MINUTE_MS } from '../format/time.ts';
import { usePreferences } from '../theme/preferences.tsx';
import { Icon } from './Icon.tsx';
import { Segmented } from './Segmented.tsx';

const OPTIONS: readonly { value: Preset; label: string; hint: string }[] = [
  { value: '1h', label: '1 h', hint: 'Last hour' },
  { value: '24h', label: '24 h', hint: 'Last 24 hours' },
  { value: '7d', label: '7 d', hint: 'Last 7 days' },
  { value: '30d', label: '30 d', hint: 'Last 30 days' },
  { value: 'all', label: 'All', hint: 'All time' },
];

interface Props {
  range: Range;
  fallback: Preset;
  onChange(range: Range): void;
}

export function RangePicker({ range, fallback, onChange }: Props) {
  const { zone } = usePreferences();
  return (
    <div className="range-picker">
      {range.kind === 'between' && (
        <span className="chip">
          <span className="chip-text">
            {formatBucket(Date.parse(range.from), MINUTE_MS, zone)} –{' '}
            {formatBucket(Date.parse(range.to), MINUTE_MS, zone)}
          </span>
          <button
            type="button"
            className="chip-remove"
            aria-label="Leave this time range"
            onClick={() => onChange({ kind: 'preset', preset: fallback })}
          >
            <Icon name="close" size={12} />
          </button>
        </span>
      )}
      <Segmented
        label="Time range"
        value={range.kind === 'preset' ? range.preset : null}
        options={OPTIONS}
        onChange={(preset) => onChange({ kind: 'preset', preset })}
      />
    </div>
  );
}
