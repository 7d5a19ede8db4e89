/**
 * The cursor file: up to where records are acknowledged, and what was shed and is not reported yet. One line of JSON and one with its
 * CRC-32 in hexadecimal. It is replaced by rename, some milliseconds behind what it tells: an older one costs records sent twice, no more.
 */
import type { FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { errorCode } from '../events/errors.ts';
import { UUID } from '../events/ids.ts';
import type { ShedCounts, ShedReason, SpoolFs } from './contract.ts';
import { writeAt } from './files.ts';

export interface CursorState {
  /** Counts the boots; 0 when nothing was ever acknowledged. */
  ordinal: number;
  boot: string;
  seq: number;
  shed: Partial<Record<ShedReason, ShedCounts>>;
}

export const NO_CURSOR: Readonly<CursorState> = { ordinal: 0, boot: '', seq: 0, shed: {} };
const REASONS: readonly ShedReason[] = ['size', 'disk_full', 'corrupt'];

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function parseShed(value: unknown): CursorState['shed'] {
  const shed: CursorState['shed'] = {};
  for (const reason of REASONS) {
    const counts = (value as Partial<Record<ShedReason, Partial<ShedCounts>>> | undefined)?.[reason];
    if (counts === undefined) continue;
    const { transcripts, probes, records } = counts;
    if (isCount(transcripts) && isCount(probes) && isCount(records)) shed[reason] = { transcripts, probes, records };
  }
  return shed;
}

export function encodeCursor(state: CursorState): string {
  const line = JSON.stringify(state);
  return `${line}\n${crc32(line).toString(16).padStart(8, '0')}\n`;
}

export function decodeCursor(text: string): CursorState | undefined {
  const [line = '', sum = ''] = text.split('\n');
  if (crc32(line).toString(16).padStart(8, '0') !== sum) return undefined;
  let value: Partial<CursorState>;
  try {
    value = JSON.parse(line) as Partial<CursorState>;
  } catch {
    return undefined;
  }
  const { ordinal, boot, seq } = value;
  if (!isCount(ordinal) || !isCount(seq) || typeof boot !== 'string' || !(boot === '' || UUID.test(boot)))
    return undefined;
  return { ordinal, boot, seq, shed: parseShed(value.shed) };
}

export function loadCursor(fs: SpoolFs, path: string): CursorState | 'none' | 'corrupt' {
  let text: string;
  try {
    text = fs.readFileSync(path, 'latin1');
  } catch (error) {
    return errorCode(error) === 'ENOENT' ? 'none' : 'corrupt';
  }
  return decodeCursor(text) ?? 'corrupt';
}

/** Writes the cursor file soon after it was touched, once for all changes of that time. */
export class CursorFile {
  private readonly fs: SpoolFs;
  private readonly path: string;
  private readonly delayMs: number;
  private readonly state: () => CursorState;
  private timer: NodeJS.Timeout | undefined;
  private saving: Promise<void> | undefined;
  private dirty = false;

  constructor(fs: SpoolFs, path: string, delayMs: number, state: () => CursorState) {
    this.fs = fs;
    this.path = path;
    this.delayMs = delayMs;
    this.state = state;
  }

  touch(): void {
    this.dirty = true;
    if (this.timer !== undefined || this.saving !== undefined) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      void this.save();
    }, this.delayMs).unref();
  }

  /** Saves what is not saved yet, and no more after that. */
  async close(): Promise<void> {
    await this.saving;
    if (this.dirty) await this.save();
    clearTimeout(this.timer);
  }

  private save(): Promise<void> {
    this.saving = this.write().then((saved) => {
      this.saving = undefined;
      if (!saved) this.dirty = true;
      else if (this.dirty) this.touch();
    });
    return this.saving;
  }

  /** False on a full disk: the next touch tries again. */
  private async write(): Promise<boolean> {
    const { fs } = this;
    const fresh = `${this.path}.tmp`;
    this.dirty = false;
    let file: FileHandle | undefined;
    try {
      file = await fs.openHandle(fresh, 'w', 0o600);
      const bytes = Buffer.from(encodeCursor(this.state()), 'latin1');
      writeAt(fs, file.fd, 0, bytes);
      await file.datasync();
      fs.renameSync(fresh, this.path);
      return true;
    } catch {
      return false;
    } finally {
      await file?.close().catch(() => undefined);
    }
  }
}
