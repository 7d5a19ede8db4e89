/** `test`, `[` and `[[`. */
import { isError } from '../filesystem.ts';
import { type Call, complain, type Shell } from '../state.ts';

function fileTest(shell: Shell, op: string, operand: string): boolean {
  const found = shell.common.fs.find(shell.cwd, operand, op !== 'L' && op !== 'h');
  if (isError(found)) return false;
  const { entry } = found;
  switch (op) {
    case 'f':
      return entry.kind === 'file';
    case 'd':
      return entry.kind === 'directory';
    case 'L':
    case 'h':
      return entry.kind === 'link';
    case 's':
      return entry.kind === 'file' && entry.size > 0;
    case 'x':
      return entry.kind !== 'link' && (entry.mode & 0o111) !== 0;
    default:
      return true;
  }
}

function compare(left: string, op: string, right: string): boolean | undefined {
  const [a, b] = [Number.parseInt(left, 10) || 0, Number.parseInt(right, 10) || 0];
  switch (op) {
    case '=':
    case '==':
      return left === right;
    case '!=':
      return left !== right;
    case '-eq':
      return a === b;
    case '-ne':
      return a !== b;
    case '-lt':
      return a < b;
    case '-le':
      return a <= b;
    case '-gt':
      return a > b;
    case '-ge':
      return a >= b;
    default:
      return undefined;
  }
}

/** `test`, with `!`, `-a` and `-o` in the order they stand. */
function testOf(shell: Shell, args: readonly string[]): boolean {
  const either = args.indexOf('-o');
  if (either > 0) return testOf(shell, args.slice(0, either)) || testOf(shell, args.slice(either + 1, either + 64));
  const both = args.indexOf('-a');
  if (both > 0) return testOf(shell, args.slice(0, both)) && testOf(shell, args.slice(both + 1, both + 64));
  if (args[0] === '!' && args.length > 1) return !testOf(shell, args.slice(1, 64));
  const [left = '', op = '', right = ''] = args;
  if (args.length >= 3) return compare(left, op, right) ?? false;
  if (args.length === 2) {
    if (left === '-n') return op !== '';
    if (left === '-z') return op === '';
    return fileTest(shell, left.slice(1), op);
  }
  return left !== '';
}

export function bracket(call: Call): number {
  const closed = call.name === 'test' || call.args.at(-1) === (call.name === '[[' ? ']]' : ']');
  if (!closed) {
    complain(call.shell, call.io, `[: missing \`]'`);
    return 2;
  }
  return testOf(call.shell, (call.name === 'test' ? call.args : call.args.slice(0, -1)).slice(0, 64)) ? 0 : 1;
}
