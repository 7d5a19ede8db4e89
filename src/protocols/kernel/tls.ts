/**
 * A TLS server inside a session. The service owns the bytes on both sides: it pushes what arrived into the tunnel, and gets plain text and
 * bytes to send back through callbacks. That serves TLS from the first byte (https), after a command (STARTTLS, MySQL's SSLRequest) and
 * TLS wrapped in another framing (TDS PRELOGIN packets) alike.
 */
import { Duplex } from 'node:stream';
import type { SecureContext } from 'node:tls';
import { TLSSocket } from 'node:tls';
import { type ClientHello, decodeClientHello, ja4 } from './client-hello.ts';
import type { Session } from './contract.ts';

/** A ClientHello longer than this is not waited for. */
const MAX_HELLO = 65_536;

export interface TunnelHandlers {
  /** TLS bytes for the peer. `handshake` is true until the handshake is done. */
  cipher(bytes: Buffer, handshake: boolean): void;
  /** Plain text from the peer. */
  plain(chunk: Buffer): void;
  /** The ClientHello was read, before any answer. */
  hello?(hello: ClientHello, ja4: string): void;
  secure?(protocol: string, cipher: string): void;
  /** The peer ended its side inside TLS. */
  end?(): void;
  /** Everything sent has left the tunnel, close_notify last: what carries it may be closed. */
  ended?(): void;
  /** The handshake or a record failed; `code` is OpenSSL's or Node's. The tunnel is dead. */
  failed(code: string): void;
}

export interface Tunnel {
  /** Bytes from the peer. */
  push(chunk: Uint8Array): void;
  /** Plain text for the peer. */
  send(bytes: Uint8Array | string): void;
  /** Sends close_notify and ends. */
  end(): void;
  destroy(): void;
}

export interface TunnelOptions {
  alpn?: readonly string[];
  /** The session whose transcript gets the plain text. */
  session?: Pick<Session, 'trace' | 'keepWire'>;
}

export function openTunnel(context: SecureContext, handlers: TunnelHandlers, options: TunnelOptions = {}): Tunnel {
  options.session?.keepWire(false);
  let handshake = true;
  let dead = false;
  let hello: Buffer | undefined = Buffer.alloc(0);

  const wire = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      if (!dead) handlers.cipher(chunk, handshake);
      done();
    },
    final(done) {
      handlers.ended?.();
      done();
    },
  });
  const tls = new TLSSocket(wire, {
    isServer: true,
    secureContext: context,
    ...(options.alpn === undefined ? {} : { ALPNProtocols: [...options.alpn] }),
  });
  const fail = (code: string): void => {
    if (dead) return;
    dead = true;
    handlers.failed(code);
    tls.destroy();
  };
  tls.on('secure', () => {
    handshake = false;
    handlers.secure?.(tls.getProtocol() ?? '', tls.getCipher()?.name ?? '');
  });
  tls.on('data', (chunk: Buffer) => {
    if (dead) return;
    options.session?.trace('in', chunk);
    handlers.plain(chunk);
  });
  tls.on('end', () => {
    if (!dead) handlers.end?.();
  });
  tls.on('error', (error: NodeJS.ErrnoException) => fail(error.code ?? 'TLS_ERROR'));

  /** Looks for the ClientHello in what has arrived so far, once. */
  function sniff(chunk: Uint8Array): void {
    if (hello === undefined) return;
    hello = Buffer.concat([hello, chunk]);
    const step = decodeClientHello(hello);
    if (step.kind === 'need' && hello.length < MAX_HELLO) return;
    hello = undefined;
    if (step.kind === 'frame') handlers.hello?.(step.frame, ja4(step.frame));
  }

  return {
    push(chunk) {
      if (dead) return;
      sniff(chunk);
      wire.push(Buffer.from(chunk));
    },
    send(bytes) {
      if (dead) return;
      options.session?.trace('out', typeof bytes === 'string' ? Buffer.from(bytes) : bytes);
      tls.write(bytes);
    },
    end() {
      if (!dead) tls.end();
    },
    destroy() {
      dead = true;
      tls.destroy();
    },
  };
}
