/** `fetch` for our own API: JSON in and out, errors as `application/problem+json` (RFC 9457). */

const BASE = '/api/v1';

export class ApiError extends Error {
  /** The HTTP status, or 0 where no answer came. */
  readonly status: number;

  constructor(status: number, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'ApiError';
    this.status = status;
  }
}

function problemText(body: unknown, status: number): string {
  if (typeof body === 'object' && body !== null) {
    const { detail, title } = body as { detail?: unknown; title?: unknown };
    if (typeof detail === 'string' && detail !== '') return detail;
    if (typeof title === 'string' && title !== '') return title;
  }
  if (status === 429) return 'Too many requests. Wait a minute and try again.';
  return `The manager answered with status ${status}.`;
}

async function request<Answer>(path: string, init: RequestInit): Promise<Answer> {
  let response: Response;
  try {
    response = await fetch(`${BASE}${path}`, { credentials: 'same-origin', ...init });
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
    throw new ApiError(0, 'The manager does not answer.', cause);
  }
  const text = await response.text();
  let body: unknown;
  try {
    body = text === '' ? undefined : JSON.parse(text);
  } catch (cause) {
    throw new ApiError(response.status, 'The manager answered with something that is not JSON.', cause);
  }
  if (!response.ok) throw new ApiError(response.status, problemText(body, response.status));
  return body as Answer;
}

export function apiUrl(path: string, query: URLSearchParams): string {
  const text = query.toString();
  return text === '' ? `${BASE}${path}` : `${BASE}${path}?${text}`;
}

export function getJson<Answer>(path: string, query?: URLSearchParams, signal?: AbortSignal): Promise<Answer> {
  const text = query?.toString() ?? '';
  return request(text === '' ? path : `${path}?${text}`, {
    headers: { accept: 'application/json' },
    ...(signal === undefined ? {} : { signal }),
  });
}

export function postJson<Answer>(path: string, body: unknown = {}): Promise<Answer> {
  return request(path, {
    method: 'POST',
    headers: { accept: 'application/json', 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}
