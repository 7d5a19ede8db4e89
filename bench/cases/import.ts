/** The reference deployment's sessions, imported from MHN's JSON by the command: how long it takes, and how much of a disk the store takes. */
import type { Benchmark } from '../bench.ts';
import { REFERENCE_ROWS } from '../generate-mhn.ts';
import { imported } from '../imported.ts';
import { formatBytes, formatNumber, formatPercent, formatRate } from '../report.ts';

const LIMIT_SECONDS = 60;
const LIMIT_SHARE = 0.1;

export const importing: Benchmark = {
  name: 'import',
  title: 'Import of the reference deployment',
  async run(bench) {
    const facts = await imported(bench);
    const whole = facts.rows === REFERENCE_ROWS;
    const wholeSeconds = (facts.seconds * REFERENCE_ROWS) / facts.rows;
    const share = facts.storeBytes / facts.jsonBytes;
    const rows = facts.rows.toLocaleString('en');
    return [
      {
        what: `import of ${rows} sessions`,
        measured: `${formatNumber(facts.seconds)} s, ${formatRate(facts.rows / facts.seconds)}`,
        yardstick: `reading and JSON.parse alone ${formatNumber(facts.parseSeconds)} s`,
        reach: `${REFERENCE_ROWS.toLocaleString('en')} in under ${LIMIT_SECONDS} s`,
        holds: whole ? facts.seconds < LIMIT_SECONDS : undefined,
        note: whole ? '' : `extrapolated from this part: ${formatNumber(wholeSeconds)} s for all (--full imports all)`,
      },
      {
        what: 'rows imported',
        measured: `${facts.imported.toLocaleString('en')}, ${facts.sessions.toLocaleString('en')} in the store`,
        yardstick: '',
        reach: `all ${rows}`,
        holds: facts.imported === facts.rows && facts.sessions === facts.rows,
      },
      {
        what: 'the store of it',
        measured: `${formatBytes(facts.storeBytes)} = ${formatPercent(share)} of the JSON (${formatBytes(facts.jsonBytes)})`,
        yardstick: `gzip -6 ${formatBytes(facts.gzipBytes)} = ${formatPercent(facts.gzipBytes / facts.jsonBytes)}`,
        reach: 'under 10 % of the JSON',
        holds: whole ? share < LIMIT_SHARE : undefined,
        note: `the whole folder on the disk, beyond what it takes when empty${whole ? '' : '; of few rows it is a larger share'}`,
      },
    ];
  },
};
