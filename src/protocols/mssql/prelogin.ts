/** PRELOGIN (MS-TDS §2.2.6.5): a table of (token, offset, length), big-endian, offsets from the start of the message, then the values. */

export const ENCRYPTION = { off: 0, on: 1, notSupported: 2, required: 3 } as const;
const TOKEN = {
  version: 0,
  encryption: 1,
  instance: 2,
  threadId: 3,
  mars: 4,
  traceId: 5,
  fedauth: 6,
  nonce: 7,
} as const;
const END = 0xff;
/** Tokens in one table; the document names eight. */
const MAX_TOKENS = 32;

export interface Prelogin {
  /** `11.0.0.0`, as the client library names itself. */
  version: string;
  encryption: number | undefined;
  /** Bytes of the instance name, without the final zero. */
  instance: Buffer;
  mars: number | undefined;
  threadId: number | undefined;
  fedauth: number | undefined;
  nonce: boolean;
  traceId: Buffer | undefined;
  /** Tokens in the order sent: what a client library can be told by. */
  tokens: number[];
}

export function decodePrelogin(body: Buffer): Prelogin | undefined {
  const values = new Map<number, Buffer>();
  const tokens: number[] = [];
  let at = 0;
  for (;;) {
    const token = body[at];
    if (token === undefined) return undefined;
    if (token === END) break;
    if (at + 5 > body.length || tokens.length >= MAX_TOKENS) return undefined;
    const offset = body.readUInt16BE(at + 1);
    const length = body.readUInt16BE(at + 3);
    if (length > 0 && offset + length > body.length) return undefined;
    values.set(token, body.subarray(offset, offset + length));
    tokens.push(token);
    at += 5;
  }
  const version = values.get(TOKEN.version);
  // §3.3.5.1: the version comes first, or the server closes.
  if (tokens[0] !== TOKEN.version || version === undefined || version.length < 6) return undefined;
  const byte = (token: number): number | undefined => values.get(token)?.[0];
  const instance = values.get(TOKEN.instance) ?? Buffer.alloc(0);
  const zero = instance.indexOf(0);
  const thread = values.get(TOKEN.threadId);
  return {
    version: `${version[0]}.${version[1]}.${version.readUInt16BE(2)}.${version.readUInt16BE(4)}`,
    encryption: byte(TOKEN.encryption),
    instance: zero < 0 ? instance : instance.subarray(0, zero),
    mars: byte(TOKEN.mars),
    threadId: thread !== undefined && thread.length >= 4 ? thread.readUInt32BE(0) : undefined,
    fedauth: byte(TOKEN.fedauth),
    nonce: values.has(TOKEN.nonce),
    traceId: values.get(TOKEN.traceId),
    tokens,
  };
}

export type EncryptionPolicy = 'optional' | 'required' | 'unsupported';
/** What is encrypted after PRELOGIN: nothing, the login message alone, or everything. */
export type Protection = 'none' | 'login' | 'all';

/** The answer to the client's wish (§2.2.6.5, table of encryption), and what follows from both. `undefined` closes the connection. */
export function negotiateEncryption(
  wish: number | undefined,
  policy: EncryptionPolicy,
): { answer: number; protection: Protection | undefined } {
  // SQL Server reads a missing option as "not supported".
  const asked = (wish ?? ENCRYPTION.notSupported) & 0x7f;
  if (policy === 'unsupported')
    return {
      answer: ENCRYPTION.notSupported,
      protection: asked === ENCRYPTION.on || asked === ENCRYPTION.required ? undefined : 'none',
    };
  switch (asked) {
    case ENCRYPTION.off:
      return policy === 'required'
        ? { answer: ENCRYPTION.required, protection: 'all' }
        : { answer: ENCRYPTION.off, protection: 'login' };
    case ENCRYPTION.on:
    case ENCRYPTION.required:
      return { answer: ENCRYPTION.on, protection: 'all' };
    default:
      return policy === 'required'
        ? { answer: ENCRYPTION.required, protection: undefined }
        : { answer: ENCRYPTION.notSupported, protection: 'none' };
  }
}

export interface PreloginAnswer {
  /** `15.0.4261.1`. */
  version: string;
  encryption: number;
  /** Whether the client named another instance than this one. */
  wrongInstance: boolean;
  /** Answered only where the client sent them. */
  mars: number | undefined;
  fedauth: number | undefined;
}

export function encodePrelogin(answer: PreloginAnswer): Buffer {
  const [major = 0, minor = 0, build = 0] = answer.version.split('.').map(Number);
  const values: [number, number[]][] = [
    // The revision is not shown: builds end in 0.0 here, whatever @@VERSION says.
    [TOKEN.version, [major, minor, build >> 8, build & 0xff, 0, 0]],
    [TOKEN.encryption, [answer.encryption]],
    [TOKEN.instance, [answer.wrongInstance ? 1 : 0]],
    [TOKEN.threadId, []],
  ];
  if (answer.mars !== undefined) values.push([TOKEN.mars, [answer.mars]]);
  if (answer.fedauth !== undefined) values.push([TOKEN.fedauth, [answer.fedauth]]);
  let offset = values.length * 5 + 1;
  const table: number[] = [];
  for (const [token, value] of values) {
    table.push(token, offset >> 8, offset & 0xff, 0, value.length);
    offset += value.length;
  }
  return Buffer.from([...table, END, ...values.flatMap(([, value]) => value)]);
}
