/** NTLM responses (MS-NLMP §3.3): the form in which hashcat (5500, 5600) and john read them, and checking one against a password. */
import { createCipheriv, createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { textFromBytes, textFromUtf16 } from '../../../events/index.ts';
import { md4 } from './md4.ts';
import type { Authenticate } from './messages.ts';

/** A response of NTLMv1 has 24 bytes; one of NTLMv2 is a proof of 16 and a blob of at least 28 (§2.2.2.8). */
const V1_LENGTH = 24;
const V2_MIN = 44;
const PROOF = 16;

export interface NtlmNames {
  user: string;
  domain: string;
  workstation: string;
}

/** The names of an AUTHENTICATE as recordable text. */
export function ntlmNames(message: Authenticate): NtlmNames {
  const text = message.unicode ? textFromUtf16 : textFromBytes;
  return { user: text(message.user), domain: text(message.domain), workstation: text(message.workstation) };
}

/** An anonymous login has no user and no NT response (§3.2.5.1.2). */
export function isAnonymous(message: Authenticate): boolean {
  return message.user.length === 0 && message.ntResponse.length === 0;
}

/**
 * The proof of version 2 and what it was made over, beside the server's challenge: the blob of NTLMv2, or the client's challenge of LMv2
 * (§3.3.2), which has the same form. Some clients (tedious) give the NT response the length of its proof alone; their LMv2 response is whole.
 */
function version2(message: Authenticate): { proof: Buffer; over: Buffer } | undefined {
  const { ntResponse: nt, lmResponse: lm } = message;
  if (nt.length >= V2_MIN) return { proof: nt.subarray(0, PROOF), over: nt.subarray(PROOF) };
  if (nt.length === PROOF && lm.length === V1_LENGTH) return { proof: lm.subarray(0, PROOF), over: lm.subarray(PROOF) };
  return undefined;
}

export interface NtlmHash {
  hash: string;
  format: 'netntlmv1' | 'netntlmv2';
}

/** The crackable form, or undefined where the message has no response to crack. */
export function crackable(message: Authenticate, serverChallenge: Buffer): NtlmHash | undefined {
  const { user, domain } = ntlmNames(message);
  const hex = (bytes: Buffer): string => bytes.toString('hex');
  const nt = message.ntResponse;
  const second = version2(message);
  if (second !== undefined)
    return {
      format: 'netntlmv2',
      hash: `${user}::${domain}:${hex(serverChallenge)}:${hex(second.proof)}:${hex(second.over)}`,
    };
  if (nt.length === V1_LENGTH)
    return {
      format: 'netntlmv1',
      hash: `${user}::${domain}:${hex(message.lmResponse)}:${hex(nt)}:${hex(serverChallenge)}`,
    };
  return undefined;
}

/** Seven bytes of key to eight with room for parity. */
function desKey(seven: Buffer): Buffer {
  const bits = BigInt(`0x${seven.toString('hex')}`);
  return Buffer.from(Array.from({ length: 8 }, (_, i) => Number((bits >> BigInt(49 - 7 * i)) & 0x7fn) << 1));
}

/** DESL (§6): the hash padded to 21 bytes is three keys. Triple DES with one key three times is DES, which OpenSSL 3 hides by itself. */
function desl(hash: Buffer, challenge: Buffer): Buffer {
  const keys = Buffer.concat([hash, Buffer.alloc(5)]);
  return Buffer.concat(
    [0, 7, 14].map((at) => {
      const key = desKey(keys.subarray(at, at + 7));
      const cipher = createCipheriv('des-ede3-ecb', Buffer.concat([key, key, key]), null).setAutoPadding(false);
      return cipher.update(challenge);
    }),
  );
}

/** Whether this response was made from this password. */
export function verifies(message: Authenticate, serverChallenge: Buffer, password: string): boolean {
  const hash = md4(Buffer.from(password, 'utf16le'));
  const nt = message.ntResponse;
  const second = version2(message);
  if (second !== undefined) {
    // NTOWFv2 (§3.3.2): the user name in upper case, the domain as sent.
    const name = message.unicode ? message.user.toString('utf16le') : message.user.toString('latin1');
    const domain = message.unicode ? message.domain.toString('utf16le') : message.domain.toString('latin1');
    const key = createHmac('md5', hash)
      .update(Buffer.from(name.toUpperCase() + domain, 'utf16le'))
      .digest();
    const proof = createHmac('md5', key).update(serverChallenge).update(second.over).digest();
    return timingSafeEqual(proof, second.proof);
  }
  if (nt.length !== V1_LENGTH) return false;
  // With extended session security the client challenge stands in the LM response, followed by zeros (§3.3.1).
  const lm = message.lmResponse;
  const extended = lm.length === V1_LENGTH && lm.subarray(8).every((byte) => byte === 0);
  const challenge = extended
    ? createHash('md5').update(serverChallenge).update(lm.subarray(0, 8)).digest().subarray(0, 8)
    : serverChallenge;
  return timingSafeEqual(desl(hash, challenge), nt);
}
