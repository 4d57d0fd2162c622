import type { Clock } from "../lib/clock.ts";
import { Recent } from "../lib/recent.ts";
import { type Caller, type CallRequest, isDryCall } from "../pipeline/calls.ts";
import type { Kept } from "../pipeline/policy.ts";
import { type ClaimCheck, scopesOf, valuesOf } from "./claim-rules.ts";
import { type ClientLogin, clientForm } from "./client-login.ts";
import { safeJson } from "./fetched.ts";
import { frozen } from "./frozen.ts";
import { TokenFault } from "./jws.ts";
import { ownText, type Remembered, TokenCache, type TokenMemory } from "./token-cache.ts";
import { holdsUntil } from "./token-times.ts";

/** What is asked about tokens, and of whom. */
export interface IntrospectorOptions {
  readonly to: CallRequest["to"];
  /** How messages name it. */
  readonly name: string;
  readonly login: ClientLogin;
  readonly caller: Caller;
  readonly clock: Clock;
  /** Milliseconds that one question may take. */
  readonly timeout: number;
  /** Milliseconds that an answer about a token that holds is believed, and about one that does not. */
  readonly cacheFor: number;
  readonly inactiveFor: number;
  /** What `iss` must say; undefined where it is not looked at. */
  readonly issuer: string | undefined;
  readonly audience: readonly string[];
  readonly required: readonly string[];
  readonly check: ClaimCheck;
  readonly scopes: readonly string[];
  /** Characters of a token at most. */
  readonly max: number;
  tell(line: string): void;
}

/** A token that its server says holds. */
export interface ActiveToken extends Remembered {
  readonly claims: Readonly<Record<string, unknown>>;
  readonly issuer: { readonly issuer: string | undefined };
  /** Milliseconds since 1970 from which on it must be asked for again. */
  readonly until: number;
  memo: unknown;
}

/** Why a token proves nothing, or that nobody could say. */
export type Unproven = TokenFault | "inactive" | "unavailable";

type Found = ActiveToken | Unproven;

/** Characters of tokens (RFC 6750 §2.1). */
const TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/;

/** Questions under way at most: junk must not become load at the server. */
const ASKING_MAX = 1_000;
/** Milliseconds between two lines for the log. */
const AGAIN = 60_000;
const INACTIVE = 5_000;
const ANSWER_MAX = 262_144;

/** Asks the server of tokens whether they hold (RFC 7662), and remembers what it said for a while. */
export class Introspector implements Kept {
  readonly #options: IntrospectorOptions;
  readonly #active: TokenCache<ActiveToken>;
  readonly #inactive = new Recent<string, { readonly found: Unproven; readonly until: number }>(INACTIVE);
  readonly #asking = new Map<string, Promise<Found>>();
  /** Until when nothing more is told: some tokens may make a server fail again and again. */
  #quietUntil = Number.NEGATIVE_INFINITY;

  /** @param memory what remembered tokens share with others */
  constructor(options: IntrospectorOptions, memory: TokenMemory) {
    this.#options = options;
    this.#active = new TokenCache(memory);
  }

  /** What is known of a token; a promise where the server must be asked, which rejects only where nobody is. */
  introspect(token: string): Found | Promise<Found> {
    const now = this.#options.clock.wall();
    const known = this.#active.get(token);
    if (known !== undefined) {
      if (now < known.until) return known;
      this.#active.forget(known);
    }
    const fault = this.#formFault(token);
    if (fault !== undefined) return fault;
    const before = this.#inactive.get(token);
    if (before !== undefined && now < before.until) return before.found;
    const asking = this.#asking.get(token);
    if (asking !== undefined) return asking;
    if (this.#asking.size >= ASKING_MAX) return "unavailable";
    const own = ownText(token);
    const found = this.#ask(own).finally(() => this.#asking.delete(own));
    this.#asking.set(own, found);
    return found;
  }

  close(): void {
    this.#active.close();
    this.#inactive.clear();
  }

  #formFault(token: string): TokenFault | undefined {
    const { max } = this.#options;
    if (token.length > max) return new TokenFault("too_large", `the token has more than ${max} characters`);
    return TOKEN.test(token) ? undefined : new TokenFault("malformed", "this is not a token");
  }

  async #ask(token: string): Promise<Found> {
    const { caller, to, timeout, login } = this.#options;
    try {
      const form = clientForm(login, { token, token_type_hint: "access_token" });
      const request = { to, method: "POST", timeout, max: ANSWER_MAX, ...form };
      const { document } = await safeJson(caller, request);
      if (typeof document["active"] !== "boolean") throw new Error("its answer does not say active");
      return this.#settle(token, document);
    } catch (error) {
      if (isDryCall(error)) throw error;
      this.#tell(error as Error);
      return "unavailable";
    }
  }

  #tell({ message }: Error): void {
    const { clock, name, tell } = this.#options;
    if (clock.now() < this.#quietUntil) return;
    this.#quietUntil = clock.now() + AGAIN;
    tell(`${name}: tokens cannot be introspected (${message})`);
  }

  #settle(token: string, { active, ...claims }: Readonly<Record<string, unknown>>): Found {
    const { clock, cacheFor, issuer, inactiveFor } = this.#options;
    const now = clock.wall();
    const until = active === true ? endOf(claims, now) : "inactive";
    const fault = typeof until === "number" ? this.#faultIn(claims) : until;
    if (typeof until !== "number" || fault !== undefined) {
      this.#inactive.set(token, { found: fault!, until: now + inactiveFor });
      return fault!;
    }
    const found: ActiveToken = {
      token,
      used: false,
      place: 0,
      claims: frozen(claims),
      issuer: { issuer },
      until: Math.min(until, now + cacheFor),
      memo: undefined,
    };
    if (found.until > now) this.#active.add(found);
    return found;
  }

  #faultIn(claims: Readonly<Record<string, unknown>>): TokenFault | undefined {
    const { issuer, audience, required, check, scopes } = this.#options;
    if (issuer !== undefined && claims["iss"] !== issuer)
      return new TokenFault("issuer", "the token is of an issuer that is not trusted here");
    if (audience.length > 0 && !valuesOf(claims["aud"]).some((one) => audience.includes(one as string)))
      return new TokenFault("audience", "the token is not meant for this audience");
    const missing = required.find((name) => !Object.hasOwn(claims, name));
    if (missing !== undefined) return new TokenFault("claim", `it has no ${missing}`);
    const unmet = check(claims);
    if (unmet !== undefined) return new TokenFault("claim", `its ${unmet} is not what is asked for`);
    const granted = scopesOf(claims);
    const lacking = scopes.find((scope) => !granted.includes(scope));
    return lacking === undefined ? undefined : new TokenFault("scope", `it does not grant ${lacking}`);
  }
}

/** How far the server's clock may be ahead: it has looked itself whether the token holds yet. */
const AHEAD = 30_000;

/** Until when a token holds that its server calls active; or why it does not hold now, whatever the server says. */
function endOf(claims: Readonly<Record<string, unknown>>, now: number): number | TokenFault {
  const { exp, nbf, iat } = claims;
  const times = { requireExpiry: false, maxAge: undefined };
  const begun = holdsUntil({ nbf, iat }, now, { ...times, skew: AHEAD });
  return begun instanceof TokenFault ? begun : holdsUntil({ exp }, now, { ...times, skew: 0 });
}
