import { useEffect, useState } from 'react';
import { Icon } from './Icon.tsx';
import { sentText } from './peer-text.ts';

const SHOWN_MS = 1500;

/** Copies the raw value, which may hold characters that the page shows only as marks. */
export function CopyButton({ text, label }: { text: string; label: string }) {
  const [state, setState] = useState<'idle' | 'done' | 'failed'>('idle');
  useEffect(() => {
    if (state === 'idle') return;
    const timer = setTimeout(() => setState('idle'), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [state]);
  const copy = (): void => {
    // The clipboard is missing on plain HTTP, except on localhost.
    const written = navigator.clipboard?.writeText(sentText(text)) ?? Promise.reject(new Error('no clipboard'));
    written.then(
      () => setState('done'),
      () => setState('failed'),
    );
  };
  return (
    <button
      type="button"
      className="icon-button small"
      aria-label={state === 'done' ? 'Copied' : state === 'failed' ? 'Could not copy' : label}
      title={state === 'failed' ? 'The browser allows copying only over HTTPS' : label}
      onClick={copy}
    >
      <Icon name={state === 'done' ? 'check' : state === 'failed' ? 'close' : 'copy'} size={14} />
    </button>
  );
}
