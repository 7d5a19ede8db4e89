/** Secrets at rest: passwords as Argon2id, random tokens as SHA-256 (they have nothing to guess). */
import { argon2, createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { ProjectError } from '../../events/index.ts';
import { Turnstile } from '../turnstile.ts';

const deriveKey = promisify(argon2);
/**
 * Passwords worked on at the same time, and how many may wait. Each takes 64 MiB, a tenth of a second and one of the four threads that files and compression
 * need too.
 */
const AT_ONCE = 1;
const MAX_WAITING = 20;
const turnstile = new Turnstile(AT_ONCE);
/** Argon2id with 64 MiB and three passes (RFC 9106 §4, second recommended option). */
const MEMORY_KIB = 65_536;
const PASSES = 3;
const PARALLELISM = 4;
const TAG_BYTES = 32;
const SALT_BYTES = 16;

async function tagOf(
  password: string,
  salt: Buffer,
  memory: number,
  passes: number,
  parallelism: number,
): Promise<Buffer> {
  if (turnstile.waiting >= MAX_WAITING)
    throw new ProjectError('PASSWORDS_BUSY', 'too many passwords are being checked; try again in a moment');
  const tag = await turnstile.through(() =>
    deriveKey('argon2id', {
      message: password.normalize('NFC'),
      nonce: salt,
      memory,
      passes,
      parallelism,
      tagLength: TAG_BYTES,
    }),
  );
  return Buffer.from(tag);
}

/** The PHC string of a password (`$argon2id$v=19$m=…,t=…,p=…$salt$tag`). */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const tag = await tagOf(password, salt, MEMORY_KIB, PASSES, PARALLELISM);
  const text = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '');
  return `$argon2id$v=19$m=${MEMORY_KIB},t=${PASSES},p=${PARALLELISM}$${text(salt)}$${text(tag)}`;
}

const PHC = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

export async function verifyPassword(password: string, phc: string): Promise<boolean> {
  const [, memory = '', passes = '', parallelism = '', salt = '', tag = ''] = PHC.exec(phc) ?? [];
  if (tag === '') return false;
  const expected = Buffer.from(tag, 'base64');
  const actual = await tagOf(
    password,
    Buffer.from(salt, 'base64'),
    Number(memory),
    Number(passes),
    Number(parallelism),
  );
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}

/** A random secret of 256 bits, with a prefix that tells what it is for where it leaks. */
export function makeToken(prefix: 'sdt' | 'sds' | 'sdl' | 'sdw'): string {
  return `${prefix}_${randomBytes(32).toString('base64url')}`;
}

export function hashToken(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
