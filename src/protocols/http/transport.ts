/** Which bytes come first on which port: TLS with HTTP inside, plain HTTP where TLS is expected, and a TLS hello where it is not. */
import { textFromBytes } from '../../events/index.ts';
import { decodeClientHello, ja4 } from '../kernel/client-hello.ts';
import type { CloseReason, Connection, Session } from '../kernel/contract.ts';
import { openTunnel, type Tunnel } from '../kernel/tls.ts';
import { MAX_SHOWN } from './codec.ts';
import { httpDate, openHttp, REFUSE_AFTER_MS } from './connection.ts';
import type { Options } from './options.ts';
import { productOf } from './products/index.ts';

/** A ClientHello longer than this is not waited for; on a plain port, nor longer than this long. */
const MAX_HELLO = 16_640;
const STRAY_HELLO_MS = 1000;
/** What the server agrees to, in its order of preference. */
const ALPN = ['http/1.1', 'http/1.0'] as const;
const EMPTY = Buffer.alloc(0);

/** TLS from the first byte, and HTTP inside it. The hello is read first: what it offers by ALPN decides what is agreed. */
export function openSecure(session: Session, settings: Options): Connection {
  let hello: Buffer = EMPTY;
  let tunnel: Tunnel | undefined;
  let inner: Connection | undefined;
  let finished: CloseReason | undefined;

  function open(offered: readonly string[]): Tunnel {
    // nginx 1.18 goes on without ALPN where nothing fits; the later ones give up, which would lose what the client came to say.
    const agreed = ALPN.filter((name) => offered.includes(name));
    const opened = openTunnel(
      session.identity.tls('https'),
      {
        cipher: (bytes) => session.send(bytes),
        plain: (chunk) => inner?.data(chunk),
        end: () => session.close('peer_closed'),
        ended() {
          if (finished !== undefined) session.close(finished);
        },
        failed(code) {
          if (finished !== undefined) return;
          session.record('peer.malformed', { code: 'tls_failed', bytes: code.slice(0, 64) });
          session.close('protocol_error');
        },
      },
      { session, ...(agreed.length === 0 ? {} : { alpn: agreed }) },
    );
    inner = openHttp(session, settings, true, {
      send: (bytes) => opened.send(bytes),
      finish(reason) {
        finished = reason;
        opened.end();
      },
    });
    return opened;
  }

  return {
    data(chunk) {
      if (tunnel !== undefined) {
        tunnel.push(chunk);
        return;
      }
      hello = hello.length === 0 ? chunk : Buffer.concat([hello, chunk]);
      const step = decodeClientHello(hello);
      if (step.kind === 'need' && hello.length < MAX_HELLO) return;
      if (step.kind === 'frame') noteJa4(session, ja4(step.frame));
      tunnel = open(step.kind === 'frame' ? step.frame.alpn : []);
      tunnel.push(hello);
      hello = EMPTY;
    },
    closed() {
      finished ??= 'peer_closed';
      if (hello.length > 0)
        session.record('peer.malformed', {
          code: 'tls_hello_unfinished',
          bytes: textFromBytes(hello.subarray(0, MAX_SHOWN)),
        });
      inner?.closed?.();
      tunnel?.destroy();
    },
  };
}

function noteJa4(session: Session, fingerprint: string): void {
  session.note({ ja4: fingerprint });
  session.record('peer.fingerprint', { kind: 'ja4', value: fingerprint });
}

/** A TLS hello where none belongs: its fingerprint is taken, then the bytes are judged like any others. */
export function openStray(session: Session, inner: Connection): Connection {
  let hello: Buffer | undefined = Buffer.alloc(0);
  function settle(): void {
    const bytes = hello;
    hello = undefined;
    if (bytes !== undefined && bytes.length > 0) inner.data(bytes);
  }
  session.after(STRAY_HELLO_MS, settle);
  return {
    data(chunk) {
      if (hello === undefined) {
        inner.data(chunk);
        return;
      }
      hello = Buffer.concat([hello, chunk]);
      const step = decodeClientHello(hello);
      if (step.kind === 'need' && hello.length < MAX_HELLO) return;
      if (step.kind === 'frame') noteJa4(session, ja4(step.frame));
      settle();
    },
    closed() {
      settle();
      inner.closed?.();
    },
  };
}

/** Plain HTTP on a TLS port. */
export function openWrongPort(session: Session): Connection {
  const product = productOf(session.persona);
  let shown: Buffer = Buffer.alloc(0);
  let refused = false;
  const record = (): void => session.record('peer.malformed', { code: 'plain_on_tls', bytes: textFromBytes(shown) });
  return {
    data(chunk) {
      if (shown.length < MAX_SHOWN) shown = Buffer.concat([shown, chunk.subarray(0, MAX_SHOWN - shown.length)]);
      if (refused) return;
      refused = true;
      session.after(REFUSE_AFTER_MS, () => {
        record();
        refused = false;
        const place = { persona: session.persona, port: session.local.port, secure: true };
        const looksHttp = /^[A-Z]{3,10} /.test(shown.toString('latin1', 0, 12));
        const reply = product.plainOnTls(place, looksHttp);
        if (reply !== undefined)
          session.send(
            product.write(reply, {
              bodiless: false,
              bare: false,
              keepAlive: false,
              asked: false,
              http11: true,
              answered: 0,
              date: httpDate(session.now()),
            }),
          );
        session.close('protocol_error');
      });
    },
    closed() {
      if (refused) record();
    },
  };
}
