/** Progress of long work: a bar in a terminal, nothing elsewhere. */
import { Presets, SingleBar } from 'cli-progress';

export interface Progress {
  add(bytes: number, facts?: Readonly<Record<string, unknown>>): void;
  stop(): void;
}

const QUIET: Progress = { add: () => undefined, stop: () => undefined };
const MEBIBYTE = 1_048_576;

/** `total` bytes, or without an end. `title` undefined for none at all. */
export function progress(title: string | undefined, total?: number): Progress {
  if (title === undefined || !process.stderr.isTTY) return QUIET;
  const size = total === undefined ? '{done} MB' : '{percentage}% of {size} MB, {eta_formatted} left';
  const bar = new SingleBar(
    {
      format: `${title} ${total === undefined ? '' : '[{bar}] '}${size} {note}`,
      stream: process.stderr,
      hideCursor: true,
      clearOnComplete: false,
      etaBuffer: 50,
    },
    Presets.shades_grey,
  );
  let done = 0;
  const payload = (facts: Readonly<Record<string, unknown>> = {}) => ({
    done: (done / MEBIBYTE).toFixed(1),
    size: ((total ?? 0) / MEBIBYTE).toFixed(1),
    note: '',
    ...facts,
  });
  bar.start(total ?? 1, 0, payload());
  return {
    add(bytes, facts) {
      done += bytes;
      bar.update(total === undefined ? 0 : Math.min(done, total), payload(facts));
    },
    stop: () => bar.stop(),
  };
}
