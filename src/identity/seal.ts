import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from "node:crypto";

const VERSION = 1;
/** Octets that name a key, that make it one for a single text, and of the cipher's nonce and tag. */
const ID = 4;
const SALT = 16;
const NONCE = 12;
const TAG = 16;
const HEAD = 1 + ID + SALT + NONCE;

/** What was sealed, and whether it was by the key that seals now. */
export interface Opened {
  readonly text: string;
  readonly current: boolean;
}

interface Key {
  readonly id: Buffer;
  readonly key: Buffer;
}

/**
 * Encrypts texts for nobody but gateways with the same secrets: AES-256-GCM under a key made for each text (HMAC-SHA-256 of
 * a random salt), so that no number of texts wears a secret out. The first secret seals, all of them open.
 */
export class Seal {
  readonly #keys: readonly Key[];
  readonly #purpose: string;

  /** @param purpose what is sealed and for whom: a text that was sealed for another purpose does not open */
  constructor(secrets: readonly string[], purpose: string) {
    this.#purpose = purpose;
    this.#keys = secrets.map((secret) => {
      const material = Buffer.from(hkdfSync("sha256", secret, "torana", "seal", 32 + ID));
      return { key: material.subarray(0, 32), id: material.subarray(32) };
    });
  }

  /** The text in base64url; `kind` must be the same when it is opened. */
  seal(kind: string, text: string): string {
    const { key, id } = this.#keys[0]!;
    const salt = randomBytes(SALT);
    const nonce = randomBytes(NONCE);
    const head = Buffer.concat([Buffer.of(VERSION), id, salt, nonce]);
    const cipher = createCipheriv("aes-256-gcm", keyFor(key, salt), nonce);
    cipher.setAAD(this.#bound(kind));
    const body = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
    return Buffer.concat([head, body, cipher.getAuthTag()]).toString("base64url");
  }

  /** Undefined for what none of the secrets sealed for this purpose and kind. */
  open(kind: string, sealed: string): Opened | undefined {
    const bytes = Buffer.from(sealed, "base64url");
    if (bytes.length < HEAD + TAG || bytes[0] !== VERSION) return undefined;
    // One spelling each: else one text could be told apart from itself.
    if (bytes.toString("base64url") !== sealed) return undefined;
    const id = bytes.subarray(1, 1 + ID);
    const at = this.#keys.findIndex((key) => key.id.equals(id));
    if (at === -1) return undefined;
    const salt = bytes.subarray(1 + ID, 1 + ID + SALT);
    const key = keyFor(this.#keys[at]!.key, salt);
    const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(1 + ID + SALT, HEAD), {
      authTagLength: TAG,
    });
    decipher.setAAD(this.#bound(kind));
    decipher.setAuthTag(bytes.subarray(-TAG));
    try {
      const text = decipher.update(bytes.subarray(HEAD, -TAG), undefined, "utf8") + decipher.final("utf8");
      return { text, current: at === 0 };
    } catch {
      return undefined;
    }
  }

  #bound(kind: string): Buffer {
    return Buffer.from(`${kind}\0${this.#purpose}`);
  }
}

function keyFor(key: Buffer, salt: Buffer): Buffer {
  return createHmac("sha256", key).update(salt).digest();
}
