import { Link } from 'wouter';
import { CopyButton } from '../../components/CopyButton.tsx';
import { PeerText } from '../../components/PeerText.tsx';
import { visibleText } from '../../components/peer-text.ts';
import { formatBytes, formatCount, plural } from '../../format/number.ts';
import { formatDuration } from '../../format/time.ts';
import { endName } from '../sessions/what-happened.ts';
import { type Fields, headers, nullableText, number, otherFields, text, texts } from './fields.ts';

const VALUE_LIMIT = 400;
const CODE_LIMIT = 800;

function Pairs({ pairs }: { pairs: readonly (readonly [string, string])[] }) {
  if (pairs.length === 0) return null;
  return (
    <dl className="pairs">
      {pairs.map(([name, value], at) => (
        // Header names repeat; the place tells them apart.
        // biome-ignore lint/suspicious/noArrayIndexKey: the list of a stored record never changes
        <div key={at}>
          <dt>
            <PeerText text={name} limit={80} />
          </dt>
          <dd>
            <PeerText text={value} limit={VALUE_LIMIT} block />
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Code({ value, what }: { value: string; what: string }) {
  return (
    <div className="code">
      <PeerText text={value} limit={CODE_LIMIT} block />
      <CopyButton text={value} label={`Copy the ${what}`} />
    </div>
  );
}

function Auth({ fields }: { fields: Fields }) {
  const hash = text(fields, 'hash');
  const accepted = fields.accepted === true;
  return (
    <>
      <p className="auth">
        <PeerText text={nullableText(fields, 'username')} limit={VALUE_LIMIT} />
        <span className="soft">/</span>
        {hash !== undefined && nullableText(fields, 'password') === null ? (
          <span className="soft">hash only</span>
        ) : (
          <PeerText text={nullableText(fields, 'password')} limit={VALUE_LIMIT} />
        )}
        <span className="badge">{visibleText(text(fields, 'mechanism') ?? '')}</span>
        <span className={accepted ? 'badge warn' : 'badge'}>{accepted ? 'let in' : 'refused'}</span>
      </p>
      {hash !== undefined && <Code value={hash} what="hash" />}
      <Pairs pairs={otherFields(fields, ['username', 'password', 'mechanism', 'accepted', 'hash'])} />
    </>
  );
}

function Request({ fields }: { fields: Fields }) {
  const body = text(fields, 'body');
  const status = number(fields, 'status');
  return (
    <>
      <div className="request-line">
        <b>
          <PeerText text={text(fields, 'method')} limit={40} />
        </b>
        <PeerText text={text(fields, 'target')} limit={CODE_LIMIT} block />
        {status !== undefined && <span className="badge">answered {status}</span>}
      </div>
      <Pairs pairs={headers(fields)} />
      {body !== undefined && body !== '' && <Code value={body} what="body" />}
      <Pairs pairs={otherFields(fields, ['method', 'target', 'status', 'headers', 'body'])} />
    </>
  );
}

function Captured({ fields }: { fields: Fields }) {
  const sha256 = text(fields, 'sha256');
  return (
    <>
      <p className="auth">
        {text(fields, 'name') !== undefined && <PeerText text={text(fields, 'name')} limit={VALUE_LIMIT} />}
        <span>{formatBytes(number(fields, 'bytes') ?? 0)}</span>
        <span className="badge">{text(fields, 'via')}</span>
        {fields.truncated === true && <span className="badge warn">cut</span>}
        {sha256 !== undefined && (
          <Link href={`/sessions?sha256=${encodeURIComponent(sha256)}`}>Who else brought it</Link>
        )}
      </p>
      <dl className="pairs">
        {(['sha256', 'sha1', 'md5'] as const).map((name) => {
          const value = text(fields, name);
          return value === undefined ? null : (
            <div key={name}>
              <dt>{name}</dt>
              <dd className="hash">
                <PeerText text={value} limit={64} />
                <CopyButton text={value} label={`Copy the ${name}`} />
              </dd>
            </div>
          );
        })}
      </dl>
      <Pairs pairs={otherFields(fields, ['name', 'bytes', 'via', 'truncated', 'sha256', 'sha1', 'md5'])} />
    </>
  );
}

function Probe({ fields }: { fields: Fields }) {
  const ports = texts(fields, 'ports');
  return (
    <>
      <p>
        {text(fields, 'scan')} scan of {plural(ports.length, 'port')}
      </p>
      <PeerText text={ports.join(', ')} limit={VALUE_LIMIT} block />
      <Pairs pairs={otherFields(fields, ['ports', 'scan'])} />
    </>
  );
}

function Exploit({ fields }: { fields: Fields }) {
  const cve = text(fields, 'cve');
  return (
    <>
      <p className="auth">
        <PeerText text={text(fields, 'rule')} limit={VALUE_LIMIT} />
        {cve !== undefined && <span className="badge danger">{cve}</span>}
      </p>
      <Pairs pairs={otherFields(fields, ['rule', 'cve'])} />
    </>
  );
}

/** What an event says, in the form of its type; types without one list their fields. */
export function EventBody({ type, fields }: { type: string; fields: Fields }) {
  switch (type) {
    case 'auth.attempt':
      return <Auth fields={fields} />;
    case 'command.input':
      return (
        <>
          <Code value={text(fields, 'command') ?? ''} what="command" />
          <Pairs pairs={otherFields(fields, ['command'])} />
        </>
      );
    case 'query':
      return (
        <>
          <Code value={text(fields, 'statement') ?? ''} what="statement" />
          <Pairs pairs={otherFields(fields, ['statement'])} />
        </>
      );
    case 'request':
      return <Request fields={fields} />;
    case 'file.captured':
      return <Captured fields={fields} />;
    case 'file.requested':
      return (
        <>
          <ul className="urls">
            {[...new Set(texts(fields, 'urls'))].map((url) => (
              <li key={url} className="hash">
                <PeerText text={url} limit={VALUE_LIMIT} block />
                <CopyButton text={url} label="Copy the address" />
              </li>
            ))}
          </ul>
          <Pairs pairs={otherFields(fields, ['urls'])} />
        </>
      );
    case 'probe.seen':
      return <Probe fields={fields} />;
    case 'exploit.matched':
      return <Exploit fields={fields} />;
    case 'peer.malformed':
      return (
        <>
          <p>{text(fields, 'code')}</p>
          {text(fields, 'bytes') !== undefined && <Code value={text(fields, 'bytes') ?? ''} what="bytes" />}
          <Pairs pairs={otherFields(fields, ['code', 'bytes'])} />
        </>
      );
    case 'session.opened':
      return <Pairs pairs={otherFields(fields, [])} />;
    case 'session.closed':
      return (
        <p className="soft">
          {endName(text(fields, 'reason') ?? 'unknown')} after {formatDuration(number(fields, 'duration_ms') ?? 0)};{' '}
          {formatCount(number(fields, 'bytes_in') ?? 0)} bytes in, {formatCount(number(fields, 'bytes_out') ?? 0)} out
        </p>
      );
    default:
      return <Pairs pairs={otherFields(fields, [])} />;
  }
}
