/** The manager's API as the commands use it. */
import { ProjectError } from '../events/index.ts';

export interface Target {
  url: string;
  token: string;
}

interface ProblemBody {
  title?: string;
  detail?: string;
  type?: string;
}

export class ApiError extends ProjectError {
  readonly status: number;
  constructor(status: number, body: ProblemBody, path: string) {
    super(body.type ?? 'API_ERROR', body.detail ?? body.title ?? `the manager answered ${status}`, { status, path });
    this.status = status;
  }
}

type Query = Readonly<Record<string, string | number | readonly string[] | undefined>>;

export class Client {
  private readonly target: Target;

  constructor(target: Target) {
    this.target = target;
  }

  get url(): string {
    return this.target.url;
  }

  private address(path: string, query: Query): URL {
    const url = new URL(`/api/v1${path}`, this.target.url);
    for (const [name, value] of Object.entries(query)) {
      for (const one of Array.isArray(value) ? value : value === undefined ? [] : [value])
        url.searchParams.append(name, String(one));
    }
    return url;
  }

  /** The answer as it comes. Throws `ApiError` for anything but success. */
  async fetch(
    method: string,
    path: string,
    options: { query?: Query; body?: Buffer | string; headers?: Record<string, string>; signal?: AbortSignal } = {},
  ): Promise<Response> {
    let response: Response;
    try {
      response = await fetch(this.address(path, options.query ?? {}), {
        method,
        headers: { authorization: `Bearer ${this.target.token}`, ...options.headers },
        ...(options.body === undefined
          ? {}
          : { body: typeof options.body === 'string' ? options.body : new Uint8Array(options.body) }),
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      });
    } catch (cause) {
      const reason = cause instanceof Error && cause.cause instanceof Error ? cause.cause.message : String(cause);
      throw new ProjectError('MANAGER_UNREACHABLE', `the manager at ${this.target.url} does not answer: ${reason}`, {
        cause,
        url: this.target.url,
      });
    }
    if (response.ok) return response;
    const text = await response.text();
    let body: ProblemBody = {};
    try {
      body = JSON.parse(text) as ProblemBody;
    } catch {
      body = { detail: `${this.target.url} answered ${response.status}, and not as a manager of this program does` };
    }
    throw new ApiError(response.status, body, path);
  }

  async get<Body>(path: string, query: Query = {}): Promise<Body> {
    return (await (await this.fetch('GET', path, { query })).json()) as Body;
  }

  async send<Body>(method: 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown, query: Query = {}): Promise<Body> {
    const options =
      body === undefined
        ? { query }
        : { query, body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
    const response = await this.fetch(method, path, options);
    const text = await response.text();
    return (text === '' ? undefined : JSON.parse(text)) as Body;
  }
}
