/** As much of SPNEGO (RFC 4178, MS-SPNG) as carries NTLMSSP: taking the token out of what a client sent, and wrapping the answer. */

const OID_SPNEGO = Buffer.from('2b0601050502', 'hex');
const OID_NTLMSSP = Buffer.from('2b06010401823702020a', 'hex');
/** Mechanisms named in one NegTokenInit. */
const MAX_MECHANISMS = 16;

export interface SpnegoToken {
  kind: 'init' | 'response';
  /** Whether NTLMSSP is among the offered mechanisms, and whether it is the first, to which the token belongs. */
  ntlm: boolean;
  ntlmFirst: boolean;
  /** Mechanism OIDs in hex, in order of preference. */
  mechanisms: string[];
  token: Buffer | undefined;
}

interface Element {
  tag: number;
  body: Buffer;
  end: number;
}

/** One DER element at `at`; lengths of up to four bytes. */
function element(bytes: Buffer, at: number): Element | undefined {
  const tag = bytes[at];
  const first = bytes[at + 1];
  if (tag === undefined || first === undefined) return undefined;
  let start = at + 2;
  let length = first;
  if (first >= 0x80) {
    const size = first & 0x7f;
    if (size === 0 || size > 4 || start + size > bytes.length) return undefined;
    length = bytes.readUIntBE(start, size);
    start += size;
  }
  return start + length > bytes.length
    ? undefined
    : { tag, body: bytes.subarray(start, start + length), end: start + length };
}

/** The fields [0], [1]… of a SEQUENCE by number. */
function fields(sequence: Buffer): Map<number, Buffer> {
  const found = new Map<number, Buffer>();
  let at = 0;
  while (at < sequence.length && found.size < 8) {
    const part = element(sequence, at);
    if (part === undefined) break;
    if ((part.tag & 0xe0) === 0xa0) found.set(part.tag & 0x1f, part.body);
    at = part.end;
  }
  return found;
}

function mechanismList(body: Buffer | undefined): string[] {
  const list = body === undefined ? undefined : element(body, 0);
  const names: string[] = [];
  let at = 0;
  while (list !== undefined && at < list.body.length && names.length < MAX_MECHANISMS) {
    const oid = element(list.body, at);
    if (oid === undefined) break;
    names.push(oid.body.toString('hex'));
    at = oid.end;
  }
  return names;
}

/** What a client's token holds, or undefined where it is not SPNEGO. */
export function decodeSpnego(bytes: Buffer): SpnegoToken | undefined {
  const outer = element(bytes, 0);
  if (outer === undefined) return undefined;
  let choice: Element | undefined = outer;
  if (outer.tag === 0x60) {
    // The initial token is framed as GSS-API asks for (RFC 2743 §3.1): the mechanism's OID, then NegTokenInit as [0].
    const oid = element(outer.body, 0);
    if (oid === undefined || oid.tag !== 0x06 || !oid.body.equals(OID_SPNEGO)) return undefined;
    choice = element(outer.body, oid.end);
  }
  if (choice === undefined || (choice.tag !== 0xa0 && choice.tag !== 0xa1)) return undefined;
  const sequence = element(choice.body, 0);
  if (sequence === undefined || sequence.tag !== 0x30) return undefined;
  const parts = fields(sequence.body);
  const wrapped = parts.get(2);
  const token = wrapped === undefined ? undefined : element(wrapped, 0)?.body;
  if (choice.tag === 0xa1) return { kind: 'response', ntlm: true, ntlmFirst: true, mechanisms: [], token };
  const mechanisms = mechanismList(parts.get(0));
  const ntlm = OID_NTLMSSP.toString('hex');
  return { kind: 'init', ntlm: mechanisms.includes(ntlm), ntlmFirst: mechanisms[0] === ntlm, mechanisms, token };
}

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const head =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : [tag, 0x82, (length >> 8) & 0xff, length & 0xff];
  return Buffer.concat([Buffer.from(head), ...parts]);
}

/** NegTokenResp: accept-incomplete, NTLMSSP chosen, and its token where there is one yet. */
export function spnegoContinue(token: Buffer | undefined): Buffer {
  return der(
    0xa1,
    der(
      0x30,
      der(0xa0, der(0x0a, Buffer.from([1]))),
      der(0xa1, der(0x06, OID_NTLMSSP)),
      ...(token === undefined ? [] : [der(0xa2, der(0x04, token))]),
    ),
  );
}

/** NegTokenResp: accept-completed. */
export function spnegoAccept(): Buffer {
  return der(0xa1, der(0x30, der(0xa0, der(0x0a, Buffer.from([0])))));
}
