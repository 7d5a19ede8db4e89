/** The manager's API as the commands use it. */
import { errorCode, errorText, ProjectError } from '../events/errors.ts';

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

/** Why there was no answer. Where several addresses of a name were tried, the reasons are one level deeper. */
function reasonOf(thrown: unknown): string {
  const cause = thrown instanceof Error ? (thrown.cause ?? thrown) : thrown;
  const first = cause instanceof AggregateError ? (cause.errors[0] as unknown) : cause;
  return errorText(first) || (errorCode(first) ?? String(first));
}

export class Client {
  private target: Target;
  private readonly find: (() => Promise<Target | undefined>) | undefined;

  /** `find` tells where the manager is now: one that was started again may have another address. */
  constructor(target: Target, find?: () => Promise<Target | undefined>) {
    this.target = target;
    this.find = find;
  }

  get url(): string {
    return this.target.url;
  }

  /** Looks again for the manager, for those who wait for one that went away. */
  async renew(): Promise<void> {
    this.target = (await this.find?.()) ?? this.target;
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
      if (options.signal?.aborted === true) throw cause;
      throw this.unreachable(cause);
    }
    if (response.ok) return response;
    const text = await response.text().catch(() => '');
    let body: ProblemBody = {};
    try {
      const parsed = JSON.parse(text) as unknown;
      body = typeof parsed === 'object' && parsed !== null ? parsed : { detail: this.foreign(response.status) };
    } catch {
      body = { detail: this.foreign(response.status) };
    }
    if (response.status === 401)
      body = {
        ...body,
        detail: `the manager at ${this.target.url} does not know this token; \`sundew token add NAME\` there makes one`,
      };
    throw new ApiError(response.status, body, path);
  }

  private unreachable(cause: unknown): ProjectError {
    const { url } = this.target;
    return new ProjectError('MANAGER_UNREACHABLE', `the manager at ${url} does not answer: ${reasonOf(cause)}`, {
      cause,
      url,
    });
  }

  private foreign(status: number): string {
    return `${this.target.url} answered ${status}, and not as a manager of this program does`;
  }

  /** The body of an answer as JSON; undefined where there is none. */
  private async read<Body>(response: Response): Promise<Body> {
    let text: string;
    try {
      text = await response.text();
    } catch (cause) {
      throw this.unreachable(cause);
    }
    try {
      return (text === '' ? undefined : JSON.parse(text)) as Body;
    } catch (cause) {
      throw new ProjectError('API_FOREIGN', this.foreign(response.status), { cause, url: this.target.url });
    }
  }

  async get<Body>(path: string, query: Query = {}): Promise<Body> {
    return await this.read(await this.fetch('GET', path, { query }));
  }

  async send<Body>(method: 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown, query: Query = {}): Promise<Body> {
    const options =
      body === undefined
        ? { query }
        : { query, body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
    return await this.read(await this.fetch(method, path, options));
  }
}
