/**
 * Writes an X.509 certificate (RFC 5280) with every field ours to choose: server products make theirs in ways that scanners know, so
 * the order of the subject, the dates, the serial number's length and the extensions are the caller's.
 */
import { type KeyObject, sign } from 'node:crypto';

/** Relative distinguished names in order, e.g. `[['CN', 'SSL_Self_Signed_Fallback']]`. */
export type DistinguishedName = readonly (readonly [keyof typeof ATTRIBUTES, string])[];

export interface CertificateFields {
  subject: DistinguishedName;
  /** Who signed it; itself where left out. */
  issuer?: DistinguishedName;
  serial: Uint8Array;
  notBefore: Date;
  notAfter: Date;
  /** DNS names for subjectAltName; none leaves the extension out. */
  dnsNames?: readonly string[];
  keyUsage?: 'server';
}

const ATTRIBUTES = { CN: '2.5.4.3', C: '2.5.4.6', L: '2.5.4.7', ST: '2.5.4.8', O: '2.5.4.10', OU: '2.5.4.11' } as const;
const SHA256_WITH_RSA = '1.2.840.113549.1.1.11';

const tag = (type: number, ...parts: readonly Uint8Array[]): Buffer => {
  const body = Buffer.concat(parts);
  const length =
    body.length < 0x80
      ? Buffer.from([body.length])
      : body.length < 0x100
        ? Buffer.from([0x81, body.length])
        : Buffer.from([0x82, body.length >> 8, body.length & 0xff]);
  return Buffer.concat([Buffer.from([type]), length, body]);
};
const sequence = (...parts: readonly Uint8Array[]): Buffer => tag(0x30, ...parts);
const integer = (bytes: Uint8Array): Buffer => tag(0x02, (bytes[0] ?? 0) & 0x80 ? Buffer.from([0, ...bytes]) : bytes);
const octets = (bytes: Uint8Array): Buffer => tag(0x04, bytes);
const NULL = tag(0x05);

function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const septets = [arc & 0x7f];
    for (let left = arc >>> 7; left > 0; left >>>= 7) septets.unshift((left & 0x7f) | 0x80);
    bytes.push(...septets);
  }
  return tag(0x06, Buffer.from(bytes));
}

/** UTCTime until 2049, GeneralizedTime after (RFC 5280 §4.1.2.5). */
function time(date: Date): Buffer {
  const digits = `${date.toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`;
  return date.getUTCFullYear() < 2050 ? tag(0x17, Buffer.from(digits.slice(2))) : tag(0x18, Buffer.from(digits));
}

function distinguishedName(subject: DistinguishedName): Buffer {
  return sequence(
    ...subject.map(([name, value]) =>
      tag(0x31, sequence(oid(ATTRIBUTES[name]), tag(name === 'C' ? 0x13 : 0x0c, Buffer.from(value)))),
    ),
  );
}

function extensions(fields: CertificateFields): Buffer[] {
  const list: Buffer[] = [];
  if (fields.keyUsage === 'server') {
    list.push(sequence(oid('2.5.29.37'), octets(sequence(oid('1.3.6.1.5.5.7.3.1')))));
    list.push(sequence(oid('2.5.29.15'), octets(tag(0x03, Buffer.from([5, 0xa0])))));
  }
  if (fields.dnsNames !== undefined && fields.dnsNames.length > 0) {
    list.push(
      sequence(oid('2.5.29.17'), octets(sequence(...fields.dnsNames.map((name) => tag(0x82, Buffer.from(name)))))),
    );
  }
  return list.length === 0 ? [] : [tag(0xa3, sequence(...list))];
}

/** The certificate of a public key in PEM, signed with an RSA key (SHA-256): its own where it is self-signed. */
export function makeCertificate(
  fields: CertificateFields,
  keys: { publicKey: KeyObject; privateKey: KeyObject },
): string {
  const algorithm = sequence(oid(SHA256_WITH_RSA), NULL);
  const name = distinguishedName(fields.subject);
  const body = sequence(
    tag(0xa0, integer(Buffer.from([2]))),
    integer(fields.serial),
    algorithm,
    fields.issuer === undefined ? name : distinguishedName(fields.issuer),
    sequence(time(fields.notBefore), time(fields.notAfter)),
    name,
    keys.publicKey.export({ type: 'spki', format: 'der' }),
    ...extensions(fields),
  );
  const der = sequence(body, algorithm, tag(0x03, Buffer.from([0]), sign('sha256', body, keys.privateKey)));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
