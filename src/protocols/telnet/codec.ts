/**
 * The telnet stream (RFC 854, RFC 855): data with commands between. The reader keeps its place from one read to the next and holds nothing but a
 * bounded subnegotiation, so that the result is the same however the stream is split.
 */

export const IAC = 255;
export const COMMANDS = {
  EOF: 236,
  SE: 240,
  NOP: 241,
  DM: 242,
  BRK: 243,
  IP: 244,
  AO: 245,
  AYT: 246,
  EC: 247,
  EL: 248,
  GA: 249,
  SB: 250,
  WILL: 251,
  WONT: 252,
  DO: 253,
  DONT: 254,
} as const;
export const OPTIONS = {
  BINARY: 0,
  ECHO: 1,
  SGA: 3,
  STATUS: 5,
  TIMING_MARK: 6,
  TTYPE: 24,
  NAWS: 31,
  TSPEED: 32,
  LFLOW: 33,
  LINEMODE: 34,
  XDISPLOC: 35,
  AUTHENTICATION: 37,
  NEW_ENVIRON: 39,
} as const;

export type Verb = 'WILL' | 'WONT' | 'DO' | 'DONT';
const VERBS: readonly Verb[] = ['WILL', 'WONT', 'DO', 'DONT'];

/** Longest subnegotiation kept; what is longer is cut, and `whole` says so. */
export const MAX_SUBNEGOTIATION = 4096;

export interface StreamHandlers {
  /** Data, without the doubling of IAC. Valid only during the call. */
  data(bytes: Buffer): void;
  option(verb: Verb, option: number): void;
  subnegotiation(option: number, payload: Buffer, whole: boolean): void;
  command(code: number): void;
}

const ONE_IAC = Buffer.from([IAC]);

export function telnetReader(handlers: StreamHandlers): { push(chunk: Buffer): void } {
  let state: 'data' | 'iac' | 'verb' | 'sub' | 'sub-iac' = 'data';
  let verb: Verb = 'WILL';
  let held: Buffer[] = [];
  let heldBytes = 0;
  let whole = true;

  function hold(bytes: Buffer): void {
    const kept = bytes.subarray(0, MAX_SUBNEGOTIATION - heldBytes);
    whole &&= kept.length === bytes.length;
    if (kept.length === 0) return;
    // The chunk is the caller's; what is kept longer is copied.
    held.push(Buffer.from(kept));
    heldBytes += kept.length;
  }
  function begin(): void {
    held = [];
    heldBytes = 0;
    whole = true;
  }

  return {
    push(chunk) {
      let at = 0;
      while (at < chunk.length) {
        const byte = chunk[at] ?? 0;
        switch (state) {
          case 'data': {
            const next = chunk.indexOf(IAC, at);
            const end = next < 0 ? chunk.length : next;
            if (end > at) handlers.data(chunk.subarray(at, end));
            at = end + 1;
            if (next >= 0) state = 'iac';
            continue;
          }
          case 'iac':
            state = 'data';
            if (byte === IAC) handlers.data(ONE_IAC);
            else if (byte === COMMANDS.SB) {
              state = 'sub';
              begin();
            } else if (byte >= COMMANDS.WILL) {
              state = 'verb';
              verb = VERBS[byte - COMMANDS.WILL] ?? 'WILL';
            } else handlers.command(byte);
            break;
          case 'verb':
            state = 'data';
            handlers.option(verb, byte);
            break;
          case 'sub': {
            const next = chunk.indexOf(IAC, at);
            const end = next < 0 ? chunk.length : next;
            hold(chunk.subarray(at, end));
            at = end + 1;
            if (next >= 0) state = 'sub-iac';
            continue;
          }
          case 'sub-iac':
            // RFC 855: only IAC SE ends it. Anything else but a doubled IAC is an error that telnetd reads as data of the subnegotiation.
            if (byte === COMMANDS.SE) {
              state = 'data';
              const payload = Buffer.concat(held);
              if (payload.length > 0) handlers.subnegotiation(payload[0] ?? 0, payload.subarray(1), whole);
            } else {
              state = 'sub';
              hold(byte === IAC ? ONE_IAC : Buffer.from([IAC, byte]));
            }
            break;
        }
        at += 1;
      }
    },
  };
}

/** `IAC verb option` for each pair. */
export function negotiate(...pairs: readonly (readonly [Verb, number])[]): string {
  return pairs.map(([verb, option]) => String.fromCharCode(IAC, COMMANDS[verb], option)).join('');
}

export function subnegotiate(option: number, payload: string): string {
  return `\xff\xfa${String.fromCharCode(option)}${payload.replaceAll('\xff', '\xff\xff')}\xff\xf0`;
}

/** Data as it goes on the wire: IAC doubled, and where `padded` a carriage return that ends no line followed by NUL (RFC 854; Microsoft's service leaves it out). */
export function encodeData(text: string, padded: boolean): string {
  const doubled = text.includes('\xff') ? text.replaceAll('\xff', '\xff\xff') : text;
  return padded && doubled.includes('\r') ? doubled.replace(/\r(?!\n)/g, '\r\0') : doubled;
}

/** Variables of NEW-ENVIRON IS or INFO (RFC 1572), in order. */
export function decodeEnvironment(payload: Buffer, limit: number): [string, string][] {
  const variables: [string, string][] = [];
  let name = '';
  let value = '';
  let inValue = false;
  let open = false;
  const finish = (): void => {
    if (open && variables.length < limit) variables.push([name, value]);
    name = '';
    value = '';
    inValue = false;
  };
  for (let at = 1; at < payload.length; at += 1) {
    let byte = payload[at] ?? 0;
    if (byte === 0 || byte === 3) {
      finish();
      open = true;
      continue;
    }
    if (byte === 1) {
      inValue = true;
      continue;
    }
    if (byte === 2) {
      at += 1;
      byte = payload[at] ?? 0;
    }
    if (inValue) value += String.fromCharCode(byte);
    else name += String.fromCharCode(byte);
  }
  finish();
  return variables;
}
