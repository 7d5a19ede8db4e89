import { useSummary } from '../../api/queries.ts';
import type { Summary } from '../../api/types.ts';
import { ErrorState } from '../../components/states.tsx';
import type { Scope } from '../../filters/filters.ts';
import { formatCompact, formatCount } from '../../format/number.ts';

const TILES: readonly { key: keyof Summary & string; label: string; hint: string }[] = [
  { key: 'sessions', label: 'Attacks', hint: 'Sessions recorded' },
  { key: 'sources', label: 'Attackers', hint: 'Distinct source addresses' },
  { key: 'logins', label: 'Logins tried', hint: 'User names and passwords tried' },
  { key: 'commands', label: 'Commands', hint: 'Commands and statements given' },
  { key: 'files', label: 'Files', hint: 'Files captured' },
  { key: 'countries', label: 'Countries', hint: 'Countries that sources are in' },
  { key: 'sensors', label: 'Sensors', hint: 'Sensors that recorded something' },
];

export function Totals({ scope }: { scope: Scope }) {
  const query = useSummary(scope);
  if (query.data === undefined && query.error !== null) {
    return (
      <section className="card totals-error" aria-label="Totals">
        <ErrorState error={query.error} onRetry={() => void query.refetch()} />
      </section>
    );
  }
  return (
    <section aria-label="Totals" className="card">
      <dl className={query.isPlaceholderData ? 'totals fetching' : 'totals'}>
        {TILES.map(({ key, label, hint }) => {
          const value = query.data?.[key];
          return (
            <div key={key} className="total">
              <dt title={hint}>{label}</dt>
              <dd title={typeof value === 'number' ? formatCount(value) : undefined}>
                {typeof value === 'number' ? (
                  value < 1_000_000 ? (
                    formatCount(value)
                  ) : (
                    formatCompact(value)
                  )
                ) : (
                  <span className="skeleton" />
                )}
              </dd>
            </div>
          );
        })}
      </dl>
    </section>
  );
}
