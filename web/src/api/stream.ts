/**
 * The live stream (`GET /stream`, server-sent events): one connection for the whole dashboard, with the filters of the page that is
 * open. EventSource reconnects by itself after a lost connection but gives up after an error answer, and does not notice a connection
 * that died while the computer slept; both are made up for here.
 */
import { useEffect, useRef, useSyncExternalStore } from 'react';
import { apiUrl } from './client.ts';
import type { Session } from './types.ts';

export type StreamState = 'off' | 'connecting' | 'live' | 'lost';

const FIRST_RETRY_MS = 1000;
const MAX_RETRY_MS = 30_000;
/** The manager pings at least twice in this time; a longer silence is a dead connection. */
const SILENCE_MS = 60_000;

type SessionListener = (session: Session) => void;

class LiveStream {
  private source: EventSource | undefined;
  private query = '';
  private retryMs = FIRST_RETRY_MS;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private watchTimer: ReturnType<typeof setInterval> | undefined;
  private heardAt = 0;
  private readonly sessionListeners = new Set<SessionListener>();
  private readonly stateListeners = new Set<() => void>();
  private readonly reopenListeners = new Set<() => void>();
  private opened = 0;
  state: StreamState = 'off';

  /** Opens the stream, or opens it anew where the filters are other ones. */
  open(query: URLSearchParams): void {
    const text = query.toString();
    if (this.state !== 'off' && text === this.query) return;
    this.query = text;
    this.opened = 0;
    this.connect();
    this.watchTimer ??= setInterval(() => this.checkSilence(), SILENCE_MS / 4);
  }

  close(): void {
    this.drop();
    clearInterval(this.watchTimer);
    this.watchTimer = undefined;
    this.setState('off');
  }

  onSession(listener: SessionListener): () => void {
    this.sessionListeners.add(listener);
    return () => this.sessionListeners.delete(listener);
  }

  /** Called when the stream is back after a gap, in which sessions may have been missed. */
  onReopen(listener: () => void): () => void {
    this.reopenListeners.add(listener);
    return () => this.reopenListeners.delete(listener);
  }

  readonly onState = (listener: () => void): (() => void) => {
    this.stateListeners.add(listener);
    return () => this.stateListeners.delete(listener);
  };

  private setState(state: StreamState): void {
    if (state === this.state) return;
    this.state = state;
    for (const listener of this.stateListeners) listener();
  }

  private drop(): void {
    clearTimeout(this.retryTimer);
    this.source?.close();
    this.source = undefined;
  }

  private connect(): void {
    this.drop();
    this.setState(this.opened === 0 ? 'connecting' : 'lost');
    this.heardAt = Date.now();
    const source = new EventSource(apiUrl('/stream', new URLSearchParams(this.query)));
    this.source = source;
    const heard = (): void => {
      this.heardAt = Date.now();
    };
    source.addEventListener('open', () => {
      heard();
      this.retryMs = FIRST_RETRY_MS;
      this.opened += 1;
      this.setState('live');
      if (this.opened > 1) for (const listener of this.reopenListeners) listener();
    });
    source.addEventListener('ping', heard);
    source.addEventListener('session', (event) => {
      heard();
      let session: Session;
      try {
        session = JSON.parse(String(event.data)) as Session;
      } catch {
        return; // A cut message after a lost connection; the list is read again on reopening.
      }
      for (const listener of this.sessionListeners) listener(session);
    });
    source.addEventListener('error', () => {
      this.setState('lost');
      if (source.readyState !== EventSource.CLOSED) return;
      clearTimeout(this.retryTimer);
      this.retryTimer = setTimeout(() => this.connect(), this.retryMs);
      this.retryMs = Math.min(MAX_RETRY_MS, this.retryMs * 2);
    });
  }

  private checkSilence(): void {
    if (this.state === 'live' && Date.now() - this.heardAt > SILENCE_MS) this.connect();
  }
}

export const liveStream = new LiveStream();

export function useStreamState(): StreamState {
  return useSyncExternalStore(liveStream.onState, () => liveStream.state);
}

/** Listens to new sessions that match `query` for as long as the component is there. `onReopen` is called after a gap. */
export function useStream(query: URLSearchParams, onSession: SessionListener, onReopen?: () => void): void {
  const latest = useRef({ onSession, onReopen });
  useEffect(() => {
    latest.current = { onSession, onReopen };
  });
  const text = query.toString();
  useEffect(() => {
    liveStream.open(new URLSearchParams(text));
    const stops = [
      liveStream.onSession((session) => latest.current.onSession(session)),
      liveStream.onReopen(() => latest.current.onReopen?.()),
    ];
    return () => {
      for (const stop of stops) stop();
    };
  }, [text]);
}
