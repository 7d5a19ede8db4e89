/**
 * The server side of one NTLM login, bare or inside SPNEGO: takes the client's tokens in turn and says what to answer. It holds the one
 * challenge that it gave, and judges nothing: whether the login is let in is the service's decision.
 */
import type { Persona } from '../persona.ts';
import {
  type Authenticate,
  type ChallengeNames,
  decodeNtlmssp,
  encodeChallenge,
  isNtlmssp,
  type Negotiate,
  type NtlmVersion,
} from './messages.ts';
import { decodeSpnego, spnegoAccept, spnegoContinue } from './spnego.ts';

export type NtlmStep =
  /** Send `token`; `negotiate` is what the client said of itself (none where it has yet to turn to NTLM). */
  | { kind: 'challenge'; token: Buffer; negotiate: Negotiate | undefined }
  | { kind: 'authenticate'; message: Authenticate; challenge: Buffer; accepted: Buffer }
  | { kind: 'malformed'; code: string };

export interface NtlmAcceptor {
  step(token: Buffer): NtlmStep;
}

export interface AcceptorFacts {
  persona: Persona;
  /** Unix time in milliseconds. */
  nowMs: number;
  /** Eight unpredictable bytes. */
  challenge: Buffer;
}

/** The names that this machine gives: a Windows server is a member of its domain. */
export function challengeNames(persona: Persona): ChallengeNames {
  const dot = persona.fqdn.indexOf('.');
  const dnsDomain = dot < 0 ? persona.fqdn : persona.fqdn.slice(dot + 1);
  return {
    netbiosComputer: persona.hostName.toUpperCase().slice(0, 15),
    netbiosDomain: (persona.domain.split('.')[0] ?? persona.domain).toUpperCase().slice(0, 15),
    dnsComputer: persona.fqdn,
    dnsDomain,
    dnsTree: dnsDomain,
  };
}

/** The build that Windows names in NTLM (`10.0.17763`); of a persona without one, that of Samba's own constant. */
export function ntlmVersion(persona: Persona): NtlmVersion {
  const match = /^(\d+)\.(\d+)\.(\d+)$/.exec(persona.kind === 'windows-server' ? persona.kernel : '');
  return match === null
    ? { major: 6, minor: 1, build: 0 }
    : { major: Number(match[1]), minor: Number(match[2]), build: Number(match[3]) };
}

export function acceptNtlm({ persona, nowMs, challenge }: AcceptorFacts): NtlmAcceptor {
  let wrapped = false;
  let asked = false;
  const wrap = (token: Buffer): Buffer => (wrapped ? spnegoContinue(token) : token);

  return {
    step(token) {
      let inner: Buffer | undefined = token;
      if (!isNtlmssp(token)) {
        const spnego = decodeSpnego(token);
        if (spnego === undefined) return { kind: 'malformed', code: 'sspi_token' };
        if (!spnego.ntlm) return { kind: 'malformed', code: 'sspi_mechanism' };
        wrapped = true;
        inner = spnego.ntlmFirst ? spnego.token : undefined;
        // Another mechanism came first (Kerberos): choose NTLM and let the client begin it.
        if (inner === undefined) return { kind: 'challenge', token: spnegoContinue(undefined), negotiate: undefined };
      }
      const decoded = decodeNtlmssp(inner);
      if (decoded.kind === 'malformed') return decoded;
      const message = decoded.message;
      if (message.type === 'negotiate') {
        if (asked) return { kind: 'malformed', code: 'ntlmssp_order' };
        asked = true;
        const answer = encodeChallenge({
          requested: message.flags,
          serverChallenge: challenge,
          names: challengeNames(persona),
          version: ntlmVersion(persona),
          nowMs,
        });
        return { kind: 'challenge', token: wrap(answer), negotiate: message };
      }
      if (!asked) return { kind: 'malformed', code: 'ntlmssp_order' };
      return { kind: 'authenticate', message, challenge, accepted: wrapped ? spnegoAccept() : Buffer.alloc(0) };
    },
  };
}
