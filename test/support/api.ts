/** The manager's API as a stranger speaks it: any method, any headers, the answer as it comes. */
import { zstdCompressSync } from 'node:zlib';
import type { WireRecord } from '../../src/events/index.ts';

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  json<Body = unknown>(): Body;
}

export interface Asked {
  token?: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array<ArrayBuffer> | undefined;
}

export type Ask = (method: string, path: string, asked?: Asked) => Promise<Answer>;

/** Asks under `/api/v1` of this address. */
export const asker =
  (url: string): Ask =>
  async (method, path, { token, headers = {}, body } = {}) => {
    const response = await fetch(`${url}/api/v1${path}`, {
      method,
      headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...headers },
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, json: () => JSON.parse(text) };
  };

export const json = (value: unknown): Asked => ({
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(value),
});

/** Lines of records as an uplink sends them. */
export function packed(lines: readonly (WireRecord | string)[]): Asked {
  const text = lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join('');
  return {
    headers: { 'content-type': 'application/x-ndjson', 'content-encoding': 'zstd' },
    body: new Uint8Array(zstdCompressSync(text)),
  };
}
