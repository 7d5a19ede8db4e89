/** The sensor's secrets on disk, beside its spool: the seed of its persona and the private keys of the machine it pretends to be. */
import { randomBytes } from 'node:crypto';
import { closeSync, constants, existsSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { ProjectError } from '../events/index.ts';
import type { KeyStore } from '../protocols/surfaces/identity.ts';
import { SEED_BYTES } from '../protocols/surfaces/persona.ts';

/** Writes a file that only its owner reads, whole or not at all. */
function writeSecret(path: string, content: string): void {
  const temporary = `${path}.tmp`;
  // Written through to the disk, for under the permission model nothing can be synced afterwards.
  const fd = openSync(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_SYNC, 0o600);
  try {
    writeSync(fd, content);
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, path);
}

/** The seed of this sensor: made at its first start. A damaged one is an error, because a new one would be another machine. */
export function loadSeed(dir: string): Buffer {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const path = join(dir, 'seed');
  if (!existsSync(path)) writeSecret(path, `${randomBytes(SEED_BYTES).toString('hex')}\n`);
  const text = readFileSync(path, 'utf8').trim();
  if (text.length !== 2 * SEED_BYTES || !/^[0-9a-f]+$/.test(text)) {
    throw new ProjectError(
      'SENSOR_SEED_DAMAGED',
      `${path} does not hold ${SEED_BYTES} bytes in hex; restore it, or remove it and the keys beside it to become another machine`,
      { path },
    );
  }
  return Buffer.from(text, 'hex');
}

const WHOLE_KEY = /^-----BEGIN PRIVATE KEY-----\n[A-Za-z0-9+/=\n]+\n-----END PRIVATE KEY-----\s*$/;

/** Private keys as PEM files of a folder. */
export function keyFolder(dir: string): KeyStore {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const path = (name: string): string => join(dir, `${name}.pem`);
  return {
    load(name) {
      if (!existsSync(path(name))) return undefined;
      const pem = readFileSync(path(name), 'utf8');
      if (WHOLE_KEY.test(pem)) return pem;
      throw new ProjectError(
        'SENSOR_KEY_DAMAGED',
        `${path(name)} holds no private key; restore it, or remove it to have a new one made`,
        { path: path(name) },
      );
    },
    save: (name, pem) => writeSecret(path(name), pem),
  };
}
