/** Numbers as people read them. British English throughout, as in the rest of the interface. */

const WHOLE = new Intl.NumberFormat('en-GB');
const COMPACT = new Intl.NumberFormat('en-GB', { notation: 'compact', maximumFractionDigits: 1 });
const PERCENT = new Intl.NumberFormat('en-GB', { style: 'percent', maximumFractionDigits: 1 });

/** `4,140,381`. */
export function formatCount(value: number): string {
  return WHOLE.format(value);
}

/** `4.1M`: for axes and tight places, where the whole number is in the title. */
export function formatCompact(value: number): string {
  return value < 10_000 ? WHOLE.format(value) : COMPACT.format(value);
}

export function formatShare(part: number, whole: number): string {
  if (whole === 0) return '0%';
  const share = part / whole;
  if (share > 0 && share < 0.001) return '<0.1%';
  return PERCENT.format(share);
}

/** `1 login`, `3 logins`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** Decimal units: `1.2 kB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}
