/**
 * NTLM inside the AUTHENTICATION option, as the Microsoft Telnet Service offers it (MS-TNAP 2.2.2): after IS or REPLY come the type (NTLM), the modifier, a
 * command, and for the messages of NTLM their size, a buffer type and the message.
 */
import { textFromBytes } from '../../events/index.ts';
import type { Session } from '../kernel/contract.ts';
import { acceptNtlm, type NtlmAcceptor } from '../surfaces/ntlmssp/acceptor.ts';
import { crackable, isAnonymous, ntlmNames, verifies } from '../surfaces/ntlmssp/responses.ts';
import { OPTIONS, subnegotiate } from './codec.ts';

const IS = 0;
const REPLY = 2;
export const NTLM = 15;
const CHALLENGE = 1;
const ACCEPT = 3;
const REJECT = 4;
/** SECBUFFER_TOKEN. */
const TOKEN = 2;
const HEADER = 12;

export interface NtlmHandlers {
  send(bytes: string): void;
  malformed(code: string, bytes: Buffer): void;
  /** Whether the lure lets this name in; the function checks a password against the response. */
  admit(username: string, verify: (password: string) => boolean): boolean;
  accepted(username: string): void;
  refused(): void;
}

function reply(command: number, message?: Buffer): string {
  const head = Buffer.alloc(message === undefined ? 4 : HEADER);
  head.set([REPLY, NTLM, 0, command]);
  if (message !== undefined) {
    head.writeUInt32LE(message.length, 4);
    head.writeUInt32LE(TOKEN, 8);
  }
  return subnegotiate(OPTIONS.AUTHENTICATION, head.toString('latin1') + (message?.toString('latin1') ?? ''));
}

export class NtlmExchange {
  private readonly session: Session;
  private readonly handlers: NtlmHandlers;
  private acceptor: NtlmAcceptor | undefined;
  private over = false;

  constructor(session: Session, handlers: NtlmHandlers) {
    this.session = session;
    this.handlers = handlers;
  }

  /** The payload of an AUTHENTICATION subnegotiation from the client. */
  take(payload: Buffer): void {
    if (this.over) return;
    const size = payload.length >= HEADER ? payload.readUInt32LE(4) : 0;
    if (payload[0] !== IS || payload[1] !== NTLM || size === 0 || HEADER + size > payload.length) {
      this.handlers.malformed('authentication_option', payload);
      this.refuse();
      return;
    }
    this.acceptor ??= acceptNtlm({
      persona: this.session.persona,
      nowMs: this.session.now(),
      challenge: this.session.random(8),
    });
    const step = this.acceptor.step(payload.subarray(HEADER, HEADER + size));
    switch (step.kind) {
      case 'malformed':
        this.handlers.malformed(step.code, payload);
        this.refuse();
        return;
      case 'challenge':
        if (step.negotiate !== undefined) {
          const { flags, version, domain, workstation } = step.negotiate;
          this.session.record('peer.fingerprint', {
            kind: 'ntlm_negotiate',
            value: `${flags.toString(16).padStart(8, '0')}|${version === undefined ? '' : `${version.major}.${version.minor}.${version.build}`}`,
            detail: {
              domain: textFromBytes(domain.subarray(0, 256)),
              workstation: textFromBytes(workstation.subarray(0, 256)),
            },
          });
        }
        this.handlers.send(reply(CHALLENGE, step.token));
        return;
      case 'authenticate':
        this.authenticate(step);
        return;
    }
  }

  private authenticate({ message, challenge }: { message: Parameters<typeof ntlmNames>[0]; challenge: Buffer }): void {
    const names = ntlmNames(message);
    const hash = crackable(message, challenge);
    const accepted =
      !isAnonymous(message) && this.handlers.admit(names.user, (password) => verifies(message, challenge, password));
    this.session.record('auth.attempt', {
      username: names.user,
      password: null,
      ...(hash === undefined ? {} : { hash: hash.hash, hash_format: hash.format }),
      mechanism: 'ntlmssp',
      accepted,
      detail: { domain: names.domain, workstation: names.workstation },
    });
    if (!accepted) {
      this.refuse();
      return;
    }
    this.over = true;
    this.handlers.send(reply(ACCEPT));
    this.handlers.accepted(names.user);
  }

  private refuse(): void {
    this.over = true;
    this.handlers.send(reply(REJECT));
    this.handlers.refused();
  }
}
