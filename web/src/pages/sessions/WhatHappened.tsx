import type { Session } from '../../api/types.ts';
import { Severity } from '../../components/facts.tsx';
import { PeerText } from '../../components/PeerText.tsx';
import { whatHappened } from './what-happened.ts';
import './what-happened.css';

/** A session in one line: how grave, what, and the last login. */
export function WhatHappened({ session }: { session: Session }) {
  const { username = null, password = null } = session;
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
      {(username !== null || password !== null) && (
        <span className="what-login">
          <PeerText text={username} limit={40} none="no name" />
          {password !== null && (
            <>
              <span className="soft"> / </span>
              <PeerText text={password} limit={40} />
            </>
          )}
        </span>
      )}
    </span>
  );
}
