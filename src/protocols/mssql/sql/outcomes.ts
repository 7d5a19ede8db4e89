/** What a statement leads to, before it is written in a client's dialect. */
import type { Cell, Column, ServerMessage } from '../tokens.ts';

export type Outcome =
  | { kind: 'rows'; columns: readonly Column[]; rows: readonly (readonly Cell[])[] }
  /** A statement's end; `rows` where it counts them. */
  | { kind: 'done'; rows: number | undefined }
  | { kind: 'message'; message: ServerMessage }
  | { kind: 'database'; now: string; before: string }
  | { kind: 'procedure'; outcomes: Outcome[]; status: number };

export const rowsOf = (columns: readonly Column[], rows: readonly (readonly Cell[])[]): Outcome => ({
  kind: 'rows',
  columns,
  rows,
});

export function report(
  number: number,
  severity: number,
  state: number,
  text: string,
  line: number,
  procedure?: string,
): Outcome {
  const message: ServerMessage = { number, class: severity, state, text, line };
  return { kind: 'message', message: procedure === undefined ? message : { ...message, procedure } };
}

/** All rows that a statement gave, for INSERT … EXEC. */
export function resultRows(outcomes: readonly Outcome[]): (readonly Cell[])[] {
  return outcomes.flatMap((outcome) => {
    if (outcome.kind === 'rows') return [...outcome.rows];
    return outcome.kind === 'procedure' ? resultRows(outcome.outcomes) : [];
  });
}

export function messagesOf(outcomes: readonly Outcome[]): Outcome[] {
  return outcomes.flatMap((outcome) => {
    if (outcome.kind === 'message') return [outcome];
    return outcome.kind === 'procedure' ? messagesOf(outcome.outcomes) : [];
  });
}
