/**
 * `npm run bench`: measures the numbers that the design wants reached, each beside a yardstick of the same run, and prints them as they are.
 *
 *     node bench/main.ts [NAME…] [--quick] [--full] [--save]
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { errorText } from '../src/events/index.ts';
import { Bench, type Benchmark } from './bench.ts';
import { burst } from './cases/burst.ts';
import { dashboard } from './cases/dashboard.ts';
import { idle } from './cases/idle.ts';
import { importing } from './cases/import.ts';
import { ingest } from './cases/ingest.ts';
import { memory } from './cases/memory.ts';
import { start } from './cases/start.ts';
import { stream } from './cases/stream.ts';
import { throughput } from './cases/throughput.ts';
import { describeMachine, machineLines } from './machine.ts';
import { markdownTable, type Section, textTable } from './report.ts';
import { unmeasured } from './unmeasured.ts';

const BENCHMARKS: readonly Benchmark[] = [throughput, burst, memory, start, idle, stream, ingest, importing, dashboard];
const NAMES = BENCHMARKS.map((benchmark) => benchmark.name);
const RESULTS = join(import.meta.dirname, 'RESULTS.md');

const HELP = `Usage: node bench/main.ts [NAME…] [--quick] [--full] [--save]

${BENCHMARKS.map(({ name, title }) => `  ${name.padEnd(12)} ${title}`).join('\n')}

  --quick   a few seconds each: shows that it works, its figures say little
  --full    the long forms: the whole import of 4,140,381 sessions, ten minutes of ingest
  --save    writes bench/RESULTS.md (of all of them, and not of a quick run)
`;

function options(): { names: string[]; quick: boolean; full: boolean; save: boolean } | string {
  const flag = { type: 'boolean', default: false } as const;
  try {
    const { values, positionals } = parseArgs({
      options: { quick: flag, full: flag, save: flag, help: flag },
      allowPositionals: true,
    });
    if (values.help) return '';
    const unknown = positionals.filter((name) => !NAMES.includes(name));
    if (unknown.length > 0) return `there is no benchmark ${unknown.join(', ')}; there are ${NAMES.join(', ')}`;
    if (values.quick && values.full) return '--quick and --full exclude each other';
    if (values.save && values.quick) return '--save keeps results; a quick run has none worth keeping';
    if (values.save && positionals.length > 0) return '--save keeps the results of all benchmarks; leave out the names';
    return { names: positionals, quick: values.quick, full: values.full, save: values.save };
  } catch (error) {
    return errorText(error);
  }
}

async function measure(bench: Bench, benchmark: Benchmark): Promise<Section> {
  const { name, title } = benchmark;
  process.stderr.write(`${title}\n`);
  try {
    return { name, title, rows: await benchmark.run(bench) };
  } catch (error) {
    process.exitCode ||= 1;
    const row = { what: name, measured: 'failed', yardstick: '', reach: '', holds: false, note: errorText(error) };
    return { name, title, rows: [row] };
  }
}

async function main(): Promise<void> {
  const chosen = options();
  if (typeof chosen === 'string') {
    if (chosen === '') process.stdout.write(HELP);
    else {
      process.stderr.write(`${chosen}\n\n${HELP}`);
      process.exitCode = 2;
    }
    return;
  }
  const machine = describeMachine();
  const about = machineLines(machine);
  if (chosen.quick) about.push('A quick run: these figures show that the benchmarks work, and are not to be compared.');
  if (chosen.full) about.push('With --full.');
  process.stdout.write(`${about.join('\n')}\n`);

  const bench = new Bench(chosen);
  const interrupted = (): void => {
    process.exitCode = 130;
    void bench.close();
  };
  // Not once: under npm a Ctrl-C comes twice, and the second would end us before the cleaning up.
  process.on('SIGINT', interrupted);
  process.on('SIGTERM', interrupted);
  const sections: Section[] = [];
  try {
    for (const benchmark of BENCHMARKS) {
      if (chosen.names.length > 0 && !chosen.names.includes(benchmark.name)) continue;
      const section = await measure(bench, benchmark);
      if (bench.isClosed) break;
      sections.push(section);
      process.stdout.write(`\n${section.title} (${section.name})\n\n${textTable(section.rows)}\n`);
    }
  } finally {
    await bench.close();
  }
  if (process.exitCode === 130) return;
  const missing = unmeasured();
  process.stdout.write(`\nNot measured yet\n\n${missing.map(({ what, why }) => `${what}: ${why}`).join('\n')}\n`);
  if (chosen.save) {
    const parts = [
      '# Results',
      'Written by `npm run bench -- --save`. What each line measures is in [README.md](README.md).',
      about.map((line) => `- ${line}`).join('\n'),
      ...sections.flatMap((section) => [`## ${section.title}`, markdownTable(section.rows)]),
      '## Not measured yet',
      missing.map(({ what, why }) => `- ${what}: ${why}`).join('\n'),
    ];
    writeFileSync(RESULTS, `${parts.join('\n\n')}\n`);
    process.stdout.write(`\nkept in ${RESULTS}\n`);
  }
}

await main();
// Processes of a benchmark that failed half-way may be left; they end when their standard input closes.
process.exit();
