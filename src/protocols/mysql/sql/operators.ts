/** What the operators of expressions do with two values, by the server's rules for NULL, numbers and text. */
import type { Value } from '../results.ts';

/** Whether a condition holds: NULL and text without a number do not. */
export const isTrue = (value: Value): boolean =>
  value !== null && Number.parseFloat(String(value)) !== 0 && !Number.isNaN(Number.parseFloat(String(value)));
export const numeric = (value: Value): number => {
  if (typeof value === 'number') return value;
  const parsed = Number.parseFloat(value ?? '0');
  return Number.isNaN(parsed) ? 0 : parsed;
};

export function compare(a: Value, b: Value): number | null {
  if (a === null || b === null) return null;
  if (typeof a === 'number' || typeof b === 'number') return Math.sign(numeric(a) - numeric(b));
  const [left, right] = [a.toLowerCase(), b.toLowerCase()];
  return left < right ? -1 : left > right ? 1 : 0;
}

export const flag = (value: boolean): number => (value ? 1 : 0);

export const logic = (a: Value, b: Value, apply: (x: boolean, y: boolean) => boolean): Value =>
  a === null || b === null ? null : flag(apply(isTrue(a), isTrue(b)));

export function arithmetic(operator: string, a: Value, b: Value): Value {
  const order = compare(a, b);
  if (operator === '<=>') return flag(a === null || b === null ? a === b : order === 0);
  if (a === null || b === null || order === null) return null;
  const [x, y] = [numeric(a), numeric(b)];
  switch (operator) {
    case '=':
      return flag(order === 0);
    case '<>':
    case '!=':
      return flag(order !== 0);
    case '<':
      return flag(order < 0);
    case '<=':
      return flag(order <= 0);
    case '>':
      return flag(order > 0);
    case '>=':
      return flag(order >= 0);
    case '+':
      return x + y;
    case '-':
      return x - y;
    case '*':
      return x * y;
    case '/':
      // Whole numbers divide to a decimal of four more places (`div_precision_increment`).
      if (y === 0) return null;
      return Number.isInteger(x) && Number.isInteger(y) ? (x / y).toFixed(4) : x / y;
    case 'DIV':
      return y === 0 ? null : Math.trunc(x / y);
    case '%':
    case 'MOD':
      return y === 0 ? null : x % y;
    case '&':
      return Number(BigInt.asUintN(64, bits(x) & bits(y)));
    case '|':
      return Number(BigInt.asUintN(64, bits(x) | bits(y)));
    case '^':
      return Number(BigInt.asUintN(64, bits(x) ^ bits(y)));
    case '<<':
      return y >= 0 && y < 64 ? Number(BigInt.asUintN(64, bits(x) << bits(y))) : 0;
    case '>>':
      return y >= 0 && y < 64 ? Number(bits(x) >> bits(y)) : 0;
    default:
      // REGEXP and RLIKE: a literal comparison, as a peer's pattern is never run as one.
      return flag(String(a).toLowerCase().includes(String(b).toLowerCase().replace(/[\^$]/g, '')));
  }
}

export const bits = (value: number): bigint =>
  BigInt.asUintN(64, BigInt(Number.isFinite(value) ? Math.trunc(value) : 0));
