import * as crypto from "node:crypto";

const { randomBytes, scrypt, timingSafeEqual } = crypto;

/** A hash of a password, taken apart. */
export type PasswordHash =
  | {
      readonly algorithm: "scrypt";
      /** Cost 2^ln, block size, parallelism (RFC 7914). */
      readonly ln: number;
      readonly r: number;
      readonly p: number;
      readonly salt: Buffer;
      readonly digest: Buffer;
    }
  | {
      readonly algorithm: "argon2id";
      /** KiB of memory, passes, parallelism (RFC 9106). */
      readonly m: number;
      readonly t: number;
      readonly p: number;
      readonly salt: Buffer;
      readonly digest: Buffer;
    };

/** What `hashPassword` uses: 32 MiB, about a tenth of a second. */
const SCRYPT = { ln: 15, r: 8, p: 3 } as const;
const SALT = 16;
const DIGEST = 32;
/** Bytes of memory that one hash may need at most: several are worked on at once. */
const MAX_MEMORY = 256 * 1_048_576;
/** A password is at most so many bytes: hashing longer ones would be a way to keep us busy. */
export const MAX_PASSWORD = 1_024;

const PHC =
  /^\$(?:scrypt\$ln=([0-9]{1,2}),r=([0-9]{1,2}),p=([0-9]{1,2})|argon2id\$v=19\$m=([0-9]{1,7}),t=([0-9]{1,2}),p=([0-9]{1,2}))\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;

/** Reads `$scrypt$ln=…,r=…,p=…$salt$hash` or `$argon2id$v=19$m=…,t=…,p=…$salt$hash`; undefined for anything else, and for what would need more than 256 MiB. */
export function readPasswordHash(written: string): PasswordHash | undefined {
  const [, ln, r, sp, m, t, ap, salt64, digest64] = PHC.exec(written) ?? [];
  if (salt64 === undefined || digest64 === undefined) return undefined;
  const salt = Buffer.from(salt64, "base64");
  const digest = Buffer.from(digest64, "base64");
  if (ln !== undefined) {
    const read = { algorithm: "scrypt", ln: Number(ln), r: Number(r), p: Number(sp), salt, digest } as const;
    const possible = read.ln >= 10 && read.r >= 1 && read.p >= 1 && read.p <= 16;
    return possible && memoryOf(read) <= MAX_MEMORY ? read : undefined;
  }
  const read = { algorithm: "argon2id", m: Number(m), t: Number(t), p: Number(ap), salt, digest } as const;
  const possible = read.t >= 1 && read.p >= 1 && read.m >= 8 * read.p && read.t <= 16;
  return possible && memoryOf(read) <= MAX_MEMORY ? read : undefined;
}

function memoryOf(hash: PasswordHash): number {
  return hash.algorithm === "scrypt" ? 128 * 2 ** hash.ln * hash.r : hash.m * 1_024;
}

/** A hash of a password by scrypt with a new salt, as it is written in a config. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT);
  const digest = await derived(password, {
    algorithm: "scrypt",
    ...SCRYPT,
    salt,
    digest: Buffer.alloc(DIGEST),
  });
  return `$scrypt$ln=${SCRYPT.ln},r=${SCRYPT.r},p=${SCRYPT.p}$${base64(salt)}$${base64(digest)}`;
}

function base64(bytes: Buffer): string {
  return bytes.toString("base64").replace(/=+$/, "");
}

/** A hash that no password has, and that costs as much to compare with as those of `hashPassword`. */
export function unmatchableHash(like?: PasswordHash): PasswordHash {
  const cost = like ?? { algorithm: "scrypt" as const, ...SCRYPT };
  return { ...cost, salt: randomBytes(SALT), digest: randomBytes(DIGEST) } as PasswordHash;
}

/** Whether a password has a hash; works in the thread pool. Rejects where this Node lacks the algorithm. */
export async function verifyPassword(password: string, hash: PasswordHash): Promise<boolean> {
  return timingSafeEqual(await derived(password, hash), hash.digest);
}

async function derived(password: string, hash: PasswordHash): Promise<Buffer> {
  const { salt, digest } = hash;
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const done = (error: Error | null, key: Buffer): void => (error === null ? resolve(key) : reject(error));
  // One system writes é as one character, another as two.
  const message = Buffer.from(password.normalize("NFC"), "utf8");
  if (hash.algorithm === "scrypt") {
    const cost = { N: 2 ** hash.ln, r: hash.r, p: hash.p, maxmem: 2 * MAX_MEMORY };
    scrypt(message, salt, digest.length, cost, done);
  } else {
    const { m: memory, t: passes, p: parallelism } = hash;
    const parameters = { message, nonce: salt, parallelism, tagLength: digest.length, memory, passes };
    // Node has it from 24.7 on.
    if (crypto.argon2 === undefined) throw new Error("this Node has no argon2; write scrypt hashes");
    crypto.argon2("argon2id", parameters, done);
  }
  return await promise;
}
