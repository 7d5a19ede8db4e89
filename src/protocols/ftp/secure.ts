/** TLS on the control and data connections (RFC 4217), over the kernel's tunnel. */
import type { SecureContext } from 'node:tls';
import type { Session } from '../kernel/contract.ts';
import { openTunnel, type Tunnel, type TunnelHandlers, type TunnelOptions } from '../kernel/tls.ts';

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
  let finished: (() => void) | undefined;
  const ended = (): void => {
    finished?.();
    finished = undefined;
  };
  const tunnel: Tunnel = openTunnel(contextOf(session), { ...handlers, ended }, options);
  return {
    push: (chunk) => tunnel.push(chunk),
    send: (bytes) => tunnel.send(bytes),
    end(done) {
      finished = done;
      tunnel.end();
    },
    destroy() {
      finished = undefined;
      tunnel.destroy();
    },
  };
}
