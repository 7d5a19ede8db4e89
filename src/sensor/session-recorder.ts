/**
 * What a session says of itself: its events, the conversation's bytes, its artifacts, and at the end its session record. It knows nothing of sockets;
 * the records it makes are collected once a turn.
 */
import { createHash } from 'node:crypto';
import {
  ARTIFACT_CHUNK_BYTES,
  type Catalogue,
  type EndReason,
  type Envelope,
  MAX_ARTIFACT_BYTES,
  type SessionRecord,
  sharedEvents,
  uuidv7,
} from '../events/index.ts';
import type { SessionFacts } from '../protocols/kernel/contract.ts';
import type { Entry } from '../spool/index.ts';
import { fitToSchema } from './fit.ts';

export interface RecorderLimits {
  /** Most events of a session; the session is ended when it is reached. */
  maxEvents: number;
  /** Bytes of conversation kept, both directions together. */
  maxTranscriptBytes: number;
  /** Bytes of artifacts kept of one session. */
  maxCaptureBytes: number;
}

/** What is kept while a session is open, so that it can be closed after the sensor died: everything that does not change. */
export interface OpenSession {
  id: string;
  boot_id: string;
  started_at: string;
  envelope: Envelope;
}

/** What does change, kept beside it. */
export interface OpenProgress {
  at: string;
  events: number;
  logins: number;
  commands: number;
  files: number;
  bytes_in: number;
  bytes_out: number;
}

/** The key of an open session's progress in the spool's open table; the session itself is under its id. */
export const progressKey = (id: string): string => `${id}+`;

const KIND_BULK = 0;
const KIND_RECORD = 2;
/** Severity of a session by the worst that happened in it (see the session record). */
const SEVERITY: Readonly<Record<string, number>> = {
  'command.input': 3,
  query: 3,
  'file.captured': 3,
  'file.requested': 3,
  'exploit.matched': 4,
};

type Part = [number, 'i' | 'o', string];

export class SessionRecorder {
  readonly id: string;
  readonly startedAt: number;
  ended = false;
  private readonly envelope: Envelope;
  private readonly bootId: string;
  private readonly limits: RecorderLimits;
  private readonly catalogue: Catalogue;
  private readonly opening: string;
  private readonly now: () => number;
  private entries: Entry[] = [];
  private parts: Part[] = [];
  private partsAt = 0;
  private transcriptSeq = 0;
  private transcriptBytes = 0;
  private captureBytes = 0;
  private seq = 0;
  private logins = 0;
  private commands = 0;
  private files = 0;
  private severity = 0;
  private bytesIn = 0;
  private bytesOut = 0;
  private progressed = false;
  private progressKept = false;
  private limitReached = false;
  private readonly facts: { ja4: string; hassh: string; client: string; tags: Set<string>; techniques: Set<string> };

  constructor(init: {
    envelope: Envelope;
    bootId: string;
    events: Catalogue;
    limits: RecorderLimits;
    now: () => number;
  }) {
    this.now = init.now;
    this.startedAt = init.now();
    this.id = uuidv7(this.startedAt);
    this.envelope = init.envelope;
    this.bootId = init.bootId;
    this.limits = init.limits;
    this.catalogue = init.events;
    this.facts = { ja4: '', hassh: '', client: '', tags: new Set(), techniques: new Set() };
    this.opening = `{"record":"event","session_id":"${this.id}",${JSON.stringify(init.envelope).slice(1, -1)},"seq":`;
    const open: OpenSession = {
      id: this.id,
      boot_id: this.bootId,
      started_at: new Date(this.startedAt).toISOString(),
      envelope: this.envelope,
    };
    this.entries.push({ open: this.id, payload: JSON.stringify(open) });
    this.write('session.opened', {});
  }

  /** Whether the session has recorded as much as one may; it should be ended. */
  get exhausted(): boolean {
    return this.limitReached;
  }

  get bytesSoFar(): number {
    return this.bytesIn;
  }

  private write(type: string, fields: unknown): void {
    const head = `${this.opening}${this.seq},"at":"${new Date(this.now()).toISOString()}","type":"${type}","fields":`;
    this.entries.push({ kind: KIND_RECORD, payload: `${head}${JSON.stringify(fields)}}` });
    this.seq += 1;
    this.progressed = true;
  }

  /** Records an event of the service's catalogue. Values over the schema's bounds are cut, and the cut is recorded. */
  record(type: string, fields: Readonly<Record<string, unknown>>): void {
    if (this.limitReached) return;
    const schema = this.catalogue[type];
    if (schema === undefined) throw new TypeError(`event ${type} is not declared`);
    const fit = fitToSchema(schema, fields);
    this.write(type, fit.fields);
    if (fit.cut !== undefined)
      this.write('limit.reached', { limit: `${type} ${fit.cut.path}`.slice(0, 64), value: fit.cut.length });
    this.count(type, fields);
    if (this.seq >= this.limits.maxEvents) this.reachLimit('events', this.limits.maxEvents);
  }

  private count(type: string, fields: Readonly<Record<string, unknown>>): void {
    if (type === 'auth.attempt') {
      this.logins += 1;
      this.severity = Math.max(this.severity, fields.accepted === true ? 2 : 1);
    } else if (type === 'command.input' || type === 'query') this.commands += 1;
    else if (type === 'file.captured') this.files += 1;
    this.severity = Math.max(this.severity, SEVERITY[type] ?? 0);
  }

  /** A bound of the sensor was reached; once for each session, because it ends it. */
  reachLimit(limit: string, value: number): void {
    if (this.limitReached) return;
    this.limitReached = true;
    this.write('limit.reached', { limit, value });
  }

  capture(bytes: Uint8Array, fields: { name?: string; via: string; truncated?: boolean }): void {
    const room = Math.min(MAX_ARTIFACT_BYTES, this.limits.maxCaptureBytes - this.captureBytes);
    if (room <= 0) {
      this.write('limit.reached', { limit: 'captured bytes', value: this.limits.maxCaptureBytes });
      return;
    }
    const kept = bytes.length > room ? bytes.subarray(0, room) : bytes;
    this.captureBytes += kept.length;
    const digest = (algorithm: string): string => createHash(algorithm).update(kept).digest('hex');
    const sha256 = digest('sha256');
    for (let offset = 0; offset === 0 || offset < kept.length; offset += ARTIFACT_CHUNK_BYTES) {
      const piece = kept.subarray(offset, offset + ARTIFACT_CHUNK_BYTES);
      const data = Buffer.from(piece.buffer, piece.byteOffset, piece.length).toString('base64');
      this.entries.push({
        kind: KIND_RECORD,
        payload: JSON.stringify({ record: 'artifact', sha256, size: kept.length, offset, data }),
      });
    }
    const truncated = (fields.truncated ?? false) || kept.length < bytes.length;
    this.record('file.captured', {
      ...fields,
      truncated,
      sha256,
      sha1: digest('sha1'),
      md5: digest('md5'),
      bytes: kept.length,
    });
  }

  note(facts: SessionFacts): void {
    if (facts.ja4 !== undefined) this.facts.ja4 = facts.ja4.slice(0, 64);
    if (facts.hassh !== undefined) this.facts.hassh = facts.hassh.slice(0, 64);
    if (facts.client !== undefined) this.facts.client = facts.client.slice(0, 4096).toWellFormed();
    for (const tag of facts.tags ?? [])
      if (this.facts.tags.size < 64) this.facts.tags.add(tag.slice(0, 64).toWellFormed());
    for (const technique of facts.techniques ?? [])
      if (this.facts.techniques.size < 64) this.facts.techniques.add(technique.slice(0, 16));
  }

  /** Counts bytes that crossed the wire, and keeps them for the transcript unless the service traces plain text itself. */
  transferred(direction: 'i' | 'o', bytes: Uint8Array, keep: boolean): void {
    if (direction === 'i') this.bytesIn += bytes.length;
    else this.bytesOut += bytes.length;
    if (keep) this.trace(direction, bytes);
  }

  trace(direction: 'i' | 'o', bytes: Uint8Array): void {
    const room = this.limits.maxTranscriptBytes - this.transcriptBytes;
    if (room <= 0 || bytes.length === 0) return;
    const kept = bytes.length > room ? bytes.subarray(0, room) : bytes;
    this.transcriptBytes += kept.length;
    const at = this.now();
    if (this.parts.length === 0) this.partsAt = at;
    for (let offset = 0; offset < kept.length; offset += ARTIFACT_CHUNK_BYTES) {
      const piece = kept.subarray(offset, offset + ARTIFACT_CHUNK_BYTES);
      this.parts.push([
        Math.max(0, at - this.partsAt),
        direction,
        Buffer.from(piece.buffer, piece.byteOffset, piece.length).toString('base64'),
      ]);
      // A record of the wire has its own bound.
      if (this.parts.length >= 1024 || piece.length === ARTIFACT_CHUNK_BYTES) this.flushParts(at);
    }
    if (kept.length < bytes.length)
      this.write('limit.reached', { limit: 'transcript bytes', value: this.limits.maxTranscriptBytes });
  }

  private flushParts(at: number): void {
    if (this.parts.length === 0) return;
    const head = `{"record":"transcript","session_id":"${this.id}","seq":${this.transcriptSeq},"at":"${new Date(this.partsAt).toISOString()}","parts":`;
    this.entries.push({ kind: KIND_BULK, payload: `${head}${JSON.stringify(this.parts)}}` });
    this.transcriptSeq += 1;
    this.parts = [];
    this.partsAt = at;
  }

  /** Hands over what was recorded since the last time. */
  collect(into: Entry[]): void {
    this.flushParts(this.now());
    if (this.progressed && !this.ended && this.seq > 1) {
      const progress: OpenProgress = {
        at: new Date(this.now()).toISOString(),
        events: this.seq,
        logins: this.logins,
        commands: this.commands,
        files: this.files,
        bytes_in: this.bytesIn,
        bytes_out: this.bytesOut,
      };
      this.entries.push({ open: progressKey(this.id), payload: JSON.stringify(progress) });
      this.progressKept = true;
    }
    this.progressed = false;
    for (const entry of this.entries) into.push(entry);
    this.entries = [];
  }

  /** The last records of the session. */
  end(reason: EndReason): void {
    if (this.ended) return;
    const endedAt = this.now();
    this.write('session.closed', {
      reason,
      duration_ms: Math.max(0, endedAt - this.startedAt),
      bytes_in: this.bytesIn,
      bytes_out: this.bytesOut,
    });
    this.flushParts(endedAt);
    const record: SessionRecord = {
      id: this.id,
      boot_id: this.bootId,
      started_at: new Date(this.startedAt).toISOString(),
      ended_at: new Date(Math.max(this.startedAt, endedAt)).toISOString(),
      ...this.envelope,
      bytes_in: this.bytesIn,
      bytes_out: this.bytesOut,
      end_reason: reason,
      events: this.seq,
      logins: this.logins,
      commands: this.commands,
      files: this.files,
      ja4: this.facts.ja4,
      hassh: this.facts.hassh,
      client: this.facts.client,
      tags: [...this.facts.tags],
      techniques: [...this.facts.techniques],
      severity: this.severity,
      ports: [],
      scan: '',
      origin: '',
    };
    this.entries.push({ kind: KIND_RECORD, payload: `{"record":"session",${JSON.stringify(record).slice(1)}` });
    this.entries.push({ closed: this.id });
    if (this.progressKept) this.entries.push({ closed: progressKey(this.id) });
    this.ended = true;
  }
}

/** Everything that any session can record, for a service's own catalogue. */
export const catalogueOf = (own: Catalogue): Catalogue => ({ ...sharedEvents, ...own });
