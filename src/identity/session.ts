import type { Clock } from "../lib/clock.ts";
import { cookie, cookies, removeCookies, setCookie } from "../lib/cookies.ts";
import type { Fields, ReadonlyFields } from "../lib/fields.ts";
import { frozen } from "./frozen.ts";
import type { Seal } from "./seal.ts";

/** Who is logged in, as a browser carries it, sealed. Times are in milliseconds since 1970. */
export interface Session {
  readonly id: string;
  readonly began: number;
  /** When it was written to the browser last. */
  readonly written: number;
  /** What the provider said of the person. */
  readonly claims: Readonly<Record<string, unknown>>;
  readonly idToken?: string | undefined;
  readonly accessToken?: string | undefined;
  /** When the tokens were given, and when the access token ends; the latter is left out where nobody said so. */
  readonly given: number;
  readonly accessEnds?: number | undefined;
  readonly refreshToken?: string | undefined;
}

/** A session that a request brought. */
export interface FoundSession {
  readonly session: Session;
  /** It was sealed by the secret that seals now. */
  readonly current: boolean;
}

/** Where sessions are kept and for how long; times in milliseconds. */
export interface SessionRules {
  /** Name of the cookie; over https `__Host-` stands before it. */
  readonly cookie: string;
  readonly lifetime: number;
  readonly idle: number;
  /** Characters of all its cookies together. */
  readonly max: number;
}

/** Characters of one cookie's value: browsers take 4,096 with name and attributes (RFC 6265 §6.1). */
const CHUNK = 3_800;
/** Opened cookies that are remembered. */
const REMEMBERED = 500;

/** Sessions in cookies of the browser: sealed, in several cookies where one is too small. */
export class Sessions {
  readonly #seal: Seal;
  readonly #rules: SessionRules;
  readonly #clock: Clock;
  readonly #opened = new Map<string, FoundSession>();

  constructor(seal: Seal, rules: SessionRules, clock: Clock) {
    this.#seal = seal;
    this.#rules = rules;
    this.#clock = clock;
  }

  /** The session that came; a word where there is none that holds. */
  read(fields: ReadonlyFields, secure: boolean): FoundSession | "none" | "invalid" | "expired" {
    const sealed = this.#text(fields, secure);
    if (sealed === undefined) return "none";
    const found = this.#opened.get(sealed) ?? this.#open(sealed);
    if (found === undefined) return "invalid";
    const now = this.#clock.wall();
    const { began, written } = found.session;
    return now >= began + this.#rules.lifetime || now >= written + this.#rules.idle ? "expired" : found;
  }

  /** Values of Set-Cookie that give the browser a session; undefined where it is too large. */
  write(session: Session, fields: ReadonlyFields, secure: boolean): string[] | undefined {
    const sealed = this.#seal.seal("session", JSON.stringify(session));
    if (sealed.length > this.#rules.max) return undefined;
    const count = Math.ceil(sealed.length / CHUNK);
    const left = session.began + this.#rules.lifetime - this.#clock.wall();
    const maxAge = Math.max(1, Math.min(left, this.#rules.idle) / 1_000);
    const name = hostCookie(this.#rules.cookie, secure);
    const lines = Array.from({ length: count }, (_, nth) => {
      const text = sealed.slice(nth * CHUNK, (nth + 1) * CHUNK);
      return nth === 0
        ? setCookie(name, count === 1 ? text : `${count}.${text}`, { secure, maxAge })
        : setCookie(`${name}-${nth}`, text, { secure, maxAge });
    });
    return [...lines, ...this.#clear(fields, secure, count)];
  }

  /** Values of Set-Cookie that take the session of a request away. */
  clear(fields: ReadonlyFields, secure: boolean): string[] {
    return this.#clear(fields, secure, 0);
  }

  /** Takes away the cookies of a session from the `from`-th on. */
  #clear(fields: ReadonlyFields, secure: boolean, from: number): string[] {
    const name = hostCookie(this.#rules.cookie, secure);
    const chunk = new RegExp(`^${name}(?:-([1-9]))?$`);
    const there = cookies(fields).flatMap(([sent]) => {
      const match = chunk.exec(sent);
      return match !== null && Number(match[1] ?? 0) >= from ? [sent] : [];
    });
    return [...new Set(there)].map((sent) => setCookie(sent, "", { secure, maxAge: 0 }));
  }

  #text(fields: ReadonlyFields, secure: boolean): string | undefined {
    const name = hostCookie(this.#rules.cookie, secure);
    const first = cookie(fields, name);
    if (first === undefined || first === "") return undefined;
    if (first.charCodeAt(1) !== 0x2e) return first;
    let text = first.slice(2);
    const count = first.charCodeAt(0) - 0x30;
    for (let nth = 1; nth < count && nth < 10; nth++) text += cookie(fields, `${name}-${nth}`) ?? "!";
    return text;
  }

  #open(sealed: string): FoundSession | undefined {
    if (sealed.length > this.#rules.max) return undefined;
    const opened = this.#seal.open("session", sealed);
    if (opened === undefined) return undefined;
    const found = { session: frozen(JSON.parse(opened.text) as Session), current: opened.current };
    if (this.#opened.size >= REMEMBERED) this.#opened.delete(this.#opened.keys().next().value!);
    this.#opened.set(sealed, found);
    return found;
  }
}

/** A cookie's name as it is set: over https no other host and no page of plain http can set one that begins so. */
export function hostCookie(name: string, secure: boolean): string {
  return secure ? `__Host-${name}` : name;
}

/** Takes the cookies of sessions and logins of this name away, whether they were set over https or not. */
export function removeSessionCookies(fields: Fields, name: string): void {
  if (!fields.all("cookie").some((line) => line.includes(name))) return;
  removeCookies(fields, (sent) => {
    const bare = sent.startsWith("__Host-") ? sent.slice(7) : sent;
    return bare.startsWith(name) && (bare.length === name.length || bare.charCodeAt(name.length) === 0x2d);
  });
}
