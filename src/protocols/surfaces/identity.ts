/**
 * The private keys of the machine that a sensor pretends to be, and the certificates signed with them. They cannot be derived from the seed (RSA
 * key generation takes no seed), so they are made once and kept; where they are kept is the caller's (`KeyStore`).
 */
import { createPrivateKey, createPublicKey, generateKeyPair, generateKeyPairSync } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import { promisify } from 'node:util';
import type { Identity, TlsOptions } from '../kernel/contract.ts';
import { type CertificateFields, makeCertificate } from './certificate.ts';
import { DAY_MS, type Persona } from './persona.ts';

/** Named private keys in PEM. */
export interface KeyStore {
  load(name: string): string | undefined;
  save(name: string, pem: string): void;
}

/** OpenSSL's name for what old clients offer too: attackers' tools still speak TLS 1.0. */
const LEGACY_CIPHERS = 'ALL:!aNULL:!eNULL@SECLEVEL=0';
const TWENTY_YEARS = 7300 * DAY_MS;
const THIRTY_YEARS = 10_957 * DAY_MS;

/** What the product behind a purpose writes into the certificate that it makes for itself. */
function certificateFields(persona: Persona, purpose: string): CertificateFields {
  const serial = Buffer.from(persona.secret(`certificate ${purpose}`, 16));
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  const notBefore = new Date(persona.installedAt);
  switch (purpose) {
    case 'mssql':
      // SQL Server without a certificate makes one at each start of the service, named so, for 30 years.
      return {
        subject: [['CN', 'SSL_Self_Signed_Fallback']],
        serial,
        notBefore: new Date(persona.bootedAt),
        notAfter: new Date(persona.bootedAt + THIRTY_YEARS),
      };
    case 'mysql': {
      // mysqld makes an authority and a certificate with its data directory, valid for ten years.
      const version = persona.products.mysql?.version ?? '8.0.36';
      return {
        subject: [['CN', `MySQL_Server_${version.split('-')[0]}_Auto_Generated_Server_Certificate`]],
        issuer: [['CN', `MySQL_Server_${version.split('-')[0]}_Auto_Generated_CA_Certificate`]],
        serial: Buffer.from([2]),
        notBefore,
        notAfter: new Date(persona.installedAt + 3650 * DAY_MS),
      };
    }
    default:
      return persona.kind === 'windows-server'
        ? {
            subject: [['CN', persona.fqdn]],
            serial,
            notBefore,
            notAfter: new Date(persona.installedAt + 365 * DAY_MS * 3),
            dnsNames: [persona.fqdn],
            keyUsage: 'server',
          }
        : {
            subject: [['CN', persona.fqdn]],
            serial,
            notBefore,
            notAfter: new Date(persona.installedAt + TWENTY_YEARS / 2),
            dnsNames: [persona.fqdn],
          };
  }
}

export function makeIdentity(persona: Persona, keys: KeyStore): Identity {
  const contexts = new Map<string, SecureContext>();

  function privateKeyPem(purpose: string): string {
    const kept = keys.load(purpose);
    if (kept !== undefined) return kept;
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    keys.save(purpose, pem);
    return pem;
  }

  return {
    tls(purpose, options: TlsOptions = {}) {
      const name = `${purpose} ${options.minVersion ?? ''} ${options.maxVersion ?? ''}`;
      const made = contexts.get(name);
      if (made !== undefined) return made;
      const pem = privateKeyPem(`tls-${purpose}`);
      const privateKey = createPrivateKey(pem);
      const fields = certificateFields(persona, purpose);
      const signer = fields.issuer === undefined ? privateKey : createPrivateKey(privateKeyPem(`tls-${purpose}-ca`));
      const cert = makeCertificate(fields, { privateKey: signer, publicKey: createPublicKey(privateKey) });
      const context = createSecureContext({
        key: pem,
        cert,
        ciphers: LEGACY_CIPHERS,
        minVersion: options.minVersion ?? 'TLSv1',
        maxVersion: options.maxVersion ?? 'TLSv1.3',
      });
      contexts.set(name, context);
      return context;
    },
    rsa(purpose) {
      const privateKey = privateKeyPem(`rsa-${purpose}`);
      return { privateKey, publicKey: createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString() };
    },
  };
}

const generate = promisify(generateKeyPair);

/** Makes the keys that are missing of these names, in the background: each takes a third of a second, which a first client would otherwise wait for. */
export async function prepareKeys(keys: KeyStore, names: readonly string[]): Promise<void> {
  for (const name of names) {
    if (keys.load(name) !== undefined) continue;
    const { privateKey } = await generate('rsa', { modulusLength: 2048 });
    if (keys.load(name) === undefined) keys.save(name, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
  }
}

/** One set of keys for all tests of a process: making them takes a third of a second each. */
const testKeys = new Map<string, string>();
export function testIdentity(persona: Persona): Identity {
  return makeIdentity(persona, {
    load: (name) => testKeys.get(name),
    save: (name, pem) => void testKeys.set(name, pem),
  });
}
