import { formatClock, formatExact, formatTime } from '../format/time.ts';
import { usePreferences } from '../theme/preferences.tsx';

interface Props {
  at: string;
  /** `clock` leaves out the day, `exact` has milliseconds and the zone. */
  form?: 'short' | 'clock' | 'exact';
}

/** A time in the viewer's zone, with the same time in the other zone on hover. */
export function TimeText({ at, form = 'short' }: Props) {
  const { zone } = usePreferences();
  const ms = Date.parse(at);
  if (Number.isNaN(ms)) return <span>{at}</span>;
  const text =
    form === 'clock'
      ? formatClock(ms, zone)
      : form === 'exact'
        ? formatExact(ms, zone)
        : formatTime(ms, zone, Date.now());
  return (
    <time dateTime={at} title={formatExact(ms, zone === 'utc' ? 'local' : 'utc')}>
      {text}
    </time>
  );
}
