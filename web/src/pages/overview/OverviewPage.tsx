import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { useStream } from '../../api/stream.ts';
import type { TopRow } from '../../api/types.ts';
import { FilterBar } from '../../components/FilterBar.tsx';
import { CountryCode, Protocol, Source } from '../../components/facts.tsx';
import { RangePicker } from '../../components/RangePicker.tsx';
import { EmptyState, FirstSteps } from '../../components/states.tsx';
import { TimelineCard } from '../../components/timeline/TimelineCard.tsx';
import { type Filter, type FilterField, NO_NETWORK, type Scope, streamParams } from '../../filters/filters.ts';
import { OVERVIEW_PRESET, useScope } from '../../filters/use-scope.ts';
import { countryName } from '../../format/country.ts';
import { protocolColours } from '../../theme/protocol-colour.ts';
import { CredentialsCard } from './CredentialsCard.tsx';
import { LatestCard } from './LatestCard.tsx';
import { RankCard } from './RankCard.tsx';
import { Totals } from './Totals.tsx';
import './overview.css';

const LIMIT = 8;
/** Counts are read again at most this often while sessions come in. */
const REFRESH_MS = 5000;

const byValue =
  (field: FilterField) =>
  (row: TopRow): Filter[] =>
    row.value === null || row.value === '' ? [] : [{ field, value: String(row.value), negated: false }];

const named = (row: TopRow): string => String(row.value ?? '');

/** Names of well-known ports, for the eye; the number is what counts. */
const PORT_NAMES: Readonly<Record<string, string>> = {
  21: 'ftp',
  22: 'ssh',
  23: 'telnet',
  25: 'smtp',
  53: 'dns',
  80: 'http',
  110: 'pop3',
  143: 'imap',
  443: 'https',
  445: 'smb',
  1433: 'mssql',
  1883: 'mqtt',
  3306: 'mysql',
  3389: 'rdp',
  5060: 'sip',
  5432: 'postgres',
  5900: 'vnc',
  6379: 'redis',
  8080: 'http-alt',
  27017: 'mongodb',
};

/** Reads the counts again when something new has come in. A fixed range in the past does not change. */
function useRefresh(scope: Scope): void {
  const queries = useQueryClient();
  const dirty = useRef(false);
  const moving = scope.range.kind === 'preset';
  useStream(
    streamParams(scope),
    () => {
      dirty.current = true;
    },
    () => {
      dirty.current = true;
    },
  );
  useEffect(() => {
    if (!moving) return;
    const timer = setInterval(() => {
      if (!dirty.current || document.hidden) return;
      dirty.current = false;
      void queries.invalidateQueries({ queryKey: ['stats'] });
    }, REFRESH_MS);
    return () => clearInterval(timer);
  }, [queries, moving]);
}

export function OverviewPage() {
  const [scope, setScope] = useScope(OVERVIEW_PRESET);
  useRefresh(scope);
  useEffect(() => {
    document.title = 'Overview · Sundew';
  }, []);
  const narrowed = scope.filters.length > 0 || scope.range.kind === 'between' || scope.range.preset !== 'all';
  const empty = narrowed ? (
    <EmptyState title="No sessions in this range">
      <button
        type="button"
        className="button"
        onClick={() => setScope({ filters: [], range: { kind: 'preset', preset: 'all' } })}
      >
        Show everything
      </button>
    </EmptyState>
  ) : (
    <FirstSteps />
  );
  return (
    <main id="main" tabIndex={-1} className="page">
      <div className="page-head">
        <h1>Overview</h1>
        <RangePicker
          range={scope.range}
          fallback={OVERVIEW_PRESET}
          onChange={(range) => setScope({ ...scope, range })}
        />
      </div>
      <div className="overview-filters">
        <FilterBar scope={scope} onChange={setScope} />
      </div>
      <div className="overview">
        <div className="wide">
          <Totals scope={scope} />
        </div>
        <div className="wide">
          <TimelineCard scope={scope} onRange={(range) => setScope({ ...scope, range })} empty={empty} />
        </div>
        <div className="half">
          <RankCard
            scope={scope}
            title="Sources"
            by="src_ip"
            limit={LIMIT + 2}
            single
            columns={['Address and network']}
            cells={(row) => [
              <Source
                key="source"
                ip={row.value === null ? null : String(row.value)}
                country={row.country}
                network={row.as_org}
              />,
            ]}
            filters={byValue('src_ip')}
          />
        </div>
        <div className="half">
          <LatestCard scope={scope} />
        </div>
        <div className="third">
          <RankCard
            scope={scope}
            title="Countries"
            by="country"
            limit={LIMIT}
            columns={['Country']}
            cells={(row) => {
              const code = row.value === null ? null : String(row.value);
              return [
                <span key="country" className="country-row">
                  <CountryCode code={code} /> {countryName(code ?? '')}
                </span>,
              ];
            }}
            filters={byValue('country')}
          />
        </div>
        <div className="third">
          <RankCard
            scope={scope}
            title="Protocols"
            by="protocol"
            limit={LIMIT}
            columns={['Protocol']}
            cells={(row, rows) => {
              const name = String(row.value ?? '');
              return [<Protocol key="protocol" name={name} colour={protocolColours(rows.map(named)).get(name)} />];
            }}
            filters={byValue('protocol')}
          />
        </div>
        <div className="third">
          <RankCard
            scope={scope}
            title="Ports"
            by="dst_port"
            limit={LIMIT}
            columns={['Port']}
            cells={(row) => [
              <span key="port">
                {row.value ?? 'unknown'} <span className="soft">{PORT_NAMES[String(row.value)]}</span>
              </span>,
            ]}
            filters={byValue('dst_port')}
          />
        </div>
        <div className="half">
          <CredentialsCard scope={scope} limit={LIMIT} />
        </div>
        <div className="half">
          <RankCard
            scope={scope}
            title="Networks"
            by="asn"
            limit={LIMIT}
            columns={['Number and name']}
            cells={(row) => [
              <span key="network">
                {row.value !== null && <span className="as-number">{row.value}</span>}{' '}
                {row.as_org || (row.value === null ? 'Unknown' : '')}
              </span>,
            ]}
            filters={(row) => [{ field: 'asn', value: String(row.value ?? NO_NETWORK), negated: false }]}
          />
        </div>
      </div>
    </main>
  );
}
