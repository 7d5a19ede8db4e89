/** How far each run of each sensor has been stored: what a delivery holds up to there came before. In the control database, and in memory. */
import type { Control } from '../control/database.ts';
import type { Watermark } from './journal.ts';

/**
 * Runs remembered for each sensor. A sensor delivers its runs in order, so that one which so many others came after is done; a sensor that invents runs
 * fills nothing.
 */
export const MAX_BOOTS = 1000;

export class Watermarks {
  private readonly control: Control;
  private readonly maxBoots: number;
  private readonly marks = new Map<string, Map<string, number>>();

  constructor(control: Control, maxBoots = MAX_BOOTS) {
    this.control = control;
    this.maxBoots = maxBoots;
    const rows = control.db.prepare('SELECT sensor_id, boot_id, seq FROM watermarks ORDER BY updated_at').all();
    this.remember(rows as unknown as Watermark[]);
  }

  /** The last number stored; 0 where none is. */
  get(sensorId: string, bootId: string): number {
    return this.marks.get(sensorId)?.get(bootId) ?? 0;
  }

  covers(mark: Watermark): boolean {
    return mark.seq <= this.get(mark.sensor_id, mark.boot_id);
  }

  /** Writes the marks into the database. Belongs into a transaction; `remember` follows when that has ended. */
  save(marks: readonly Watermark[], at: string): void {
    const { db } = this.control;
    const save = db.prepare(
      'INSERT INTO watermarks (sensor_id, boot_id, seq, updated_at) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET seq = max(seq, excluded.seq), updated_at = excluded.updated_at',
    );
    for (const { sensor_id, boot_id, seq } of marks) {
      save.run(sensor_id, boot_id, seq, at);
      for (const boot of this.toForget(sensor_id, boot_id))
        db.prepare('DELETE FROM watermarks WHERE sensor_id = ? AND boot_id = ?').run(sensor_id, boot);
    }
  }

  remember(marks: readonly Watermark[]): void {
    for (const { sensor_id, boot_id, seq } of marks) {
      const boots = this.marks.get(sensor_id) ?? new Map<string, number>();
      this.marks.set(sensor_id, boots);
      for (const boot of this.toForget(sensor_id, boot_id)) boots.delete(boot);
      const before = boots.get(boot_id) ?? 0;
      // Again at the end: the order of the map is the order of last deliveries.
      boots.delete(boot_id);
      boots.set(boot_id, Math.max(before, seq));
    }
  }

  /** The runs that are given up when this one comes. */
  private toForget(sensorId: string, bootId: string): string[] {
    const boots = this.marks.get(sensorId);
    if (boots === undefined || boots.has(bootId) || boots.size < this.maxBoots) return [];
    return [...boots.keys()].slice(0, boots.size - this.maxBoots + 1);
  }
}
