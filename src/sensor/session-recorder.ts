/**
 * What a session says of itself: its events, the conversation's bytes, its artifacts, and at the end its session record. It knows nothing of sockets;
 * the records it makes are collected once a turn.
 */
import {
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
import { artifactOf } from './artifact.ts';
import { fitEvent } from './fit.ts';
import { emptyFacts, type OpenProgress, type OpenSession, progressKey, type RecordedFacts } from './open-session.ts';
import { countEvent, emptyTally } from './tally.ts';
import { type Direction, Transcript } from './transcript.ts';

export interface RecorderLimits {
  /** Most events of a session; the session is ended when it is reached. */
  maxEvents: number;
  /** Bytes of conversation kept, both directions together. */
  maxTranscriptBytes: number;
  /** Bytes of artifacts kept of one session. */
  maxCaptureBytes: number;
}

const KIND_BULK = 0;
const KIND_RECORD = 2;
/** Most tags and techniques of a session, far under the bound of the record. */
const MAX_MARKS = 64;
const MAX_LIMIT_NAME = 64;

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
  private readonly transcript: Transcript;
  private entries: Entry[] = [];
  private captureBytes = 0;
  private captureCut = false;
  private seq = 0;
  private readonly tally = emptyTally();
  private bytesIn = 0;
  private bytesOut = 0;
  private progressed = false;
  private progressKept = false;
  private full = false;
  private readonly facts: RecordedFacts = emptyFacts();

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
    this.transcript = new Transcript(this.id, init.limits.maxTranscriptBytes, (payload) =>
      this.entries.push({ kind: KIND_BULK, payload }),
    );
    this.opening = `{"record":"event","session_id":"${this.id}",${JSON.stringify(init.envelope).slice(1, -1)},"seq":`;
    const open: OpenSession = {
      id: this.id,
      boot_id: this.bootId,
      started_at: new Date(this.startedAt).toISOString(),
      envelope: this.envelope,
    };
    // In this order: where a write is torn in between, the event is the last of the spool and recovery finds it there.
    this.write('session.opened', '{}', this.startedAt);
    this.entries.push({ open: this.id, payload: JSON.stringify(open) });
  }

  /** Whether the session has recorded as many events as one may; it should be ended. */
  get exhausted(): boolean {
    return this.full;
  }

  get bytesSoFar(): number {
    return this.bytesIn;
  }

  private write(type: string, fields: string, atMs = this.now()): void {
    const at = new Date(atMs).toISOString();
    const payload = `${this.opening}${this.seq},"at":"${at}","type":"${type}","fields":${fields}}`;
    this.entries.push({ kind: KIND_RECORD, payload });
    this.seq += 1;
    this.progressed = true;
  }

  private writeLimit(limit: string, value: number): void {
    this.write('limit.reached', JSON.stringify({ limit: limit.slice(0, MAX_LIMIT_NAME), value }));
  }

  /** Records an event of the service's catalogue. Values over the schema's bounds are cut, and the cut is recorded. */
  record(type: string, fields: Readonly<Record<string, unknown>>): void {
    if (this.ended || this.full) return;
    const schema = this.catalogue[type];
    if (schema === undefined) throw new TypeError(`event ${type} is not declared`);
    const fit = fitEvent(schema, fields);
    this.write(type, fit.json);
    countEvent(this.tally, type, fields);
    if (fit.cut !== undefined) this.writeLimit(`${type} ${fit.cut.path}`, fit.cut.length);
    if (this.seq < this.limits.maxEvents) return;
    this.full = true;
    this.writeLimit('events', this.limits.maxEvents);
  }

  /** A bound of the sensor was reached that ends the session. What the service still records of what it held is taken. */
  reachLimit(limit: string, value: number): void {
    if (!this.ended && !this.full) this.writeLimit(limit, value);
  }

  capture(bytes: Uint8Array, fields: { name?: string; via: string; truncated?: boolean }): void {
    if (this.ended || this.full) return;
    const room = Math.min(MAX_ARTIFACT_BYTES, this.limits.maxCaptureBytes - this.captureBytes);
    const kept = bytes.length > room ? bytes.subarray(0, room) : bytes;
    if (room <= 0 || kept.length < bytes.length) this.cutCapture();
    if (room <= 0) return;
    this.captureBytes += kept.length;
    const { payloads, digests } = artifactOf(kept);
    for (const payload of payloads) this.entries.push({ kind: KIND_RECORD, payload });
    const truncated = (fields.truncated ?? false) || kept.length < bytes.length;
    this.record('file.captured', { ...fields, truncated, ...digests, bytes: kept.length });
  }

  /** Said once: a peer that goes on writing files must not fill the records with it. */
  private cutCapture(): void {
    if (this.captureCut) return;
    this.captureCut = true;
    this.writeLimit('captured bytes', Math.min(MAX_ARTIFACT_BYTES, this.limits.maxCaptureBytes));
  }

  note(facts: SessionFacts): void {
    const known = this.facts;
    if (facts.ja4 !== undefined) known.ja4 = facts.ja4.slice(0, 64).toWellFormed();
    if (facts.hassh !== undefined) known.hassh = facts.hassh.slice(0, 64).toWellFormed();
    if (facts.client !== undefined) known.client = facts.client.slice(0, 4096).toWellFormed();
    addMarks(known.tags, facts.tags, 64);
    addMarks(known.techniques, facts.techniques, 16);
  }

  /** Counts bytes that crossed the wire, and keeps them for the transcript unless the service traces plain text itself. */
  transferred(direction: Direction, bytes: Uint8Array, keep: boolean): void {
    if (this.ended) return;
    if (direction === 'i') this.bytesIn += bytes.length;
    else this.bytesOut += bytes.length;
    if (keep) this.trace(direction, bytes);
  }

  trace(direction: Direction, bytes: Uint8Array): void {
    if (this.ended || this.transcript.add(direction, bytes, this.now())) return;
    this.writeLimit('transcript bytes', this.limits.maxTranscriptBytes);
  }

  /** Hands over what was recorded since the last time. */
  collect(into: Entry[]): void {
    this.transcript.flush();
    if (this.progressed && !this.ended && this.seq > 1) {
      const progress: OpenProgress = {
        at: new Date(this.now()).toISOString(),
        events: this.seq,
        ...this.tally,
        bytes_in: this.bytesIn,
        bytes_out: this.bytesOut,
        ...this.facts,
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
    const endedAt = Math.max(this.startedAt, this.now());
    const bytes = { bytes_in: this.bytesIn, bytes_out: this.bytesOut };
    this.write('session.closed', JSON.stringify({ reason, duration_ms: endedAt - this.startedAt, ...bytes }), endedAt);
    this.transcript.flush();
    const record: SessionRecord = {
      id: this.id,
      boot_id: this.bootId,
      started_at: new Date(this.startedAt).toISOString(),
      ended_at: new Date(endedAt).toISOString(),
      ...this.envelope,
      ...bytes,
      end_reason: reason,
      events: this.seq,
      ...this.tally,
      ...this.facts,
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

function addMarks(known: string[], more: readonly string[] | undefined, maxLength: number): void {
  for (const mark of more ?? []) {
    const kept = mark.slice(0, maxLength).toWellFormed();
    if (known.length < MAX_MARKS && !known.includes(kept)) known.push(kept);
  }
}

/** Everything that any session can record, for a service's own catalogue. */
export const catalogueOf = (own: Catalogue): Catalogue => ({ ...sharedEvents, ...own });
