import { type ReactNode, useState } from 'react';
import { formatCount } from '../format/number.ts';
import { cutText, segments } from './peer-text.ts';
import './peer-text.css';

interface Props {
  /** Null is what was never sent, '' what was sent empty. */
  text: string | null | undefined;
  /** Longer text is cut here. */
  limit?: number;
  /** Keeps line breaks, and lets long text be opened; otherwise it is one line. */
  block?: boolean;
  /** What is said where nothing was sent. */
  none?: string;
}

/** Shows text from an attacker: as text only, in one direction, with everything invisible made visible. */
export function PeerText({ text, limit = 160, block = false, none = 'not sent' }: Props) {
  const [open, setOpen] = useState(false);
  if (text === null || text === undefined) return <span className="peer-none">{none}</span>;
  if (text === '') return <span className="peer-none">empty</span>;
  const shown = open ? text : cutText(text, limit);
  const cut = shown.length < text.length;
  const pieces: ReactNode[] = segments(shown, block).map((segment, at) => {
    if (segment.kind === 'text') return segment.text;
    // biome-ignore lint/suspicious/noArrayIndexKey: pieces have no identity but their place
    if (segment.kind === 'break') return <br key={`${at} break`} />;
    return (
      // biome-ignore lint/suspicious/noArrayIndexKey: as above
      <span key={`${at} mark`} className="peer-mark" title={segment.name}>
        {segment.text}
      </span>
    );
  });
  return (
    <>
      <bdi dir="ltr" className={block ? 'peer peer-block' : 'peer'}>
        {pieces}
        {cut && '…'}
      </bdi>
      {block && (cut || open) && (
        <button type="button" className="link-button peer-more" onClick={() => setOpen(!open)}>
          {open ? 'Show less' : `Show all ${formatCount(text.length)} characters`}
        </button>
      )}
    </>
  );
}
