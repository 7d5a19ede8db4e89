/**
 * The byte side of a connection: packets to messages and back, in clear, with TLS inside PRELOGIN packets (MS-TDS §2.2.6.5, TDS 7.x), or with
 * TLS around everything (TDS 8.0). The handshake travels in packets of type 0x12; what follows it are bare TLS records. A client that asked
 * for encryption "off" sends its login message alone that way and goes on in clear.
 */
import type { SecureContext } from 'node:tls';
import type { ClientHello } from '../kernel/client-hello.ts';
import { framed } from '../kernel/codec.ts';
import type { Session } from '../kernel/contract.ts';
import { openTunnel, type Tunnel } from '../kernel/tls.ts';
import {
  assembler,
  decodeUnit,
  encodeMessage,
  MAX_UNIT,
  type Message,
  PACKET,
  type Packet,
  type Unit,
} from './codec.ts';

export interface ChannelHandlers {
  /** The session whose transcript gets what is encrypted in clear. */
  session: Pick<Session, 'trace' | 'keepWire'>;
  message(message: Message): void;
  /** A message in clear where TLS was agreed. SQL Server closes; what it says is still worth a record. */
  unprotected(message: Message): void;
  malformed(code: string, bytes: Uint8Array): void;
  hello(hello: ClientHello, ja4: string): void;
  /** Bytes for the peer. */
  send(bytes: Buffer): void;
  /** The peer ended its side inside TLS, or everything sent before `close` has been handed over. */
  closed(byPeer: boolean): void;
}

export interface Channel {
  data(chunk: Buffer): void;
  reply(body: Uint8Array, type?: number): void;
  /** The client's handshake comes next; `login` ends with the first message, `all` with the connection. */
  secure(context: SecureContext, protection: 'login' | 'all'): void;
  /** TLS begins with the first byte. */
  strict(context: SecureContext): void;
  packetSize: number;
  spid: number;
  /** Calls `closed` once the peer has, or will get, all that was sent. */
  close(): void;
  destroy(): void;
}

const RECORD_ALERT = 21;
const RECORD_DATA = 23;
/** TLS handshake packets are no longer than a packet before login. */
const LOGIN_PACKET = 4096;
/** Held while TLS has yet to yield the login before it; a client waits for the answer instead. */
const MAX_HELD = 65_536;
const ALPN = 'tds/8.0';

type Mode =
  | { kind: 'clear' }
  /** Records are taken out of packets (handshake) or as they are; `login` returns to clear after one message. */
  | { kind: 'wrapped'; tunnel: Tunnel; protection: 'login' | 'all'; secured: boolean }
  | { kind: 'strict'; tunnel: Tunnel };

export function openChannel(handlers: ChannelHandlers, limit: number): Channel {
  let mode: Mode = { kind: 'clear' };
  let over = false;
  let closing = false;
  let held: Packet[] = [];
  let heldBytes = 0;
  const outer = framed<Unit>(decodeUnit, MAX_UNIT);
  const messages = assembler(limit);

  function malformed(code: string, bytes: Uint8Array): void {
    if (!over) handlers.malformed(code, bytes);
  }

  function accept(packet: Packet): void {
    const message = messages.add(packet);
    if (message === undefined) return;
    if (message === 'mixed') {
      malformed('tds_mixed_message', packet.body);
      return;
    }
    if (mode.kind === 'wrapped' && mode.protection === 'login') {
      // The login was all that is encrypted. The tunnel ends without a word, as SQL Server ends it.
      mode.tunnel.destroy();
      mode = { kind: 'clear' };
      handlers.session.keepWire(true);
      handlers.message(message);
      const waiting = held;
      held = [];
      for (const later of waiting) if (!over) accept(later);
      return;
    }
    handlers.message(message);
  }

  function unprotected(packet: Packet): void {
    const message = messages.add(packet);
    if (message === 'mixed') malformed('tds_mixed_message', packet.body);
    else if (message !== undefined && !over) handlers.unprotected(message);
  }

  function unit(found: Unit): void {
    if (found.kind === 'bad') {
      malformed(found.code, found.bytes);
      return;
    }
    switch (mode.kind) {
      case 'clear':
        if (found.kind === 'packet') accept(found);
        else malformed('tds_packet_type', found.bytes);
        return;
      case 'wrapped':
        if (found.kind === 'tls') mode.tunnel.push(found.bytes);
        else if (found.type === PACKET.prelogin) mode.tunnel.push(found.body);
        else if (mode.protection === 'login' && mode.secured && heldBytes < MAX_HELD) {
          heldBytes += found.body.length + 8;
          held.push({ ...found, body: Buffer.from(found.body) });
        } else unprotected(found);
        return;
      case 'strict':
        return;
    }
  }

  /** What the tunnel decrypts is packets again. */
  function inner(): (chunk: Buffer) => void {
    const frames = framed<Unit>(decodeUnit, MAX_UNIT);
    return (chunk) => {
      for (const step of frames.push(chunk)) {
        if (over) return;
        if (step.kind === 'malformed') malformed(step.code, Buffer.alloc(0));
        else if (step.frame.kind === 'packet') accept(step.frame);
        else malformed(step.frame.kind === 'bad' ? step.frame.code : 'tds_packet_type', step.frame.bytes);
      }
    };
  }

  function tunnelTo(context: SecureContext, wrap: boolean): Tunnel {
    return openTunnel(
      context,
      {
        cipher(bytes, handshake) {
          if (over) return;
          const type = bytes[0] ?? 0;
          const bare = !wrap || type === RECORD_DATA || (type === RECORD_ALERT && !handshake);
          handlers.send(bare ? bytes : encodeMessage(PACKET.prelogin, 0, bytes, LOGIN_PACKET));
          if (closing && endsWithAlert(bytes)) finish(false);
        },
        plain: inner(),
        hello: handlers.hello,
        secure() {
          if (mode.kind === 'wrapped') mode.secured = true;
        },
        end() {
          finish(true);
        },
        failed: (code) => malformed(`tls_${code.toLowerCase()}`.slice(0, 64), Buffer.alloc(0)),
      },
      { session: handlers.session, ...(wrap ? {} : { alpn: [ALPN] }) },
    );
  }

  function finish(byPeer: boolean): void {
    if (over) return;
    over = true;
    handlers.closed(byPeer);
  }

  return {
    packetSize: LOGIN_PACKET,
    spid: 0,
    data(chunk) {
      if (mode.kind === 'strict') {
        mode.tunnel.push(chunk);
        return;
      }
      for (const step of outer.push(chunk)) {
        if (over || closing) return;
        if (step.kind === 'malformed') malformed(step.code, Buffer.alloc(0));
        else unit(step.frame);
      }
    },
    reply(body, type = PACKET.reply) {
      if (over || closing) return;
      const bytes = encodeMessage(type, this.spid, body, this.packetSize);
      if (mode.kind === 'clear') handlers.send(bytes);
      else mode.tunnel.send(bytes);
    },
    secure(context, protection) {
      mode = { kind: 'wrapped', tunnel: tunnelTo(context, true), protection, secured: false };
    },
    strict(context) {
      mode = { kind: 'strict', tunnel: tunnelTo(context, false) };
    },
    close() {
      if (over || closing) return;
      closing = true;
      if (mode.kind === 'clear') finish(false);
      else mode.tunnel.end();
    },
    destroy() {
      over = true;
      held = [];
      if (mode.kind !== 'clear') mode.tunnel.destroy();
    },
  };
}

/** Whether the last of these whole TLS records is an alert: the close_notify that ends a tunnel. */
function endsWithAlert(bytes: Buffer): boolean {
  let at = 0;
  let type = 0;
  while (at + 5 <= bytes.length) {
    type = bytes[at] ?? 0;
    at += 5 + bytes.readUInt16BE(at + 3);
  }
  return type === RECORD_ALERT;
}
