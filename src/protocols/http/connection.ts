/** HTTP in one connection: requests in, records and replies out. Whether TLS is around it is `transport.ts`. */
import { textFromBytes } from '../../events/index.ts';
import type { CloseReason, Connection, Session, Timer } from '../kernel/contract.ts';
import { type Frame, MAX_SHOWN, openDecoder } from './codec.ts';
import { carryOut, type Exchange, isDynamic, noteClient, recordRequest } from './exchange.ts';
import { hasToken, header, parseFields, parseRequestLine, type Request, type RequestLine } from './message.ts';
import type { Options } from './options.ts';
import { productOf } from './products/index.ts';
import { contentLength, isChunked, keepsAlive, type Refusal, type Reply } from './products/product.ts';

/** What is refused before it is whole is answered this much later, so that the record holds what was sent and not what one read happened to bring. */
export const REFUSE_AFTER_MS = 10;
/** Pieces of a body are joined when there are this many: many small ones cost more than they hold. */
const MAX_PIECES = 256;
/** An HTTP/0.9 request is its line alone. */
const NO_FIELDS = parseFields([]);
const EMPTY = Buffer.alloc(0);
const NO_BODY = { body: EMPTY, bodyBytes: 0 };

let dateSecond = 0;
let dateText = '';
/** The Date header, made once a second. */
export function httpDate(nowMs: number): string {
  const second = Math.floor(nowMs / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = new Date(second * 1000).toUTCString();
  }
  return dateText;
}

export function openHttp(
  session: Session,
  settings: Options,
  secure: boolean,
  wire: { send(bytes: Buffer): void; finish(reason: CloseReason): void },
): Connection {
  const product = productOf(session.persona);
  const place = { persona: session.persona, port: session.local.port, secure };
  const exchange: Exchange = { session, options: settings, product, place };
  const decoder = openDecoder(product);
  let line: RequestLine | undefined;
  let request: Request | undefined;
  let pieces: Buffer[] = [];
  let kept = 0;
  let answered = 0;
  let state: 'open' | 'refusing' | 'done' = 'open';
  let shown: Buffer = EMPTY;
  let refusedAs = '';
  let lastMs = session.now();
  let timer: Timer | undefined;

  function watch(): void {
    const waits = (): number => (line === undefined ? product.idleMs : product.requestMs);
    const check = (): void => {
      if (state !== 'open') return;
      const left = lastMs + waits() - session.now();
      if (left > 0) timer = session.after(left, check);
      else {
        recordUnfinished();
        finish('idle');
      }
    };
    timer = session.after(Math.min(product.idleMs, product.requestMs), check);
  }

  function finish(reason: CloseReason): void {
    state = 'done';
    timer?.cancel();
    wire.finish(reason);
  }

  function answer(reply: Reply, given: Request | undefined, closes: boolean): void {
    const http11 = given === undefined || given.major > 1 || (given.major === 1 && given.minor >= 1);
    // nginx gives an application's page no length, so that HTTP/1.0 needs the end of the connection to end it.
    const unbounded = reply.dynamic === true && product.name === 'nginx' && !http11;
    const keepAlive =
      given !== undefined &&
      !closes &&
      reply.closes !== true &&
      !unbounded &&
      keepsAlive(given) &&
      answered + 1 < settings.maxRequests;
    const bytes = product.write(reply, {
      bodiless: given?.method === 'HEAD',
      bare: given !== undefined && given.version === '',
      keepAlive,
      asked: given !== undefined && hasToken(header(given, 'connection'), 'keep-alive'),
      http11,
      answered,
      date: httpDate(session.now()),
    });
    wire.send(bytes);
    answered += 1;
    line = undefined;
    request = undefined;
    if (!keepAlive) finish(given === undefined ? 'protocol_error' : 'service_closed');
  }

  /** Refuses what is no whole request, once everything that came with it is there. */
  function refuseSoon(refusal: Refusal, bytes: Uint8Array): void {
    state = 'refusing';
    refusedAs = refusal.code;
    timer?.cancel();
    show(bytes);
    session.after(REFUSE_AFTER_MS, () => {
      if (state !== 'refusing') return;
      malformed(refusal.code);
      answer(product.refusal(refusal, place), undefined, true);
    });
  }
  function show(bytes: Uint8Array): void {
    if (shown.length < MAX_SHOWN) shown = Buffer.concat([shown, bytes.subarray(0, MAX_SHOWN - shown.length)]);
  }
  function malformed(code: string): void {
    session.record('peer.malformed', { code, ...(shown.length === 0 ? {} : { bytes: textFromBytes(shown) }) });
  }

  /** Refuses a request whose head was read. */
  function refuse(refusal: Refusal, given: Request): void {
    if (refusal.status === 400) malformed(refusal.code);
    if (refusal.code === 'body_too_large')
      session.record('limit.reached', { limit: 'body_bytes', value: contentLength(given) ?? 0 });
    recordRequest(session, given, refusal.status);
    answer(product.refusal(refusal, place, given), given, true);
  }

  function onLine(frame: Extract<Frame, { kind: 'line' }>): void {
    lastMs = session.now();
    const parsed = parseRequestLine(frame.line, frame.bareLf);
    const refusal = product.judgeLine(parsed);
    if (refusal !== undefined) {
      refuseSoon(refusal, Buffer.from(`${frame.line}${frame.bareLf ? '' : '\r'}\n`, 'latin1'));
      return;
    }
    line = parsed;
    // HTTP/0.9 has no headers and one answer.
    if (parsed.version === '') {
      const simple = { ...parsed, ...NO_FIELDS, ...NO_BODY, secure };
      answer(carryOut(exchange, simple), simple, true);
    }
  }

  function onFields(frame: Extract<Frame, { kind: 'fields' }>): void {
    if (line === undefined) return;
    const parsed = parseFields(frame.lines);
    const faults =
      frame.bareLf && product.name === 'apache' ? new Set([...parsed.faults, 'bare_lf' as const]) : parsed.faults;
    const head: Request = { ...line, ...parsed, faults, ...NO_BODY, secure };
    if (answered === 0) noteClient(session, head);
    const refusal = product.judgeHead(head);
    if (refusal !== undefined) {
      refuse(refusal, head);
      return;
    }
    const length = isChunked(head) ? 'chunked' : (contentLength(head) ?? 0);
    if (length === 0) {
      answer(carryOut(exchange, head), head, false);
      return;
    }
    decoder.body(length);
    request = head;
    pieces = [];
    kept = 0;
    if (hasToken(header(head, 'expect'), '100-continue') && head.minor > 0) {
      if (product.continues(isDynamic(exchange, head.target))) wire.send(Buffer.from('HTTP/1.1 100 Continue\r\n\r\n'));
    }
  }

  function onBody(frame: Extract<Frame, { kind: 'body' }>): void {
    if (request === undefined) return;
    lastMs = session.now();
    const room = settings.maxBodyBytes - kept;
    if (frame.bytes.length > room && request.bodyBytes <= settings.maxBodyBytes)
      session.record('limit.reached', { limit: 'body_bytes', value: settings.maxBodyBytes });
    if (room > 0 && frame.bytes.length > 0) {
      // A copy: the piece lies in a read buffer that would be held with it.
      pieces.push(Buffer.from(frame.bytes.subarray(0, room)));
      kept += Math.min(room, frame.bytes.length);
    }
    if (pieces.length >= MAX_PIECES) pieces = [Buffer.concat(pieces)];
    request.bodyBytes += frame.bytes.length;
    if (request.bodyBytes > product.maxBodyBytes) {
      request.body = Buffer.concat(pieces);
      refuse({ code: 'body_too_large', status: product.name === 'iis' ? 404 : 413 }, request);
      return;
    }
    if (!frame.last) return;
    request.body = pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces);
    const whole = request;
    // Both lengths at once may be a smuggling attempt: Apache answers and closes (RFC 9112 §6.3).
    const ambiguous = isChunked(whole) && (contentLength(whole) !== undefined || whole.minor === 0);
    answer(carryOut(exchange, whole), whole, ambiguous);
  }

  /** What was sent of a request that will not be finished. */
  function recordUnfinished(): void {
    if (request !== undefined) {
      request.body = Buffer.concat(pieces);
      recordRequest(session, request);
      return;
    }
    const rest = decoder.rest();
    if (line !== undefined) recordRequest(session, { ...line, ...parseFields(unfinished(rest)), ...NO_BODY, secure });
    else if (rest.some((byte) => byte !== 0x0d && byte !== 0x0a)) {
      show(rest);
      malformed('request_unfinished');
    }
  }

  watch();
  return {
    data(chunk) {
      if (state === 'refusing') show(chunk);
      if (state !== 'open') return;
      if (line === undefined && request === undefined) lastMs = session.now();
      for (const step of decoder.push(chunk)) {
        if (step.kind === 'malformed') {
          const refusal = { code: step.code, status: step.code === 'line_too_long' ? 414 : 400 };
          if (request !== undefined) request.body = Buffer.concat(pieces);
          show(decoder.offending());
          if (request !== undefined) refuse(refusal, request);
          else if (line !== undefined) refuse(refusal, { ...line, ...NO_FIELDS, ...NO_BODY, secure });
          else refuseSoon(refusal, EMPTY);
          return;
        }
        if (step.frame.kind === 'line') onLine(step.frame);
        else if (step.frame.kind === 'fields') onFields(step.frame);
        else onBody(step.frame);
        if (state !== 'open') {
          if (state === 'refusing') show(decoder.rest());
          return;
        }
      }
    },
    closed() {
      timer?.cancel();
      if (state === 'refusing') malformed(refusedAs);
      if (state === 'open') recordUnfinished();
      state = 'done';
    },
  };
}

/** The header lines of a request that was left before its end. */
function unfinished(rest: Buffer): string[] {
  return rest
    .toString('latin1')
    .split('\n')
    .map((text) => (text.endsWith('\r') ? text.slice(0, -1) : text))
    .filter((text) => text !== '');
}
