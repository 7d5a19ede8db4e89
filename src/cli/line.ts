/** A line of a file, and what cuts a stream of bytes into them. */

/** A longer line is reported and skipped. */
export const MAX_LINE = 16 * 1_048_576;

export interface Line {
  /** From 1. */
  number: number;
  text: string;
  tooLong: boolean;
}

export interface Splitter {
  /** The lines that a chunk completes. */
  push(chunk: Buffer): Line[];
  /** What is left at the end. */
  end(): Line[];
}
