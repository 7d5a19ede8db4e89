import { formatBrief, formatExact, formatTime } from '../format/time.ts';
import { usePreferences } from '../theme/preferences.tsx';

interface Props {
  at: string;
  /** `brief` is the time of a day, or of an earlier day its date; `exact` has milliseconds and the zone. */
  form?: 'short' | 'brief' | 'exact';
}

/** A time in the viewer's zone, with the same time in the other zone on hover. */
export function TimeText({ at, form = 'short' }: Props) {
  const { zone } = usePreferences();
  const ms = Date.parse(at);
  if (Number.isNaN(ms)) return <span>{at}</span>;
  const text =
    form === 'brief'
      ? formatBrief(ms, zone, Date.now())
      : form === 'exact'
        ? formatExact(ms, zone)
        : formatTime(ms, zone, Date.now());
  return (
    <time dateTime={at} title={formatExact(ms, zone === 'utc' ? 'local' : 'utc')}>
      {text}
    </time>
  );
}
