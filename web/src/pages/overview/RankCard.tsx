import { type ReactNode, useId, useState } from 'react';
import { Link } from 'wouter';
import { type Measure, useTop } from '../../api/queries.ts';
import type { TopField, TopRow } from '../../api/types.ts';
import { EmptyState, ErrorState, SkeletonLines } from '../../components/states.tsx';
import type { Filter, Scope } from '../../filters/filters.ts';
import { sessionsHref } from '../../filters/use-scope.ts';
import { formatCount } from '../../format/number.ts';
import './rank-card.css';

interface Props {
  scope: Scope;
  title: string;
  by: TopField;
  limit: number;
  /** The heads of the columns that a row's value fills. */
  columns: readonly string[];
  /** The cells of those columns. The first holds the row's link. */
  cells(row: TopRow, rows: readonly TopRow[]): readonly ReactNode[];
  /** What a row's link narrows the sessions to; none where nothing can be asked. */
  filters(row: TopRow): readonly Filter[];
  /** A row is one attacker: then only attacks are counted. */
  single?: boolean;
  actions?: ReactNode;
}

const MEASURES: readonly { measure: Measure; label: string; hint: string }[] = [
  { measure: 'sources', label: 'Attackers', hint: 'Distinct source addresses' },
  { measure: 'sessions', label: 'Attacks', hint: 'Sessions' },
];
const ROW_HEIGHT = 30;

function rowKey(row: TopRow): string {
  return JSON.stringify([row.value, row.username, row.password]);
}

/** The most frequent values of a field, by attackers or by attacks: the head of a column sorts by it. */
export function RankCard({ scope, title, by, limit, columns, cells, filters, single = false, actions }: Props) {
  const [measure, setMeasure] = useState<Measure>('sessions');
  const query = useTop(scope, by, measure, limit);
  const titleId = useId();
  const rows = query.data?.data ?? [];
  const most = Math.max(1, ...rows.map((row) => row[measure]));
  const shown = single ? MEASURES.slice(1) : MEASURES;
  return (
    <section className="card rank" aria-labelledby={titleId}>
      <div className="card-head">
        <h2 id={titleId}>{title}</h2>
        {actions}
      </div>
      <div className="rank-body" style={{ minHeight: ROW_HEIGHT * (limit + 1) + 10 }}>
        {query.data === undefined ? (
          query.error === null ? (
            <div className="rank-pad">
              <SkeletonLines lines={limit} height={ROW_HEIGHT} />
            </div>
          ) : (
            <ErrorState error={query.error} onRetry={() => void query.refetch()} />
          )
        ) : rows.length === 0 ? (
          <EmptyState title="Nothing in this range" />
        ) : (
          <table className={query.isPlaceholderData ? 'fetching' : undefined}>
            <thead>
              <tr>
                {columns.map((column) => (
                  <th key={column} scope="col">
                    {column}
                  </th>
                ))}
                {shown.map(({ measure: name, label, hint }) => (
                  <th
                    key={name}
                    scope="col"
                    className="number"
                    aria-sort={measure === name && !single ? 'descending' : undefined}
                  >
                    {single ? (
                      label
                    ) : (
                      <button type="button" title={`${hint}; rank by these`} onClick={() => setMeasure(name)}>
                        {label}
                      </button>
                    )}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => {
                const wanted = filters(row);
                const [first, ...others] = cells(row, rows);
                const narrowed: Scope = { ...scope, filters: [...scope.filters, ...wanted] };
                return (
                  <tr key={rowKey(row)} style={{ '--share': row[measure] / most }}>
                    <th scope="row">
                      {wanted.length === 0 ? (
                        <span className="rank-name">{first}</span>
                      ) : (
                        <Link href={sessionsHref(narrowed, null)} className="rank-name">
                          {first}
                        </Link>
                      )}
                    </th>
                    {others.map((cell, at) => (
                      <td key={columns[at + 1]}>
                        <span className="rank-name">{cell}</span>
                      </td>
                    ))}
                    {shown.map(({ measure: name }) => (
                      <td key={name} className={name === measure || single ? 'number ranked' : 'number'}>
                        {formatCount(row[name])}
                      </td>
                    ))}
                  </tr>
                );
              })}
            </tbody>
          </table>
        )}
      </div>
    </section>
  );
}
