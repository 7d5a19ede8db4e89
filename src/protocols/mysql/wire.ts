/** The way of packets between client and server: their framing and numbers, and the layers that may lie under them (TLS, compression). */
import { type Framed, framed, type Step } from '../kernel/codec.ts';
import type { CloseReason, Session, TlsOptions } from '../kernel/contract.ts';
import { openTunnel, type Tunnel } from '../kernel/tls.ts';
import { decodePacket, type Expectation, encodePackets, FULL_PACKET, HEADER } from './codec.ts';
import { type Algorithm, COMPRESSED_HEADER, decodeCompressed, encodeCompressed } from './compression.ts';

/** Time for what is still inside the tunnel when either side ends. */
const TLS_DRAIN_MS = 200;

export interface WireHandlers {
  packet(payload: Buffer): void;
  /** What came is no packet that may come now; nothing more is read. */
  refused(code: string, header: Buffer): void;
}

export interface WireLimits {
  maxLoginBytes: number;
  maxPacketBytes: number;
}

export class Wire {
  private readonly session: Session;
  private readonly handlers: WireHandlers;
  private readonly limits: WireLimits;
  private readonly expected: Expectation;
  private stream: Framed<Buffer>;
  private tunnel: Tunnel | undefined;
  private compression: { algorithm: Algorithm; stream: Framed<Buffer>; sequence: number } | undefined;
  /** Takes what is left of a chunk once a layer has come between. */
  private relayed: ((rest: Buffer) => void) | undefined;
  private closing: CloseReason | undefined;
  private over = false;
  private header: Buffer = Buffer.alloc(0);

  constructor(session: Session, handlers: WireHandlers, limits: WireLimits) {
    this.session = session;
    this.handlers = handlers;
    this.limits = limits;
    this.expected = { sequence: 1, maxBytes: limits.maxLoginBytes };
    this.stream = this.newStream();
  }

  get secure(): boolean {
    return this.tunnel !== undefined;
  }

  get maxBytes(): number {
    return this.expected.maxBytes;
  }

  private newStream(): Framed<Buffer> {
    const limit = Math.max(this.limits.maxLoginBytes, this.limits.maxPacketBytes) + HEADER;
    return framed((bytes) => {
      const step = decodePacket(bytes, this.expected);
      // The header alone decides, however much has come with it.
      if (step.kind === 'malformed') this.header = Buffer.from(bytes.subarray(0, HEADER));
      return step;
    }, limit);
  }

  push(chunk: Buffer): void {
    if (this.tunnel === undefined) this.plain(chunk);
    else this.tunnel.push(chunk);
  }

  /** Bytes as the client wrote them, out of TLS. */
  private plain(chunk: Buffer): void {
    const { compression } = this;
    if (compression === undefined) {
      this.read(chunk);
      return;
    }
    for (const step of compression.stream.push(chunk)) {
      if (this.over) return;
      if (step.kind === 'malformed') {
        this.handlers.refused(step.code, this.header);
        return;
      }
      compression.sequence += 1;
      this.read(step.frame);
    }
  }

  private read(chunk: Buffer): void {
    for (const step of this.stream.push(chunk)) {
      if (this.over) return;
      if (step.kind === 'malformed') {
        this.handlers.refused(step.code, this.header);
        return;
      }
      this.skipNumber();
      this.handlers.packet(step.frame);
      const { relayed } = this;
      if (relayed !== undefined) {
        this.relayed = undefined;
        const rest = this.stream.rest();
        this.stream = this.newStream();
        if (rest.length > 0) relayed(rest);
        return;
      }
    }
  }

  /** Counts a packet of the client's, read or refused. */
  skipNumber(): void {
    this.expected.sequence = (this.expected.sequence + 1) & 0xff;
  }

  send(packets: readonly Buffer[]): void {
    const frames = this.packed(encodePackets(packets, this.expected.sequence));
    this.expected.sequence = (this.expected.sequence + packets.length) & 0xff;
    if (this.tunnel === undefined) this.session.send(frames);
    else this.tunnel.send(frames);
  }

  private packed(frames: Buffer): Buffer {
    const { compression } = this;
    if (compression === undefined) return frames;
    const packed = encodeCompressed(frames, compression.algorithm, compression.sequence);
    compression.sequence += 1 + Math.floor(frames.length / FULL_PACKET);
    return packed;
  }

  /** Every command begins its own numbering. */
  beginCommand(): void {
    this.expected.sequence = 0;
    this.expected.maxBytes = this.limits.maxPacketBytes;
    if (this.compression !== undefined) this.compression.sequence = 0;
  }

  startTls(options: TlsOptions): void {
    const { session } = this;
    const tunnel = openTunnel(
      session.identity.tls('mysql', options),
      {
        cipher: (bytes) => session.send(bytes),
        plain: (chunk) => this.plain(chunk),
        hello: (_hello, ja4) => {
          session.record('peer.fingerprint', { kind: 'ja4', value: ja4 });
          session.note({ ja4 });
        },
        end: () => this.close('peer_closed'),
        ended: () => {
          if (this.closing !== undefined) session.close(this.closing);
        },
        failed: (code) => {
          session.record('peer.malformed', { code: `tls_${code.toLowerCase()}`.slice(0, 64) });
          session.close('protocol_error');
        },
      },
      { session },
    );
    this.tunnel = tunnel;
    this.relayed = (rest) => tunnel.push(rest);
  }

  startCompression(algorithm: Algorithm): void {
    if (this.compression !== undefined) return;
    const { maxPacketBytes } = this.limits;
    const decode = (bytes: Buffer): Step<Buffer> => {
      const step = decodeCompressed(bytes, algorithm, maxPacketBytes);
      if (step.kind === 'malformed') this.header = Buffer.from(bytes.subarray(0, COMPRESSED_HEADER));
      return step;
    };
    this.compression = { algorithm, stream: framed(decode, maxPacketBytes + COMPRESSED_HEADER), sequence: 0 };
    this.relayed = (rest) => this.plain(rest);
  }

  /** The peer ended its side; what it sent before may still be inside the tunnel. */
  end(): void {
    if (this.tunnel === undefined) this.session.close('peer_closed');
    else this.session.after(TLS_DRAIN_MS, () => this.session.close('peer_closed'));
  }

  close(reason: CloseReason): void {
    this.over = true;
    if (this.tunnel === undefined) {
      this.session.close(reason);
      return;
    }
    // The last packet is still on its way through the tunnel.
    this.closing = reason;
    this.tunnel.end();
    this.session.after(TLS_DRAIN_MS, () => this.session.close(reason));
  }

  destroy(): void {
    this.over = true;
    this.tunnel?.destroy();
  }
}
