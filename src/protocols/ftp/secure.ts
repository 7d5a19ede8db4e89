/** TLS on the control and data connections (RFC 4217), over the kernel's tunnel. */
import type { SecureContext } from 'node:tls';
import type { Session, Timer } from '../kernel/contract.ts';
import { openTunnel, type Tunnel, type TunnelHandlers, type TunnelOptions } from '../kernel/tls.ts';

/**
 * A tunnel encrypts in its own turns and does not say when its close_notify has left. It has once nothing has come out for this long, and a
 * connection that ends sooner cuts off what was said last.
 */
const QUIET_MS = 40;

/** Schannel speaks TLS 1.3 as a server from Windows Server 2022 on. */
function contextOf({ persona, identity }: Session): SecureContext {
  const modern = persona.kind !== 'windows-server' || /20(2[2-9]|[3-9]\d)/.test(persona.os.name);
  return identity.tls('ftp', modern ? {} : { maxVersion: 'TLSv1.2' });
}

export interface SecureStream {
  push(chunk: Uint8Array): void;
  send(bytes: Uint8Array): void;
  /** Sends close_notify, and calls back once everything has left. */
  end(done: () => void): void;
  destroy(): void;
}

export function openSecureStream(
  session: Session,
  handlers: TunnelHandlers,
  options: TunnelOptions = {},
): SecureStream {
  let timer: Timer | undefined;
  let finished: (() => void) | undefined;
  const wait = (): void => {
    timer?.cancel();
    if (finished !== undefined) timer = session.after(QUIET_MS, finished);
  };
  const cipher = (bytes: Buffer, handshake: boolean): void => {
    handlers.cipher(bytes, handshake);
    wait();
  };
  const tunnel: Tunnel = openTunnel(contextOf(session), { ...handlers, cipher }, options);
  return {
    push: (chunk) => tunnel.push(chunk),
    send: (bytes) => tunnel.send(bytes),
    end(done) {
      finished = done;
      tunnel.end();
      wait();
    },
    destroy() {
      finished = undefined;
      timer?.cancel();
      tunnel.destroy();
    },
  };
}
