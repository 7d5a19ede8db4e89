/** What the spool promises to the sensor: its types and the meaning of each call. The layout on disk is described in `segment.ts`. */
import type * as nodeFs from 'node:fs';

/** The calls of `node:fs` that the spool makes, so that a test can hand in a disk that fails. */
export type SpoolFs = Pick<
  typeof nodeFs,
  | 'closeSync'
  | 'fstatSync'
  | 'ftruncateSync'
  | 'linkSync'
  | 'mkdirSync'
  | 'openSync'
  | 'readFileSync'
  | 'readSync'
  | 'readdirSync'
  | 'renameSync'
  | 'statSync'
  | 'unlink'
  | 'unlinkSync'
  | 'writeSync'
> & {
  /** `open` of `node:fs/promises`. */
  openHandle: typeof nodeFs.promises.open;
};

export interface SpoolOptions {
  /** The folder; made if missing. One process at a time. */
  dir: string;
  /** Bytes of segments above which the spool sheds. On disk it may take up to three segments more for a moment (see `shed.ts`). */
  maxBytes: number;
  /** Size at which a new segment is begun; at most a quarter of `maxBytes`. 16 MiB. */
  segmentBytes?: number;
  /** Longest time in milliseconds that an append waits to be on disk. 50. */
  syncMs?: number;
  /** Unix time in milliseconds. */
  now?: () => number;
  fs?: SpoolFs;
}

/** A record's class when room runs out: 0 transcript bytes and the bulk of artifacts, 1 probes, 2 everything else. Lower goes first. */
export type RecordKind = 0 | 1 | 2;

/** What one append can hold. `open` and `closed` keep the table of open sessions; they take no sequence number and are never read back. */
export type Entry =
  | { kind: RecordKind; payload: string }
  /** A session began: `payload` is what the next start needs to close it. The same id again replaces the payload. */
  | { open: string; payload: string }
  | { closed: string };

/** A place in the order of records: everything up to `seq` of `boot`, and all older boots. */
export interface Position {
  boot: string;
  seq: number;
}

export interface SpooledRecord {
  seq: number;
  payload: Buffer;
}

/** Records of one boot in order. A number missing between `first` and `last` was shed. */
export interface Batch {
  boot: string;
  first: number;
  last: number;
  records: SpooledRecord[];
}

export interface OlderRecord extends SpooledRecord {
  boot: string;
  kind: RecordKind;
}

export type ShedReason = 'size' | 'disk_full' | 'corrupt';
export interface ShedCounts {
  transcripts: number;
  probes: number;
  records: number;
}
export interface ShedReport extends ShedCounts {
  reason: ShedReason;
}

/** Since this open; what was waiting then counts as recorded. `recorded` is always `acked` + `waiting` + what was shed. */
export interface SpoolStats {
  recorded: number;
  acked: number;
  waiting: number;
  waitingBytes: number;
  shed: ShedCounts;
  /** Size of all segments on disk. */
  bytes: number;
  segments: number;
  /** Sessions that are open, those of earlier boots included until they are closed. */
  open: number;
  /** About when the oldest waiting record was appended (Unix milliseconds), to the precision of a segment. */
  oldestAt: number | undefined;
  /** The system code of the last failed write or sync, cleared by the next that succeeds. */
  failure: string | undefined;
}

/** What the spool found when it was opened. */
export interface Recovery {
  /** Segments found, and the records in them that are not acknowledged. */
  segments: number;
  records: number;
  /** Bytes of unfinished frames cut from the ends of segments. */
  tornBytes: number;
  /** Bytes within segments, or whole segments, that no longer match their checksums. */
  corruptBytes: number;
  /** Records lost in them, as far as sequence numbers tell; also reported as shed with the reason `corrupt`. */
  corruptRecords: number;
  cursor: 'none' | 'read' | 'corrupt';
  /** A lock of a process that no longer runs was taken over. */
  staleLock: boolean;
  /** Files that are not the spool's, relative to its folder; they are left alone. */
  unknown: string[];
}

export interface Spool {
  /** This run's id. Sequence numbers restart at 1 with each. */
  readonly boot: string;
  /** The number that the next record will get. */
  readonly nextSeq: number;
  readonly recovery: Recovery;
  /**
   * Sessions that were open when the last process died: id and payload of `open`. They stay in the table until `closed` is appended for them,
   * so do that in the append that records their end.
   */
  readonly recoveredOpen: ReadonlyMap<string, string>;
  /**
   * Writes the entries with one plain write. When it returns they survive the death of the process, and within `syncMs` that of the machine.
   * Never fails for want of room: what finds none is counted as shed. Throws only after `close`.
   */
  append(entries: readonly Entry[]): void;
  /** Resolves when everything appended so far is on disk; rejects with SPOOL_SYNC_FAILED if the disk says that it is not. */
  synced(): Promise<void>;
  /**
   * The oldest records that are not acknowledged, or those after `after` (for several batches in flight), of one boot. Holds at least one
   * record, then as many as fit both limits (`maxBytes` of payload). Until an acknowledgement the same call begins with the same record.
   */
  read(maxBytes: number, maxRecords: number, after?: Position): Batch | undefined;
  /** Everything up to `seq` of `boot`, and all older boots, is stored. Idempotent, never goes back, and never beyond what exists. */
  ack(boot: string, seq: number): void;
  /** Resolves when `read` with the same `after` would find something; rejects with the signal's reason. */
  waitForRecords(signal: AbortSignal, after?: Position): Promise<void>;
  /** Visits the unacknowledged records of earlier boots, in order. */
  scanOlder(visit: (record: OlderRecord) => void): void;
  /**
   * Appends a record made by `encode` for each reason for which something was shed since the last report. Counts are kept across restarts and
   * cleared only once their record is written. Returns how many were.
   */
  reportShed(encode: (report: ShedReport) => string): number;
  stats(): SpoolStats;
  /** Syncs, saves the cursor and releases the folder. */
  close(): Promise<void>;
}
