import { type Caller, CallFailed } from "../pipeline/calls.ts";
import type { Gauge, LimitDecision, Limiter, LimitRule, LimitStore } from "../pipeline/limits.ts";
import { KeptThings } from "./kept.ts";

/** What policies reach the outside through; live, or dry. */
export interface PolicyPorts {
  readonly caller: Caller;
  /** The store of that name; undefined where there is none. */
  store(name: string): LimitStore | undefined;
  readonly kept: KeptThings;
  /** Takes lines for the gateway's own log; default: nobody reads them. */
  readonly tell?: (line: string) => void;
}

/** Ports that lead nowhere: for a config that is only looked at. Limits take nothing, calls reject. */
export function dryPorts(caller: Caller = NO_CALLER): PolicyPorts {
  return { caller, store: () => DRY_STORE, kept: new KeptThings() };
}

const NO_CALLER: Caller = {
  call: () => Promise.reject(new CallFailed("call_dry", "nobody is asked where nothing is served")),
};

const DRY_STORE: LimitStore = {
  limiter: (_space, rules) => new DryLimiter(rules),
  gauge: (): Gauge => ({ enter: () => true, leave: () => undefined, close: () => undefined }),
};

class DryLimiter implements Limiter {
  readonly #decision: LimitDecision;

  constructor(rules: readonly LimitRule[]) {
    const states = rules.map((rule) => ({ rule, remaining: rule.limit, reset: 0 }));
    this.#decision = { allowed: true, retryAfter: 0, delay: 0, states };
  }

  take(): LimitDecision {
    return this.#decision;
  }

  add(): void {}

  close(): void {}
}
