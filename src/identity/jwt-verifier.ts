import type { Clock } from "../lib/clock.ts";
import type { Kept } from "../pipeline/policy.ts";
import { ALGORITHMS, isSignedBy } from "./algorithms.ts";
import { type ClaimCheck, scopesOf, valuesOf } from "./claim-rules.ts";
import { frozen } from "./frozen.ts";
import { type ParsedToken, parseToken, TokenFault } from "./jws.ts";
import type { KeySource } from "./key-source.ts";
import type { Revocations } from "./revocations.ts";
import { ownText, type Remembered, TokenCache } from "./token-cache.ts";
import type { TokenKey } from "./token-key.ts";
import { holdsUntil, type TimeRules } from "./token-times.ts";

/** Somebody whose tokens are believed. */
export interface TrustedIssuer {
  /** What `iss` says; undefined where it is not looked at. */
  readonly issuer: string | undefined;
  readonly keys: KeySource;
  /** Whom tokens must be meant for: `aud` has one of these; empty where it is not looked at. */
  readonly audience: readonly string[];
}

/** What tokens must be like. */
export interface JwtRules extends TimeRules {
  /** One alone may have no name; of several each has one. */
  readonly issuers: readonly TrustedIssuer[];
  /** Characters of a token at most. */
  readonly max: number;
  /** What `typ` may say, in lower case; a token without `typ` counts as "jwt". Empty for anything. */
  readonly types: ReadonlySet<string>;
  /** Claims that must be there. */
  readonly required: readonly string[];
  readonly check: ClaimCheck;
  /** Scopes that must be granted, all of them. */
  readonly scopes: readonly string[];
  readonly revocations: Revocations | undefined;
}

/** A token that was checked. */
export interface VerifiedToken extends Remembered {
  readonly claims: Readonly<Record<string, unknown>>;
  readonly issuer: TrustedIssuer;
  readonly key: TokenKey;
  /** Milliseconds since 1970 from which on it has expired. */
  readonly until: number;
  /** @internal The list of what is revoked that it was last held against. */
  revocations: number;
  /** @internal What a policy makes of it, kept beside it. */
  memo: unknown;
}

/**
 * Checks tokens and remembers those that hold: by their text, until they expire, their key goes, or they are revoked. One for
 * all policies of a thread that ask the same.
 */
export class JwtVerifier implements Kept {
  readonly #rules: JwtRules;
  readonly #clock: Clock;
  readonly #cache: TokenCache<VerifiedToken>;
  /** Checks that are under way: who brings the same token waits for the same answer. */
  readonly #checking = new Map<string, Promise<VerifiedToken | TokenFault>>();
  readonly #byName: ReadonlyMap<string, TrustedIssuer>;

  constructor(rules: JwtRules, clock: Clock, cache: TokenCache<VerifiedToken> = new TokenCache()) {
    this.#rules = rules;
    this.#clock = clock;
    this.#cache = cache;
    this.#byName = new Map(
      rules.issuers.flatMap((one) => (one.issuer === undefined ? [] : [[one.issuer, one] as const])),
    );
  }

  /** The token as checked, or what is wrong with it; a promise where it was not seen before, which rejects only where keys would have to be asked for and nobody is. */
  verify(token: string): VerifiedToken | TokenFault | Promise<VerifiedToken | TokenFault> {
    const { revocations } = this.#rules;
    if (revocations?.pending === true) return revocations.asked.then(() => this.verify(token));
    const known = this.#cache.get(token);
    if (known !== undefined) {
      if (!known.key.gone) return this.#stillHolds(known);
      this.#cache.forget(known);
    }
    return this.#check(token);
  }

  close(): void {
    this.#cache.close();
  }

  #stillHolds(known: VerifiedToken): VerifiedToken | TokenFault {
    if (this.#clock.wall() >= known.until) return new TokenFault("expired", "the token has expired");
    const { revocations } = this.#rules;
    if (revocations !== undefined && revocations.generation !== known.revocations) {
      const fault = revocations.faultOf(known.claims);
      if (fault !== undefined) return fault;
      known.revocations = revocations.generation;
    }
    return known;
  }

  #check(token: string): TokenFault | Promise<VerifiedToken | TokenFault> {
    const parsed = parseToken(token, this.#rules.max);
    if (parsed instanceof TokenFault) return parsed;
    if (!ALGORITHMS.has(parsed.algorithm)) return new TokenFault("algorithm", "its algorithm is not known");
    const issuer = this.#issuerOf(parsed);
    if (issuer === undefined)
      return new TokenFault("issuer", "the token is of an issuer that is not trusted here");
    const under = this.#checking.get(token);
    if (under !== undefined) return under;
    const own = ownText(token);
    const checking = this.#prove(own, parsed, issuer).finally(() => this.#checking.delete(own));
    this.#checking.set(own, checking);
    return checking;
  }

  async #prove(
    token: string,
    parsed: ParsedToken,
    issuer: TrustedIssuer,
  ): Promise<VerifiedToken | TokenFault> {
    const { algorithm, keyId } = parsed;
    const { keys } = issuer;
    if (!keys.knows(keyId)) await keys.again(keyId);
    const found = keys.find(keyId, algorithm);
    if (found.length === 0) return whyNoKey(keys, parsed);
    for (const key of found) {
      if (!(await isSignedBy(token, algorithm, key.key))) continue;
      // The issuer may have taken it back meanwhile.
      return key.gone ? whyNoKey(keys, parsed) : this.#settle(token, parsed, issuer, key);
    }
    return new TokenFault("signature", "its signature is not of a key of the issuer");
  }

  /** The token's own word on its issuer only chooses among those that are trusted. */
  #issuerOf({ claims }: ParsedToken): TrustedIssuer | undefined {
    const { iss } = claims;
    const named = typeof iss === "string" ? this.#byName.get(iss) : undefined;
    return named ?? this.#rules.issuers.find(({ issuer }) => issuer === undefined);
  }

  #settle(
    token: string,
    parsed: ParsedToken,
    issuer: TrustedIssuer,
    key: TokenKey,
  ): VerifiedToken | TokenFault {
    const { claims } = parsed;
    const until = holdsUntil(claims, this.#clock.wall(), this.#rules);
    if (until instanceof TokenFault) return until;
    const fault = this.#faultIn(parsed, issuer);
    if (fault !== undefined) return fault;
    const verified: VerifiedToken = {
      token,
      used: false,
      place: 0,
      claims: frozen(claims),
      issuer,
      key,
      until,
      revocations: this.#rules.revocations?.generation ?? 0,
      memo: undefined,
    };
    this.#cache.add(verified);
    return verified;
  }

  #faultIn({ claims, type = "jwt" }: ParsedToken, { audience }: TrustedIssuer): TokenFault | undefined {
    const { types, required, check, scopes, revocations } = this.#rules;
    if (types.size > 0 && !types.has(type)) return new TokenFault("type", "the token is of another type");
    if (audience.length > 0 && !audienceOf(claims).some((one) => audience.includes(one as string)))
      return new TokenFault("audience", "the token is not meant for this audience");
    const missing = required.find((name) => !Object.hasOwn(claims, name));
    if (missing !== undefined) return new TokenFault("claim", `it has no ${missing}`);
    const unmet = check(claims);
    if (unmet !== undefined) return new TokenFault("claim", `its ${unmet} is not what is asked for`);
    if (scopes.length > 0) {
      const granted = scopesOf(claims);
      const lacking = scopes.find((scope) => !granted.includes(scope));
      if (lacking !== undefined) return new TokenFault("scope", `it does not grant ${lacking}`);
    }
    return revocations?.faultOf(claims);
  }
}

function audienceOf({ aud }: Readonly<Record<string, unknown>>): readonly unknown[] {
  return valuesOf(aud).filter((one) => typeof one === "string");
}

/** A key that is there but not for this algorithm is the token's mistake; one that cannot be known may be ours. */
function whyNoKey(keys: KeySource, { keyId }: ParsedToken): TokenFault {
  if (keys.knows(keyId))
    return new TokenFault("algorithm", "its algorithm is not one that this key is used with");
  return keys.settled
    ? new TokenFault("key_unknown", "it is signed with a key that the issuer does not have")
    : new TokenFault("keys_unavailable", "the keys of the issuer cannot be had now");
}
