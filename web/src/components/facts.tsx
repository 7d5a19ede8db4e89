/** Small pieces that say one fact about a session, the same everywhere. */
import { countryName, isCountryCode } from '../format/country.ts';
import { protocolColour } from '../theme/protocol-colour.ts';
import { PeerText } from './PeerText.tsx';
import './facts.css';

/** Protocol names of imported records are as free as peer text, and some have none. */
export function Protocol({ name, colour = protocolColour(name) }: { name: string; colour?: string | undefined }) {
  return (
    <span className="protocol">
      <i className="swatch" style={{ background: colour }} />
      {name === '' ? 'unknown' : /^[\w.+-]{1,24}$/.test(name) ? name : <PeerText text={name} limit={24} />}
    </span>
  );
}

export function CountryCode({ code }: { code: string | null | undefined }) {
  if (code === null || code === undefined || !isCountryCode(code))
    return (
      <abbr className="country" title="Country unknown">
        ??
      </abbr>
    );
  return (
    <abbr className="country" title={countryName(code)}>
      {code}
    </abbr>
  );
}

interface SourceProps {
  ip: string | null;
  country: string | null | undefined;
  network: string | null | undefined;
}

export function Source({ ip, country, network }: SourceProps) {
  return (
    <span className="source">
      <CountryCode code={country} />
      <span className="source-ip">{ip ?? 'unknown'}</span>
      {network !== null && network !== undefined && network !== '' && (
        <span className="source-network" title={network}>
          {network}
        </span>
      )}
    </span>
  );
}

const SEVERITIES = ['Contact only', 'Login attempts', 'Login accepted', 'Commands or files', 'Known exploit'] as const;

/** Four steps, readable without colour by how many are filled. */
export function Severity({ level }: { level: number }) {
  const name = SEVERITIES[level] ?? SEVERITIES[0];
  return (
    <span
      className="severity"
      data-level={level}
      title={name}
      role="img"
      aria-label={`Severity ${level} of 4: ${name}`}
    >
      <i />
      <i />
      <i />
      <i />
    </span>
  );
}

export function severityName(level: number): string {
  return SEVERITIES[level] ?? SEVERITIES[0];
}
