import { type Authentication, Denied, type Identity } from "../pipeline/authenticator.ts";
import { compileClaim } from "../pipeline/claim.ts";
import type { Consumer, Consumers } from "../pipeline/consumer.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import { hideTokens, type TokenPlace } from "./token-place.ts";

type Claims = Readonly<Record<string, unknown>>;

/** How the holder of a token becomes a consumer. */
export interface HolderRules {
  /** Claim that names the consumer; undefined: the consumer that has the token's issuer and subject. */
  readonly consumerClaim: string | undefined;
  /** Tokens without a consumer are refused, by this reason; undefined: they are good all the same. */
  readonly refuse: string | undefined;
}

/** What is kept beside a token: whom it belongs to, by which consumers. */
interface HolderMemo {
  readonly of: number;
  readonly until: number;
  /** Whether it ever does. */
  readonly ends: boolean;
  /** One for each place that tokens come from, in order. */
  readonly identities: readonly Identity[] | Denied;
}

/** Something that keeps a memo. */
export interface WithMemo {
  readonly claims: Claims;
  /** Its issuer, where that was looked at. */
  readonly issuer: { readonly issuer: string | undefined };
  memo: unknown;
}

/** Says who holds a token. Asks the consumers of the exchange's own snapshot, once for each token and set of consumers. */
export class TokenHolders {
  readonly #rules: HolderRules;
  /** By the place that a token came from: what hides it, and the tokens behind it, which nobody looks at. */
  readonly #hiding: readonly Pick<Identity, "hide" | "forward">[];
  readonly #nameOf: ((claims: Claims) => unknown) | undefined;
  /** The set that memos of the current number are of; millions of consumers are not kept for the sake of a memo. */
  #consumers: WeakRef<Consumers> | undefined = undefined;
  #number = 0;

  /**
   * @param issuers of tokens; undefined for one that is not looked at. Throws an Error where nobody could be a consumer and
   * only consumers are let in.
   */
  constructor(rules: HolderRules, places: readonly TokenPlace[], issuers: readonly (string | undefined)[]) {
    if (rules.refuse !== undefined && rules.consumerClaim === undefined && !issuers.some(Boolean))
      throw new Error(
        "requireConsumer: a subject is a consumer's only where its issuer is known; write issuer, or consumerClaim",
      );
    this.#rules = rules;
    this.#hiding = places.map((place, at) => ({
      hide: (x) => place.hide(x),
      forward: at === places.length - 1 ? undefined : (x) => hideTokens(places.slice(at + 1), x),
    }));
    this.#nameOf = rules.consumerClaim === undefined ? undefined : compileClaim(rules.consumerClaim);
  }

  /** Who holds a token that came from the place of this number. */
  identify(x: Exchange, token: WithMemo, place: number): Authentication {
    const { consumers, clock } = x.snapshot;
    if (this.#consumers?.deref() !== consumers) {
      this.#number++;
      this.#consumers = new WeakRef(consumers);
    }
    let memo = token.memo as HolderMemo | undefined;
    if (memo === undefined || memo.of !== this.#number || (memo.ends && clock.wall() >= memo.until)) {
      memo = this.#find(consumers, token, clock.wall());
      token.memo = memo;
    }
    return memo.identities instanceof Denied ? memo.identities : memo.identities[place];
  }

  #find(consumers: Consumers, token: WithMemo, now: number): HolderMemo {
    const of = this.#number;
    const { claims } = token;
    const { consumer, until } = this.#consumerOf(consumers, token, now);
    const ends = until !== Number.POSITIVE_INFINITY;
    const { refuse } = this.#rules;
    if (consumer === undefined && refuse !== undefined)
      return { of, until, ends, identities: new Denied(refuse, "no consumer belongs to the token") };
    const { sub } = claims;
    const credential = typeof sub === "string" ? sub : undefined;
    const identities = this.#hiding.map((hiding) => ({ consumer, credential, claims, ...hiding }));
    return { of, until, ends, identities };
  }

  #consumerOf(
    consumers: Consumers,
    { claims, issuer }: WithMemo,
    now: number,
  ): { readonly consumer: Consumer | undefined; readonly until: number } {
    const always = Number.POSITIVE_INFINITY;
    if (this.#nameOf !== undefined) {
      const name = this.#nameOf(claims);
      return { consumer: typeof name === "string" ? consumers.named(name) : undefined, until: always };
    }
    const { sub } = claims;
    // Who holds a key may write any issuer into a token: only one that was looked at says whose subject it is.
    const name = issuer.issuer;
    if (name === undefined || typeof sub !== "string") return { consumer: undefined, until: always };
    const found = consumers.find("subject", `${name}\0${sub}`);
    if (found === undefined) return { consumer: undefined, until: always };
    if (now < found.notBefore) return { consumer: undefined, until: found.notBefore };
    if (now >= found.expires) return { consumer: undefined, until: always };
    return { consumer: found.consumer, until: found.expires };
  }
}
