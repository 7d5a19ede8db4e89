import { useState } from 'react';
import type { TopRow } from '../../api/types.ts';
import { PeerText } from '../../components/PeerText.tsx';
import { Segmented } from '../../components/Segmented.tsx';
import type { Filter, Scope } from '../../filters/filters.ts';
import { RankCard } from './RankCard.tsx';

type View = 'credential' | 'username' | 'password';

const VIEWS: readonly { value: View; label: string }[] = [
  { value: 'credential', label: 'Pairs' },
  { value: 'username', label: 'Names' },
  { value: 'password', label: 'Passwords' },
];
const COLUMNS: Readonly<Record<View, readonly string[]>> = {
  credential: ['User name', 'Password'],
  username: ['User name'],
  password: ['Password'],
};

const asText = (value: string | number | null | undefined): string | null =>
  value === null || value === undefined ? null : String(value);

function values(row: TopRow, view: View): readonly [field: 'username' | 'password', value: string | null][] {
  if (view !== 'credential') return [[view, asText(row.value)]];
  return [
    ['username', asText(row.username)],
    ['password', asText(row.password)],
  ];
}

/** What was tried most. */
export function CredentialsCard({ scope, limit }: { scope: Scope; limit: number }) {
  const [view, setView] = useState<View>('credential');
  return (
    <RankCard
      key={view}
      scope={scope}
      title="Credentials"
      by={view}
      limit={limit}
      columns={COLUMNS[view]}
      cells={(row) =>
        values(row, view).map(([field, value]) => (
          <PeerText key={field} text={value} limit={80} none={field === 'password' ? 'hash only' : 'none'} />
        ))
      }
      filters={(row) =>
        values(row, view).flatMap(([field, value]): Filter[] =>
          value === null ? [] : [{ field, value, negated: false }],
        )
      }
      actions={<Segmented label="Rank" value={view} options={VIEWS} onChange={(next) => setView(next)} />}
    />
  );
}
