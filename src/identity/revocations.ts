import type { Clock } from "../lib/clock.ts";
import { isDryCall } from "../pipeline/calls.ts";
import type { Kept } from "../pipeline/policy.ts";
import { TokenFault } from "./jws.ts";

/** What a list of revoked tokens is made of. */
export interface RevocationsOptions {
  /** Gives the list as JSON; undefined where it has not changed. Rejects where it cannot be had. */
  load(): Promise<Uint8Array | undefined>;
  /** How messages name it. */
  readonly name: string;
  /** Milliseconds between two questions. */
  readonly every: number;
  /** Milliseconds that the last list is believed while it cannot be had. */
  readonly staleFor: number;
  readonly clock: Clock;
  tell(line: string): void;
}

/** Tokens by what they are revoked by. */
interface RevokedTokens {
  readonly ids: ReadonlySet<string>;
  readonly sessions: ReadonlySet<string>;
  /** Seconds since 1970 by subject: what was issued up to then is revoked. */
  readonly subjects: ReadonlyMap<string, number>;
}

/** Tokens that are refused although they hold: by their id, their session, or everything of a subject up to a time. */
export class Revocations implements Kept {
  readonly #options: RevocationsOptions;
  #tokens: RevokedTokens | undefined = undefined;
  #generation = 0;
  #loadedAt = 0;
  #failures = 0;
  /** The list as it came last is none. */
  #broken = false;
  #first: Promise<void>;
  #pending = false;
  #timer: NodeJS.Timeout | undefined = undefined;
  #closed = false;

  /** @param first the list as it is already known; throws an Error where it is none */
  constructor(options: RevocationsOptions, first?: Uint8Array) {
    this.#options = options;
    if (first === undefined) {
      this.#pending = true;
      this.#first = this.#ask().then(() => {
        this.#pending = false;
      });
      this.#first.catch(() => undefined);
    } else {
      this.#take(first);
      this.#first = Promise.resolve();
      this.#plan();
    }
  }

  /** Another number for another list; also once the last one is too old to be believed. */
  get generation(): number {
    this.#dropStale();
    return this.#generation;
  }

  /** Nobody knows yet whether there is a list. */
  get pending(): boolean {
    return this.#pending;
  }

  /** Resolves when the first list is there or could not be had; rejects where nobody is asked. */
  get asked(): Promise<void> {
    return this.#first;
  }

  /** Why claims prove nothing: they are revoked, or nobody knows. Undefined where they are not revoked. */
  faultOf(claims: Readonly<Record<string, unknown>>): TokenFault | undefined {
    this.#dropStale();
    const tokens = this.#tokens;
    if (tokens === undefined)
      return new TokenFault("revocations_unavailable", "which tokens are revoked cannot be known now");
    return isRevoked(tokens, claims) ? new TokenFault("revoked", "the token was revoked") : undefined;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  /** Forgets a list that is too old to be believed. */
  #dropStale(): void {
    if (this.#failures === 0 || this.#tokens === undefined) return;
    const { clock, every, staleFor } = this.#options;
    if (clock.now() - this.#loadedAt <= every + staleFor) return;
    this.#tokens = undefined;
    this.#generation++;
  }

  async #ask(): Promise<void> {
    try {
      const list = await this.#options.load();
      if (list !== undefined) this.#take(list);
      else if (this.#broken) throw new Error("it is still not what it should be");
      this.#loadedAt = this.#options.clock.now();
      if (this.#failures > 0)
        this.#options.tell(`${this.#options.name}: the list of revoked tokens is known again`);
      this.#failures = 0;
    } catch (error) {
      if (isDryCall(error)) throw error;
      if (this.#failures++ === 0)
        this.#options.tell(
          `${this.#options.name}: the list of revoked tokens cannot be had: ${(error as Error).message}`,
        );
    }
    this.#plan();
  }

  /** Throws an Error for what is no list; the one before stays. */
  #take(list: Uint8Array): void {
    this.#broken = true;
    this.#tokens = tokensIn(list);
    this.#broken = false;
    this.#loadedAt = this.#options.clock.now();
    this.#generation++;
  }

  #plan(): void {
    if (this.#closed) return;
    const { every } = this.#options;
    const wait = this.#failures === 0 ? every : Math.min(every, 250 * 2 ** Math.min(this.#failures, 10));
    this.#timer = setTimeout(() => void this.#ask(), Math.min(wait, 2_147_483_647));
    this.#timer.unref();
  }
}

/** Reads `[{ "jti": … }, { "sid": … }, { "sub": …, "before": … }]`, each with an `iss` where it is meant for one issuer alone. */
function tokensIn(list: Uint8Array): RevokedTokens {
  const entries: unknown = JSON.parse(Buffer.from(list).toString());
  if (!Array.isArray(entries)) throw new Error("not a JSON list");
  const ids = new Set<string>();
  const sessions = new Set<string>();
  const subjects = new Map<string, number>();
  for (const [nth, entry] of entries.entries()) {
    const { iss, jti, sid, sub, before } = (entry ?? {}) as Readonly<Record<string, unknown>>;
    const wrong = (what: string): Error => new Error(`entry ${nth + 1}: ${what}`);
    if (iss !== undefined && typeof iss !== "string") throw wrong("iss is no text");
    if (typeof jti === "string") ids.add(keyOf(iss, jti));
    else if (typeof sid === "string") sessions.add(keyOf(iss, sid));
    else if (typeof sub === "string") {
      const until = before === undefined ? Number.POSITIVE_INFINITY : secondsOf(before);
      if (Number.isNaN(until))
        throw wrong("before is neither seconds since 1970 nor a time such as 2030-01-31T12:00:00Z");
      subjects.set(keyOf(iss, sub), Math.max(until, subjects.get(keyOf(iss, sub)) ?? 0));
    } else throw wrong("it has neither jti nor sid nor sub");
  }
  return { ids, sessions, subjects };
}

function secondsOf(time: unknown): number {
  if (typeof time === "number") return time;
  return typeof time === "string" ? Date.parse(time) / 1_000 : Number.NaN;
}

function keyOf(issuer: unknown, id: string): string {
  return `${typeof issuer === "string" ? issuer : ""}\0${id}`;
}

function isRevoked(
  { ids, sessions, subjects }: RevokedTokens,
  claims: Readonly<Record<string, unknown>>,
): boolean {
  const { iss, jti, sid, sub, iat } = claims;
  const has = (set: ReadonlySet<string>, id: unknown): boolean =>
    set.size > 0 && typeof id === "string" && (set.has(keyOf(undefined, id)) || set.has(keyOf(iss, id)));
  if (has(ids, jti) || has(sessions, sid)) return true;
  if (subjects.size === 0 || typeof sub !== "string") return false;
  const until = Math.max(subjects.get(keyOf(undefined, sub)) ?? -1, subjects.get(keyOf(iss, sub)) ?? -1);
  return until >= 0 && (typeof iat !== "number" || iat <= until);
}
