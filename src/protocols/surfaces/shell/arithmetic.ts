/** `$((…))`: whole numbers, variables, the usual operators by precedence (POSIX.1-2017, Shell Command Language, 2.6.4). */

/** Nested parentheses and unary signs. */
const MAX_NESTING = 32;
const LEVELS: readonly (readonly string[])[] = [
  ['||'],
  ['&&'],
  ['|'],
  ['^'],
  ['&'],
  ['==', '!='],
  ['<=', '>=', '<', '>'],
  ['<<', '>>'],
  ['+', '-'],
  ['*', '/', '%'],
];
const TOKEN = /\s*(0[xX][0-9a-fA-F]+|[0-9]+|[A-Za-z_][A-Za-z0-9_]*|\|\||&&|==|!=|<=|>=|<<|>>|[-+*/%<>|^&()!~])/y;

function apply(op: string, a: number, b: number): number {
  switch (op) {
    case '||':
      return a !== 0 || b !== 0 ? 1 : 0;
    case '&&':
      return a !== 0 && b !== 0 ? 1 : 0;
    case '|':
      return a | b;
    case '^':
      return a ^ b;
    case '&':
      return a & b;
    case '==':
      return a === b ? 1 : 0;
    case '!=':
      return a !== b ? 1 : 0;
    case '<=':
      return a <= b ? 1 : 0;
    case '>=':
      return a >= b ? 1 : 0;
    case '<':
      return a < b ? 1 : 0;
    case '>':
      return a > b ? 1 : 0;
    case '<<':
      return a * 2 ** Math.min(b, 62);
    case '>>':
      return Math.floor(a / 2 ** Math.min(b, 62));
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return b === 0 ? 0 : Math.trunc(a / b);
    default:
      return b === 0 ? 0 : a % b;
  }
}

/** The value as text; what cannot be read counts as 0. */
export function evaluate(source: string, value: (name: string) => string): string {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(source); match !== null && tokens.length < 512; match = TOKEN.exec(source))
    tokens.push(match[1] ?? '');
  let at = 0;
  let depth = 0;

  function primary(): number {
    depth += 1;
    const token = tokens[at] ?? '0';
    at += 1;
    let result = 0;
    if (depth > MAX_NESTING) result = 0;
    else if (token === '(') {
      result = level(0);
      at += 1;
    } else if (token === '-') result = -primary();
    else if (token === '+') result = primary();
    else if (token === '!') result = primary() === 0 ? 1 : 0;
    else if (token === '~') result = ~primary();
    else
      result = /^0[0-7]+$/.test(token)
        ? Number.parseInt(token, 8)
        : Number(/^[0-9]/.test(token) ? token : value(token));
    depth -= 1;
    return Number.isFinite(result) ? result : 0;
  }

  function level(index: number): number {
    const operators = LEVELS[index];
    if (operators === undefined) return primary();
    let left = level(index + 1);
    for (let op = tokens[at]; op !== undefined && operators.includes(op); op = tokens[at]) {
      at += 1;
      left = apply(op, left, level(index + 1));
    }
    return left;
  }

  const result = Math.trunc(level(0));
  return Number.isSafeInteger(result) ? String(result) : '0';
}
