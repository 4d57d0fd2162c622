import { Failure } from "../errors/failure.ts";
import type { Reply } from "../lib/reply.ts";
import type { Exchange } from "./exchange.ts";
import { type LimitDecision, type Limiter, StoreDown } from "./limits.ts";
import type { PolicySteps, Slot, Verdict } from "./policy.ts";
import { waitTurn } from "./wait-turn.ts";

/** A limiter, and how its bounds are told to clients. */
export interface NamedLimiter {
  readonly limiter: Limiter;
  /** Counts while the store of the other one is down. */
  readonly instead?: Limiter | undefined;
  /** Names of the bounds as structured fields write them, in their order. */
  readonly names: readonly string[];
  /** What RateLimit-Policy says. */
  readonly policy: string;
}

/** How a policy that limits goes about it. */
export interface Limiting {
  /** What a request is counted by; undefined: it has no such thing and is refused. */
  key(x: Exchange): string | undefined;
  /** Units that it costs before it is forwarded; a whole number. */
  cost(x: Exchange): number;
  /** Units that it turns out to cost by its answer, beside those. */
  readonly costAfter?: ((x: Exchange, reply: Reply) => number) | undefined;
  /** What it is counted by. */
  limiter(x: Exchange): NamedLimiter;
  readonly fields: "ietf" | "x" | "both" | "none";
  /** Milliseconds that one may be made to wait for its turn. */
  readonly maxWait: number;
  readonly onStoreFailure: "allow" | "deny" | "local";
  /** Told instead of a refusal, where nothing is refused. */
  readonly dry?: ((x: Exchange) => void) | undefined;
  /** The answer to what is over its limit. */
  refuse(x: Exchange, decision: LimitDecision): Reply;
  /** Reasons of other refusals (default: those of LIMITING_REASONS). */
  readonly reasons?: { readonly keyMissing: string; readonly storeDown: string };
  readonly slot: Slot<Counted>;
}

/** What became of an exchange at its limit. */
export interface Counted {
  readonly decision: LimitDecision;
  readonly by: NamedLimiter;
  readonly key: string;
  /** Where what it costs besides is added. */
  readonly limiter: Limiter;
}

/** Why a request is refused that is not over its limit. */
export const LIMITING_REASONS = {
  limit_key_missing: {
    status: 403,
    source: "downstream",
    title: "The request lacks what requests are counted by here.",
  },
  limit_store_down: {
    status: 503,
    source: "gateway",
    title: "Whether the request is within its limits cannot be found out now.",
  },
} as const;

/** The steps of a policy that limits. */
export function limitingSteps(limiting: Limiting): PolicySteps {
  const { fields, costAfter, slot } = limiting;
  const step = new LimitStep(limiting);
  return {
    request: (x) => step.run(x),
    ...((fields !== "none" || costAfter !== undefined) && {
      response: (x, reply) => {
        const counted = slot.get(x);
        if (counted !== undefined) tell(x, reply, counted, limiting);
        return undefined;
      },
    }),
  };
}

class LimitStep {
  readonly #of: Limiting;
  readonly #keyMissing: string;
  readonly #storeDown: string;

  constructor(limiting: Limiting) {
    this.#of = limiting;
    this.#keyMissing = limiting.reasons?.keyMissing ?? "limit_key_missing";
    this.#storeDown = limiting.reasons?.storeDown ?? "limit_store_down";
  }

  run(x: Exchange): Verdict | Promise<Verdict> {
    if (this.#of.dry === undefined) return this.#take(x);
    try {
      return this.#take(x);
    } catch (error) {
      // What would have been refused since an expression fails; its cause is told as that of others is.
      x.report(new Failure("policy_failed", "dry run", error));
      return this.#without(x, this.#keyMissing);
    }
  }

  /** The refusal of what cannot be counted; of a dry run a word to the log. */
  #without(x: Exchange, reason: string): Verdict {
    const { dry } = this.#of;
    if (dry === undefined) return x.reject(reason);
    dry(x);
    return undefined;
  }

  #take(x: Exchange): Verdict | Promise<Verdict> {
    const { key, cost, limiter } = this.#of;
    const by = limiter(x);
    const counted = key(x);
    if (counted === undefined) return this.#without(x, this.#keyMissing);
    const units = cost(x);
    try {
      const decision = by.limiter.take(counted, units);
      if (!(decision instanceof Promise)) return this.#settle(x, by, counted, units, decision, by.limiter);
      return decision.then(
        (late) => this.#settle(x, by, counted, units, late, by.limiter),
        (error: unknown) => this.#failed(x, by, counted, units, error),
      );
    } catch (error) {
      return this.#failed(x, by, counted, units, error);
    }
  }

  #settle(
    x: Exchange,
    by: NamedLimiter,
    key: string,
    units: number,
    decision: LimitDecision,
    limiter: Limiter,
  ): Verdict | Promise<Verdict> {
    const { slot, dry, refuse, maxWait } = this.#of;
    slot.set(x, { decision, by, key, limiter });
    // Who pays by the answer alone asks whether anything is left.
    const empty = units === 0 && decision.states.some(({ remaining }) => remaining < 1);
    const late = decision.allowed && decision.delay > maxWait;
    if (late) limiter.add(key, -units);
    if (decision.allowed && !empty && !late)
      return decision.delay > 0 && dry === undefined
        ? this.#wait(x, key, units, decision, limiter)
        : undefined;
    if (dry !== undefined) {
      dry(x);
      return undefined;
    }
    if (!late && !empty) return refuse(x, decision);
    const retryAfter = late ? decision.delay - maxWait : resetOf(decision);
    return refuse(x, { ...decision, allowed: false, retryAfter });
  }

  /** The client that leaves meanwhile makes room for others. */
  async #wait(
    x: Exchange,
    key: string,
    units: number,
    { delay }: LimitDecision,
    limiter: Limiter,
  ): Promise<Verdict> {
    if (!(await waitTurn(x, delay))) limiter.add(key, -units);
    return undefined;
  }

  #failed(
    x: Exchange,
    by: NamedLimiter,
    key: string,
    units: number,
    error: unknown,
  ): Verdict | Promise<Verdict> {
    if (!(error instanceof StoreDown)) throw error;
    const { onStoreFailure } = this.#of;
    if (onStoreFailure === "local" && by.instead !== undefined)
      try {
        const decision = by.instead.take(key, units) as LimitDecision;
        return this.#settle(x, by, key, units, { ...decision, degraded: true }, by.instead);
      } catch (again) {
        if (!(again instanceof StoreDown)) throw again;
      }
    return onStoreFailure === "allow" ? undefined : this.#without(x, this.#storeDown);
  }
}

/** Milliseconds until something is left where nothing is. */
function resetOf({ states }: LimitDecision): number {
  return Math.max(0, ...states.filter(({ remaining }) => remaining < 1).map(({ reset }) => reset));
}

/** Adds what the answer costs, and tells the client how it stands. */
function tell(x: Exchange, reply: Reply, { decision, by, key, limiter }: Counted, limiting: Limiting): void {
  let added = 0;
  if (limiting.costAfter !== undefined && decision.allowed && reply.reason === undefined) {
    added = limiting.costAfter(x, reply);
    if (added !== 0) limiter.add(key, added);
  }
  const { fields } = limiting;
  if (fields === "ietf" || fields === "both") addDraftFields(reply, decision, by, added);
  if (fields === "x" || fields === "both") addOldFields(reply, decision, added);
}

/** RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-10 §3 and §4): lists to which each policy adds. */
function addDraftFields(
  { fields }: Reply,
  { states }: LimitDecision,
  { names, policy }: NamedLimiter,
  added: number,
): void {
  let text = "";
  for (let i = 0; i < states.length; i++) {
    const { remaining, reset } = states[i]!;
    text += `${i === 0 ? "" : ", "}${names[i]};r=${Math.max(0, remaining - added)};t=${seconds(reset)}`;
  }
  // Made of names that were checked when they were read, and of numbers.
  fields.put("ratelimit-policy", policy);
  fields.put("ratelimit", text);
}

/** What many clients know: the bound that is nearest. An outer policy's may be nearer still. */
function addOldFields({ fields }: Reply, { states }: LimitDecision, added: number): void {
  let [nearest] = states;
  for (const state of states) if (state.remaining < nearest!.remaining) nearest = state;
  if (nearest === undefined) return;
  const remaining = Math.max(0, nearest.remaining - added);
  if (Number(fields.get("x-ratelimit-remaining") ?? Number.POSITIVE_INFINITY) <= remaining) return;
  fields.set("x-ratelimit-limit", String(nearest.rule.limit));
  fields.set("x-ratelimit-remaining", String(remaining));
  fields.set("x-ratelimit-reset", String(seconds(nearest.reset)));
}

/** Whole seconds, rounded up. */
export function seconds(milliseconds: number): number {
  return Math.ceil(milliseconds / 1_000);
}
