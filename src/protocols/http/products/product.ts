/** What a web server product does that another does differently: what it refuses, its pages, its headers and their order. */
import type { Persona } from '../../surfaces/persona.ts';
import type { LinePolicy } from '../codec.ts';
import { hasToken, header, type Request, type RequestLine } from '../message.ts';

/** Why a request is not carried out. The code is recorded; product and code decide the page. */
export interface Refusal {
  code: string;
  status: number;
}

/** A file of the document root. Size and time make its ETag. */
export interface StaticFile {
  type: string;
  body: Buffer;
  modifiedMs: number;
}

/** What is answered, before the product has put its own headers around it. */
export interface Reply {
  status: number;
  type?: string;
  body: Buffer;
  /** Headers of the page itself, in its order. */
  headers?: readonly (readonly [string, string])[];
  /** The reply is a file, whole or the given range of it. */
  file?: StaticFile;
  range?: { from: number; to: number };
  /** Made by an application behind the server: no length known beforehand on nginx, and no validators. */
  dynamic?: boolean;
  /** Sent by the kernel driver below IIS, which names itself. */
  driver?: boolean;
  /** The connection ends after it. */
  closes?: boolean;
}

/** Where a request came in. */
export interface Place {
  persona: Persona;
  port: number;
  secure: boolean;
}

/** How the reply is framed. */
export interface Framing {
  /** Body left out: HEAD. */
  bodiless: boolean;
  /** HTTP/0.9: body only. */
  bare: boolean;
  keepAlive: boolean;
  /** The client asked for keep-alive in words. */
  asked: boolean;
  http11: boolean;
  /** Requests answered before on this connection. */
  answered: number;
  date: string;
}

export interface Product extends LinePolicy {
  readonly name: 'nginx' | 'apache' | 'iis';
  /** Name and version as nmap prints them. */
  readonly title: string;
  readonly maxBodyBytes: number;
  /** How long it waits for a next request, and for the rest of one. */
  readonly idleMs: number;
  readonly requestMs: number;
  judgeLine(line: RequestLine): Refusal | undefined;
  judgeHead(request: Request): Refusal | undefined;
  /** The page for a refusal. `request` where the head was read. */
  refusal(refusal: Refusal, place: Place, request?: Request): Reply;
  /** What is said to plain bytes on a TLS port, be they HTTP or not; nothing: the connection is closed without a word. */
  plainOnTls(place: Place, isHttp: boolean): Reply | undefined;
  /** An error page of its own. */
  error(status: number, place: Place, request: Request, extra?: readonly (readonly [string, string])[]): Reply;
  redirect(location: string, place: Place, request: Request): Reply;
  /** The document root, for what no lure answers. */
  serve(path: string, request: Request, place: Place): Reply;
  /** Whether `Expect: 100-continue` is answered before the body is there. `dynamic`: an application takes it. */
  continues(dynamic: boolean): boolean;
  write(reply: Reply, framing: Framing): Buffer;
}

/** The host that the client asked for, as it belongs into a Location. */
export function hostOf(request: Request, place: Place): string {
  if (request.method === 'CONNECT') return request.target;
  const target = /^[a-z]+:\/\/([^/?#]+)/i.exec(request.target)?.[1];
  return target ?? header(request, 'host') ?? place.persona.fqdn;
}

const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]+)(?::\d{0,5})?$/;
export const validHost = (host: string): boolean => HOST.test(host);

/** Content-Length as a number; undefined without one, NaN where it is none (RFC 9110 §8.6). */
export function contentLength(request: Pick<Request, 'fields'>): number | undefined {
  const text = header(request, 'content-length');
  if (text === undefined) return undefined;
  return /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
}

export const isChunked = (request: Pick<Request, 'fields'>): boolean =>
  hasToken(header(request, 'transfer-encoding'), 'chunked');

/** Whether a request for this file is answered by 304, by a part, or by all of it (RFC 9110 §13, §14; one range only). */
export function selectPart(
  request: Request,
  file: StaticFile,
  etag: string,
): 'all' | 'not_modified' | 'unsatisfiable' | { from: number; to: number } {
  const match = header(request, 'if-none-match');
  if (match !== undefined) {
    if (match.trim() === '*' || match.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag))
      return 'not_modified';
  } else {
    const since = Date.parse(header(request, 'if-modified-since') ?? '');
    if (Math.floor(file.modifiedMs / 1000) * 1000 === since) return 'not_modified';
  }
  const range = /^bytes=(\d{0,12})-(\d{0,12})$/.exec(header(request, 'range') ?? '');
  if (range === null || (range[1] === '' && range[2] === '')) return 'all';
  const size = file.body.length;
  const from = range[1] === '' ? Math.max(0, size - Number(range[2])) : Number(range[1]);
  const to = range[1] === '' || range[2] === '' ? size - 1 : Math.min(size - 1, Number(range[2]));
  if (from >= size || from > to) return 'unsatisfiable';
  return { from, to };
}

const dates = new WeakMap<StaticFile, string>();
/** The Last-Modified header of a file, made once. */
export function lastModified(file: StaticFile): string {
  const made = dates.get(file) ?? new Date(file.modifiedMs).toUTCString();
  dates.set(file, made);
  return made;
}

/** The part of the reply's body that goes out. */
export function bodyOf(reply: Reply): Buffer {
  return reply.range === undefined ? reply.body : reply.body.subarray(reply.range.from, reply.range.to + 1);
}

export const escapeHtml = (text: string): string =>
  text.replace(/[&<>"]/g, (c) => (c === '&' ? '&amp;' : c === '<' ? '&lt;' : c === '>' ? '&gt;' : '&quot;'));

/** When the files of the document root were written: the package's install, a few minutes after the machine's. */
export function rootTime(persona: Persona): number {
  return persona.installedAt + persona.number('http root', 600, 90_000) * 1000 + persona.number('http root us', 0, 999);
}

/** Head and body as they go out; chunked in one piece where the length was not known. */
export function finish(head: string, body: Buffer, framing: Framing, chunked: boolean, status: number): Buffer {
  const start = Buffer.from(`${head}\r\n`, 'latin1');
  if (framing.bodiless || status === 304) return start;
  if (!chunked) return Buffer.concat([start, body]);
  const size = body.length === 0 ? '' : `${body.length.toString(16)}\r\n`;
  return Buffer.concat([start, Buffer.from(size), body, Buffer.from(size === '' ? '0\r\n\r\n' : '\r\n0\r\n\r\n')]);
}

/** Keep-alive as RFC 9112 §9.3 and nginx have it: from HTTP/1.1 on unless closed, in 1.0 only when asked for. */
export function keepsAlive(request: Request): boolean {
  const connection = header(request, 'connection');
  if (request.major > 1 || (request.major === 1 && request.minor >= 1)) return !hasToken(connection, 'close');
  return request.major === 1 && hasToken(connection, 'keep-alive');
}
