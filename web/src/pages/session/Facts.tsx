import type { ReactNode } from 'react';
import { Link } from 'wouter';
import type { Session } from '../../api/types.ts';
import { CopyButton } from '../../components/CopyButton.tsx';
import { Protocol, Severity, severityName } from '../../components/facts.tsx';
import { PeerText } from '../../components/PeerText.tsx';
import { visibleText } from '../../components/peer-text.ts';
import { TimeText } from '../../components/TimeText.tsx';
import type { FilterField } from '../../filters/filters.ts';
import { countryName } from '../../format/country.ts';
import { formatBytes, formatCount, plural } from '../../format/number.ts';
import { formatDuration } from '../../format/time.ts';
import { durationMs, endName, isBare } from '../sessions/what-happened.ts';

/** A value that leads to the sessions which share it. */
function Same({ field, value, children }: { field: FilterField; value: string | number; children: ReactNode }) {
  return (
    <Link href={`/sessions?${new URLSearchParams({ [field]: String(value) })}`} title="Other sessions with the same">
      {children}
    </Link>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function endpoint(address: string | null, port: number | null): string {
  const host = address ?? 'unknown';
  return port === null ? host : `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

export function Facts({ session }: { session: Session }) {
  const duration = durationMs(session);
  const place = [session.city, session.country === null ? null : countryName(session.country)].filter(
    (part) => part !== null && part !== '',
  );
  return (
    <dl className="facts">
      <Fact name="Source">
        {session.src_ip === null ? (
          'unknown'
        ) : (
          <>
            <Same field="src_ip" value={session.src_ip}>
              <span className="mono">{session.src_ip}</span>
            </Same>
            {session.src_port !== null && <span className="soft"> port {session.src_port}</span>}
            <CopyButton text={session.src_ip} label="Copy the address" />
          </>
        )}
      </Fact>
      <Fact name="Place">
        {session.country === null || session.country === '' ? (
          'unknown'
        ) : (
          <Same field="country" value={session.country}>
            {place.join(', ')}
          </Same>
        )}
      </Fact>
      <Fact name="Network">
        {session.asn === null ? (
          'unknown'
        ) : (
          <>
            <Same field="asn" value={session.asn}>
              AS{session.asn}
            </Same>{' '}
            {session.as_org ?? ''}
          </>
        )}
      </Fact>
      <Fact name="Protocol">
        <Same field="protocol" value={session.protocol}>
          <Protocol name={session.protocol} />
        </Same>
        {session.transport !== '' && <span className="soft"> over {session.transport.toUpperCase()}</span>}
      </Fact>
      <Fact name="Decoy">
        <span className="mono">{endpoint(session.dst_ip, session.dst_port)}</span>
      </Fact>
      <Fact name="Sensor">
        <Same field="sensor" value={session.sensor}>
          {visibleText(session.sensor)}
        </Same>
        {session.honeypot !== 'sundew' && <span className="soft"> ({visibleText(session.honeypot)})</span>}
      </Fact>
      <Fact name="Began">
        <TimeText at={session.started_at} form="exact" />
      </Fact>
      {!isBare(session) && (
        <>
          <Fact name="Lasted">
            {duration === null ? 'still going on' : `${formatDuration(duration)}; ${endName(session.end_reason)}`}
          </Fact>
          <Fact name="Bytes">
            <span title={`${formatCount(session.bytes_in)} in, ${formatCount(session.bytes_out)} out`}>
              {formatBytes(session.bytes_in)} in, {formatBytes(session.bytes_out)} out
            </span>
          </Fact>
        </>
      )}
      <Fact name="Severity">
        <span className="inline">
          <Severity level={session.severity} /> {severityName(session.severity)}
        </span>
      </Fact>
      {session.client !== '' && (
        <Fact name="Client">
          <PeerText text={session.client} limit={200} block />
        </Fact>
      )}
      {session.ja4 !== '' && (
        <Fact name="JA4">
          <span className="mono">{session.ja4}</span>
          <CopyButton text={session.ja4} label="Copy the JA4 fingerprint" />
        </Fact>
      )}
      {session.hassh !== '' && (
        <Fact name="HASSH">
          <span className="mono">{session.hassh}</span>
          <CopyButton text={session.hassh} label="Copy the HASSH fingerprint" />
        </Fact>
      )}
      {session.tags.length > 0 && (
        <Fact name="Tags">
          {session.tags.map((tag) => (
            <Same key={tag} field="tag" value={tag}>
              <span className="badge">{visibleText(tag)}</span>
            </Same>
          ))}
        </Fact>
      )}
      {session.techniques.length > 0 && (
        <Fact name="ATT&CK">
          {session.techniques.map((technique) => (
            <span key={technique} className="badge">
              {technique}
            </span>
          ))}
        </Fact>
      )}
      {session.ports.length > 0 && (
        <Fact name="Probed">
          {plural(session.ports.length, 'port')}
          {session.scan !== '' && ` (${session.scan})`}
        </Fact>
      )}
      {session.origin !== '' && (
        <Fact name="Import">
          <PeerText text={session.origin} limit={300} block />
        </Fact>
      )}
      <Fact name="Received">
        <TimeText at={session.received_at} form="exact" />
      </Fact>
      <Fact name="Id">
        <span className="mono">{session.id}</span>
        <CopyButton text={session.id} label="Copy the id" />
      </Fact>
    </dl>
  );
}
