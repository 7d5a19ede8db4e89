import type { Session } from '../../api/types.ts';
import { Severity } from '../../components/facts.tsx';
import { PeerText } from '../../components/PeerText.tsx';
import { whatHappened } from './what-happened.ts';
import './what-happened.css';

/** A session in one line: how grave, what, and the last login. */
export function WhatHappened({ session }: { session: Session }) {
  return (
    <span className="what">
      <Severity level={session.severity} />
      <span className="what-words">
        {whatHappened(session).map(({ text, strong }, at) => (
          <span key={text}>
            {at > 0 && ', '}
            {strong ? <b>{text}</b> : text}
          </span>
        ))}
      </span>
      {session.username !== undefined && (
        <span className="what-login">
          <PeerText text={session.username} limit={40} />
          {session.password !== null && session.password !== undefined && (
            <>
              <span className="soft"> / </span>
              <PeerText text={session.password} limit={40} />
            </>
          )}
        </span>
      )}
    </span>
  );
}
