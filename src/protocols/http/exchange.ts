/** One request and what becomes of it: found logins, lure or document root, records, reply. */
import { MAX_LIST, MAX_LONG_TEXT, MAX_SHORT_TEXT, textFromBytes } from '../../events/index.ts';
import type { Session } from '../kernel/contract.ts';
import { admits } from '../kernel/lure.ts';
import { type Attempt, type Content, findAttempts, parseForm, readContent } from './credentials.ts';
import { findDownloads } from './downloads.ts';
import { lureFor } from './lures/index.ts';
import type { Lure } from './lures/lure.ts';
import { header, longText, pathOf, type Request, shortText } from './message.ts';
import type { Options } from './options.ts';
import { hostOf, type Place, type Product, type Reply } from './products/product.ts';

/** A header value longer than this is not searched for addresses. */
const MAX_SEARCHED_VALUE = 8192;

export interface Exchange {
  session: Session;
  options: Options;
  product: Product;
  place: Place;
}

function lureOf(exchange: Exchange, path: string): Lure | undefined {
  return exchange.options.lures ? lureFor(path, exchange.place, exchange.product) : undefined;
}

/** Whether an application takes the request, so that its body is asked for before an answer. */
export function isDynamic(exchange: Exchange, target: string): boolean {
  const lure = lureOf(exchange, pathOf(target).path);
  return lure !== undefined && lure.mechanisms.length > 0;
}

/** Carries out a whole request: records everything that it holds and returns the reply. */
export function carryOut(exchange: Exchange, request: Request): Reply {
  const { session, product, place } = exchange;
  const { path, query } = pathOf(request.target);
  const content = readContent(request);
  const attempts = findAttempts(request, content, query);
  const lure = lureOf(exchange, path);
  const login = recordAttempts(exchange, attempts, lure);
  recordFiles(session, request, content);
  recordDownloads(session, request);
  const reply =
    lure?.answer({
      request,
      path,
      query: query === '' ? [] : parseForm(query),
      form: content.form,
      place,
      product,
      nowMs: session.now(),
      login,
      random: (bytes) => session.random(bytes),
    }) ?? serveRoot(exchange, request, path, query, lure);
  recordRequest(session, request, reply.status);
  return reply;
}

function serveRoot(exchange: Exchange, request: Request, path: string, query: string, lure: Lure | undefined): Reply {
  const { product, place } = exchange;
  if (lure === undefined || path.endsWith('/') || !lure.paths.includes(`${path.toLowerCase()}/`))
    return product.serve(path, request, place);
  const location = `${place.secure ? 'https' : 'http'}://${hostOf(request, place)}${path}/${query === '' ? '' : `?${query}`}`;
  return product.redirect(location, place, request);
}

/** Records every login, and returns the one that the lure checks. */
function recordAttempts(
  exchange: Exchange,
  attempts: readonly Attempt[],
  lure: Lure | undefined,
): (Attempt & { accepted: boolean }) | undefined {
  let checked: (Attempt & { accepted: boolean }) | undefined;
  for (const attempt of attempts) {
    const minds = lure?.mechanisms.includes(attempt.mechanism) === true;
    const accepted =
      minds && admits(exchange.options.lure, attempt.username ?? '', attempt.verify, exchange.session.attempt());
    exchange.session.record('auth.attempt', {
      username: attempt.username,
      password: attempt.password,
      ...(attempt.hash === undefined ? {} : { hash: attempt.hash }),
      ...(attempt.hash_format === undefined ? {} : { hash_format: attempt.hash_format }),
      mechanism: attempt.mechanism,
      accepted,
      ...(minds && lure !== undefined ? { detail: { application: lure.name } } : {}),
    });
    if (minds && checked?.accepted !== true) checked = { ...attempt, accepted };
  }
  return checked;
}

/** Uploads: files of a form, the body of PUT, and whatever no text field can carry. */
function recordFiles(session: Session, request: Request, content: Content): void {
  for (const file of content.files)
    if (file.bytes.length > 0)
      session.capture(file.bytes, { via: 'upload', ...(file.filename ? { name: file.filename } : {}) });
  const { body } = request;
  if (body.length === 0 || content.files.length > 0) return;
  const put = request.method === 'PUT';
  if (put || (body.length > MAX_LONG_TEXT && content.form.length === 0))
    session.capture(body, {
      via: put ? 'upload' : 'body',
      name: shortText(pathOf(request.target).path.split('/').at(-1) ?? ''),
      truncated: request.bodyBytes > body.length,
    });
}

function recordDownloads(session: Session, request: Request): void {
  const search = (text: string): void => {
    const found = findDownloads(text);
    if (found !== undefined)
      session.record('file.requested', { urls: found.urls.map(longText), command: longText(found.command) });
  };
  search(request.target);
  for (const field of request.fields) if (field.value.length <= MAX_SEARCHED_VALUE) search(field.value);
  if (request.body.length > 0) search(request.body.subarray(0, MAX_LONG_TEXT).toString('latin1'));
}

/** Records the request as it came; without a status where it was left unfinished. */
export function recordRequest(session: Session, request: Request, status?: number): void {
  const { body } = request;
  session.record('request', {
    method: shortText(request.method),
    target: longText(request.target),
    version: shortText(request.version).slice(0, 32),
    headers: request.fields
      .slice(0, MAX_LIST)
      .map((field): [string, string] => [shortText(field.name), longText(field.value)]),
    ...(request.bodyBytes === 0
      ? {}
      : {
          body: textFromBytes(body.subarray(0, MAX_LONG_TEXT)).slice(0, MAX_LONG_TEXT),
          body_bytes: request.bodyBytes,
        }),
    ...(status === undefined ? {} : { status }),
    ...(request.secure ? { detail: { tls: true } } : {}),
  });
}

/** The client's own name, once for the session. */
export function noteClient(session: Session, request: Request): void {
  const agent = header(request, 'user-agent');
  if (agent !== undefined && agent !== '') session.note({ client: shortText(agent).slice(0, MAX_SHORT_TEXT) });
}
