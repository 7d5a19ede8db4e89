/** Filters: what stands behind a `|` in the one-liners that attackers send. */
import { createHash } from 'node:crypto';
import { compilePattern } from '../pattern.ts';
import { type Call, type CommandTable, type Run, readAll, step } from '../state.ts';
import { fail, readFlags } from './flags.ts';

/** Lines that one command looks at. */
const MAX_LINES = 20_000;

function linesOf(text: string): string[] {
  const lines = text.split('\n', MAX_LINES);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/** The named files, or standard input, with the names to show. */
function* inputs(call: Call, names: readonly string[]): Run<{ name: string; text: string }[]> {
  if (names.length === 0) return [{ name: '-', text: yield* readAll(call.io.input) }];
  const found: { name: string; text: string }[] = [];
  for (const name of names.slice(0, 64)) {
    step(call.shell);
    const text = name === '-' ? yield* readAll(call.io.input) : call.shell.common.fs.read(call.shell.cwd, name);
    if (typeof text === 'string') found.push({ name, text });
    else {
      const plain =
        call.name === 'head' || call.name === 'tail'
          ? `cannot open '${name}' for reading: ${text.error}`
          : `${name}: ${text.error}`;
      fail(call, plain);
    }
  }
  return found;
}

function* grep(call: Call): Run<number> {
  const { letters, values, rest } = readFlags(call.args, 'emABC');
  const [first, ...names] = values.has('e') ? [values.get('e') ?? '', ...rest] : rest;
  if (first === undefined) {
    call.io.err("Usage: grep [OPTION]... PATTERNS [FILE]...\nTry 'grep --help' for more information.\n");
    return 2;
  }
  const literal = letters.has('F') || call.name === 'fgrep';
  const pattern = compilePattern(
    literal ? first.replace(/[\\.[\]*^$]/g, '\\$&') : first,
    letters.has('E') || call.name === 'egrep',
    letters.has('i'),
  );
  const sources = yield* inputs(call, names);
  let hits = 0;
  for (const { name, text } of sources) {
    let count = 0;
    for (const line of linesOf(text)) {
      step(call.shell, pattern.cost(line.length) - 1);
      if (pattern.test(line) === letters.has('v')) continue;
      count += 1;
      if (letters.has('q') || letters.has('c')) continue;
      const place = letters.has('o') ? pattern.find(line) : undefined;
      call.io.out(
        `${sources.length > 1 && !letters.has('h') ? `${name}:` : ''}${place === undefined ? line : line.slice(...place)}\n`,
      );
    }
    if (letters.has('c')) call.io.out(`${count}\n`);
    hits += count;
  }
  return hits > 0 ? 0 : 1;
}

function* ends(call: Call): Run<number> {
  const head = call.name === 'head';
  const { values, rest } = readFlags(
    call.args.map((arg) => arg.replace(/^-([0-9]+)$/, '-n$1')),
    'nc',
  );
  const amount = (name: string): number | undefined => {
    const digits = /^[-+]?([0-9]{1,9})/.exec(values.get(name) ?? '')?.[1];
    return digits === undefined ? undefined : Number(digits);
  };
  const bytes = amount('c');
  const sources = yield* inputs(call, rest);
  for (const { name, text } of sources) {
    if (sources.length > 1) call.io.out(`==> ${name} <==\n`);
    if (bytes !== undefined) call.io.out(head ? text.slice(0, bytes) : text.slice(Math.max(0, text.length - bytes)));
    else {
      const lines = linesOf(text);
      const count = amount('n') ?? 10;
      const kept = head ? lines.slice(0, count) : lines.slice(Math.max(0, lines.length - count));
      call.io.out(kept.map((line) => `${line}\n`).join(''));
    }
  }
  return sources.length === 0 && rest.length > 0 ? 1 : 0;
}

function* wc(call: Call): Run<number> {
  const { letters, rest } = readFlags(call.args);
  for (const { name, text } of yield* inputs(call, rest)) {
    const all = !['l', 'w', 'c', 'm'].some((letter) => letters.has(letter));
    const counts: number[] = [];
    if (all || letters.has('l')) counts.push(text.split('\n').length - 1);
    if (all || letters.has('w')) counts.push(text.split(/\s+/).filter((word) => word !== '').length);
    if (all || letters.has('c') || letters.has('m')) counts.push(text.length);
    const shown = counts.length === 1 ? String(counts[0]) : counts.map((count) => String(count).padStart(7)).join(' ');
    call.io.out(`${shown}${name === '-' ? '' : ` ${name}`}\n`);
  }
  return 0;
}

function ranges(list: string): (index: number) => boolean {
  const spans = list.split(',', 64).map((span) => {
    const [from = '', to = from] = span.split('-', 2);
    return [from === '' ? 1 : Number(from), to === '' ? Number.POSITIVE_INFINITY : Number(to)] as const;
  });
  return (index) => spans.some(([from, to]) => index >= from && index <= to);
}

function* cut(call: Call): Run<number> {
  const { letters, values, rest } = readFlags(call.args, 'dfcb');
  const picked = ranges(values.get('f') ?? values.get('c') ?? values.get('b') ?? '1');
  const delimiter = values.get('d') || '\t';
  for (const { text } of yield* inputs(call, rest)) {
    for (const line of linesOf(text)) {
      const pieces = letters.has('f') ? line.split(delimiter) : [...line];
      const whole = letters.has('f') && pieces.length === 1;
      call.io.out(
        `${whole ? line : pieces.filter((_, index) => picked(index + 1)).join(letters.has('f') ? delimiter : '')}\n`,
      );
    }
  }
  return 0;
}

function* sort(call: Call): Run<number> {
  const { letters, rest } = readFlags(call.args, 'kto');
  const lines = (yield* inputs(call, rest)).flatMap(({ text }) => linesOf(text));
  step(call.shell, lines.length >> 3);
  lines.sort(letters.has('n') ? (a, b) => (Number.parseFloat(a) || 0) - (Number.parseFloat(b) || 0) : undefined);
  if (letters.has('r')) lines.reverse();
  const kept = letters.has('u') ? [...new Set(lines)] : lines;
  call.io.out(kept.map((line) => `${line}\n`).join(''));
  return 0;
}

function* uniq(call: Call): Run<number> {
  const { letters, rest } = readFlags(call.args);
  const groups: { line: string; count: number }[] = [];
  for (const line of (yield* inputs(call, rest)).flatMap(({ text }) => linesOf(text))) {
    const last = groups.at(-1);
    if (last?.line === line) last.count += 1;
    else groups.push({ line, count: 1 });
  }
  for (const { line, count } of groups)
    call.io.out(letters.has('c') ? `${String(count).padStart(7)} ${line}\n` : `${line}\n`);
  return 0;
}

const CLASSES: Readonly<Record<string, string>> = {
  '[:lower:]': 'a-z',
  '[:upper:]': 'A-Z',
  '[:digit:]': '0-9',
  '[:space:]': ' \t\n\r\f\v',
  '[:alpha:]': 'A-Za-z',
  '[:alnum:]': 'A-Za-z0-9',
};
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '0': '\0', '\\': '\\' };

function characters(set: string): string[] {
  const spelled = set
    .slice(0, 512)
    .replace(/\[:[a-z]+:\]/g, (name) => CLASSES[name] ?? '')
    .replace(/\\(.)/g, (all, letter: string) => ESCAPES[letter] ?? all);
  return [
    ...spelled.replace(/(.)-(.)/gs, (all, from: string, to: string) => {
      const [low, high] = [from.charCodeAt(0), to.charCodeAt(0)];
      return low <= high && high < 256
        ? String.fromCharCode(...Array.from({ length: high - low + 1 }, (_, i) => low + i))
        : all;
    }),
  ];
}

function* tr(call: Call): Run<number> {
  const { letters, rest } = readFlags(call.args);
  const [from = '', to = ''] = rest;
  const target = characters(to);
  const inSet = new Map(
    characters(from).map((char, index) => [char, target[Math.min(index, target.length - 1)] ?? char]),
  );
  const text = yield* readAll(call.io.input);
  let out = '';
  for (const char of text) {
    const hit = inSet.has(char) !== letters.has('c');
    if (!hit) out += char;
    else if (!letters.has('d')) {
      const replaced = letters.has('c') ? (target.at(-1) ?? char) : (inSet.get(char) ?? char);
      if (!(letters.has('s') && out.endsWith(replaced))) out += replaced;
    }
  }
  call.io.out(out);
  return 0;
}

/** `awk` as far as one-liners go: an optional condition on the line's number or text, and `print` of fields and quoted text. */
function* awk(call: Call): Run<number> {
  const { values, rest } = readFlags(call.args, 'Fv');
  const [program = '', ...names] = rest;
  const match = /^\s*(?:(?:FNR|NR)\s*==\s*([0-9]{1,6})|\/([^/]*)\/)?\s*(?:\{\s*print\b\s*([^;}]*)[;}]?.*\})?\s*$/s.exec(
    program.slice(0, 512),
  );
  const separator = values.get('F');
  const pattern = match?.[2] === undefined ? undefined : compilePattern(match[2], true, false);
  const printed = [...(match?.[3] ?? '').matchAll(/\$([0-9]{1,4}|NF)|"([^"]*)"|(NR|NF)|(,)/g)];
  for (const { text } of yield* inputs(call, names)) {
    for (const [index, line] of linesOf(text).entries()) {
      step(call.shell, pattern === undefined ? 0 : pattern.cost(line.length));
      if (match === null || (match[1] !== undefined && Number(match[1]) !== index + 1)) continue;
      if (pattern !== undefined && !pattern.test(line)) continue;
      const fields =
        separator === undefined ? line.split(/\s+/).filter((field) => field !== '') : line.split(separator);
      const pieces = printed.map(([, field, quoted, variable, comma]) => {
        if (field !== undefined)
          return field === '0' ? line : (fields[field === 'NF' ? fields.length - 1 : Number(field) - 1] ?? '');
        if (comma !== undefined) return ' ';
        return quoted ?? String(variable === 'NR' ? index + 1 : fields.length);
      });
      call.io.out(`${printed.length === 0 ? line : pieces.join('')}\n`);
    }
  }
  return 0;
}

/** `sed` as far as `s/a/b/[g]`, `Np` and `/x/d` go; other scripts leave the text as it is. */
function* sed(call: Call): Run<number> {
  const { letters, values, rest } = readFlags(call.args, 'e');
  const [script = '', ...names] = values.has('e') ? [values.get('e') ?? '', ...rest] : rest;
  const replace = /^s(.)((?:(?!\1).)*)\1((?:(?!\1).)*)\1([gi]*)$/s.exec(script.slice(0, 1024));
  const single = /^([0-9]{1,6})([pd])$/.exec(script);
  const deleted = /^\/(.*)\/d$/s.exec(script.slice(0, 1024));
  const pattern = compilePattern(
    replace?.[2] ?? deleted?.[1] ?? '',
    letters.has('E') || letters.has('r'),
    replace?.[4]?.includes('i') ?? false,
  );
  for (const { name, text } of yield* inputs(call, names)) {
    const kept: string[] = [];
    for (const [index, line] of linesOf(text).entries()) {
      step(call.shell, pattern.cost(line.length));
      if (single !== null) {
        if ((Number(single[1]) === index + 1) === (single[2] === 'p')) kept.push(line);
      } else if (deleted !== null) {
        if (!pattern.test(line)) kept.push(line);
      } else if (replace === null) kept.push(line);
      else {
        let done = '';
        let left = line;
        for (
          let place = pattern.find(left);
          place !== undefined && left !== '';
          place = replace[4]?.includes('g') ? pattern.find(left) : undefined
        ) {
          step(call.shell);
          done += left.slice(0, place[0]) + (replace[3] ?? '').replaceAll('&', left.slice(...place));
          if (place[1] === place[0]) done += left.slice(place[1], place[1] + 1);
          left = left.slice(Math.max(place[1], place[0] + (place[1] === place[0] ? 1 : 0)));
        }
        kept.push(done + left);
      }
    }
    const result = kept.map((line) => `${line}\n`).join('');
    if (letters.has('i') && name !== '-') call.shell.common.fs.write(call.shell.cwd, name, result, false);
    else call.io.out(result);
  }
  return 0;
}

function* digest(call: Call): Run<number> {
  const algorithm = call.name.replace('sum', '');
  for (const { name, text } of yield* inputs(call, readFlags(call.args).rest)) {
    call.io.out(`${createHash(algorithm).update(text, 'latin1').digest('hex')}  ${name}\n`);
  }
  return 0;
}

function* base64(call: Call): Run<number> {
  const { letters, rest } = readFlags(call.args, 'w');
  for (const { text } of yield* inputs(call, rest)) {
    if (letters.has('d') || letters.has('D') || letters.has('decode'))
      call.io.out(Buffer.from(text, 'base64').toString('latin1'));
    else call.io.out(`${Buffer.from(text, 'latin1').toString('base64').replace(/.{76}/g, '$&\n')}\n`);
  }
  return 0;
}

function* hexdump(call: Call): Run<number> {
  const { values, rest } = readFlags(call.args, 'lscg');
  const [source] = yield* inputs(call, rest.slice(0, 1));
  const limit = Number(/^[0-9]{1,9}$/.exec(values.get('l') ?? '')?.[0] ?? 65_536);
  const bytes = Buffer.from((source?.text ?? '').slice(0, Math.min(limit, 65_536)), 'latin1');
  for (let at = 0; at < bytes.length; at += 16) {
    const row = bytes.subarray(at, at + 16);
    const hex = row.toString('hex').replace(/(....)/g, '$1 ');
    call.io.out(
      `${at.toString(16).padStart(8, '0')}: ${hex.padEnd(40)} ${row.toString('latin1').replace(/[^ -~]/g, '.')}\n`,
    );
  }
  return 0;
}

export const textCommands: CommandTable = {
  awk,
  base64,
  cut,
  egrep: grep,
  fgrep: grep,
  grep,
  head: ends,
  less: function* (call) {
    for (const { text } of yield* inputs(call, readFlags(call.args).rest)) call.io.out(text);
    return 0;
  },
  mawk: awk,
  md5sum: digest,
  sed,
  sha1sum: digest,
  sha256sum: digest,
  sort,
  tail: ends,
  tr,
  uniq,
  wc,
  xxd: hexdump,
};
