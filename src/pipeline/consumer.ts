/** Who calls. A policy of one's own may make one with a name alone. */
export interface Consumer {
  readonly name: string;
  /** Groups that it belongs to (default: none). */
  readonly groups?: readonly string[];
  /** Words that say something about it, for filters and logs (default: none). */
  readonly tags?: readonly string[];
  /** What else is known of it, for expressions and forwarded fields. */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** What it may ask for, where a route checks permissions; undefined: nothing was said. */
  readonly permissions?: readonly Permission[];
}

/** Requests that a consumer may make. */
export interface Permission {
  /** Methods in upper case; empty for all. */
  readonly methods: readonly string[];
  /** Path conditions as routes write them: `/exact`, `/with/{parameter}`, `/prefix/*`; empty for all. */
  readonly paths: readonly string[];
}

/** What a credential is looked up by. */
export type CredentialKind =
  /** API keys: SHA-256 of the key in base64url. */
  | "key"
  /** Passwords: the name of the user. */
  | "basic"
  /** Shared secrets of request signatures: the id of the key. */
  | "hmac"
  /** Public keys of message signatures (RFC 9421): the id of the key. */
  | "signature"
  /** Holders of tokens: issuer, NUL, subject. */
  | "subject"
  /** Client certificates: `sha256:` and the fingerprint in hexadecimal, `san:` and a name, or `subject:` and a subject. */
  | "certificate";

/** What proves who a consumer is. */
export interface Credential {
  /** Its public name: in logs, never a secret. */
  readonly id: string;
  readonly consumer: Consumer;
  /** Milliseconds since 1970 before which, and from which on, it proves nothing. */
  readonly notBefore: number;
  readonly expires: number;
  /** What it is checked against: a hash of a password, a shared secret, a public key; empty where being found is enough. */
  readonly proof: string;
}

/** The consumers of a config. A lookup costs the same however many there are. */
export interface Consumers {
  /** How many there are. */
  readonly size: number;
  /** A consumer by its name. */
  named(name: string): Consumer | undefined;
  /** The credential of a kind that is looked up by this text; it may be expired. */
  find(kind: CredentialKind, by: string): Credential | undefined;
  /** The credential of an API key as requests carry it; it may be expired. */
  findKey(key: string): Credential | undefined;
  /** Some credential of a password, to be as slow for who is unknown as for who is known; undefined where there is none. */
  readonly anyPassword?: Credential | undefined;
}

/** Nobody. */
export const NO_CONSUMERS: Consumers = Object.freeze({
  size: 0,
  named: () => undefined,
  find: () => undefined,
  findKey: () => undefined,
});
