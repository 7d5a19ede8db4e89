/** Counts what was shed: for the numbers that everyone can see, and for the report that makes the gap visible in the data. */
import type { RecordKind, ShedCounts, ShedReason, ShedReport } from './contract.ts';

const REASONS: readonly ShedReason[] = ['size', 'disk_full', 'corrupt'];
const FIELDS = ['transcripts', 'probes', 'records'] as const satisfies (keyof ShedCounts)[];

const none = (): ShedCounts => ({ transcripts: 0, probes: 0, records: 0 });

export class ShedLedger {
  /** Since the spool was opened. */
  readonly total: ShedCounts = none();
  /** Not reported yet; kept in the cursor file. */
  private readonly pending: Record<ShedReason, ShedCounts>;

  constructor(pending: Partial<Record<ShedReason, ShedCounts>>) {
    this.pending = {
      size: { ...(pending.size ?? none()) },
      disk_full: { ...(pending.disk_full ?? none()) },
      corrupt: { ...(pending.corrupt ?? none()) },
    };
  }

  add(reason: ShedReason, kind: RecordKind, count: number): void {
    const field = FIELDS[kind] ?? 'records';
    this.pending[reason][field] += count;
    this.total[field] += count;
  }

  get shed(): number {
    return this.total.transcripts + this.total.probes + this.total.records;
  }

  unreported(): ShedReport[] {
    return REASONS.map((reason) => ({ ...this.pending[reason], reason })).filter((report) =>
      FIELDS.some((field) => report[field] > 0),
    );
  }

  reported(report: ShedReport): void {
    for (const field of FIELDS) this.pending[report.reason][field] -= report[field];
  }

  /** For the cursor file. */
  state(): Partial<Record<ShedReason, ShedCounts>> {
    return Object.fromEntries(this.unreported().map(({ reason, ...counts }) => [reason, counts]));
  }
}
