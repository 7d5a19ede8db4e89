/** What stands where data is not there yet, not there at all, or could not be had. */
import type { ReactNode } from 'react';
import { CopyButton } from './CopyButton.tsx';

export function ErrorState({ error, onRetry }: { error: Error; onRetry(): void }) {
  return (
    <div className="state" role="alert">
      <p className="state-title">This could not be loaded</p>
      <p>{error.message}</p>
      <button type="button" className="button" onClick={onRetry}>
        Try again
      </button>
    </div>
  );
}

export function EmptyState({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="state">
      <p className="state-title">{title}</p>
      {children}
    </div>
  );
}

/** A line to paste into a terminal. */
export function TryLine({ command }: { command: string }) {
  return (
    <p className="try-line">
      <code>{command}</code>
      <CopyButton text={command} label="Copy this line" />
    </p>
  );
}

/** Nothing has been recorded at all: how to make the first session. Ports are those of `sundew up` without options. */
export function FirstSteps() {
  return (
    <EmptyState title="Nothing has touched your decoys yet">
      <p>Knock on one yourself and watch it appear here within a second:</p>
      <TryLine command="curl -i http://127.0.0.1:20080/" />
      <p className="soft">
        Decoys listen on 127.0.0.1 with 20000 added to the port, unless told otherwise. <code>sundew services</code>{' '}
        lists them.
      </p>
    </EmptyState>
  );
}

/** Grey lines of the height of what is to come. */
export function SkeletonLines({ lines, height = 30 }: { lines: number; height?: number }) {
  return (
    <div aria-hidden="true">
      {Array.from({ length: lines }, (_, line) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the lines are all alike and never move
        <div key={line} className="skeleton-line" style={{ height }}>
          <span style={{ width: `${72 - ((line * 37) % 45)}%` }} />
        </div>
      ))}
    </div>
  );
}
