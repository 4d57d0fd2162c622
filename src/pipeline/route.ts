import type { BodyPlan } from "./body-plan.ts";
import type { Chain, ResponseChain } from "./chain.ts";
import type { Exchange } from "./exchange.ts";
import type { AttemptStep, RecoverStep } from "./policy.ts";

/** A step with the name of its policy, for the message when it fails. */
export interface Named<T> {
  readonly policy: string;
  readonly step: T;
  /** It waits for the client, not for itself: the time limit of policies does not hold. */
  readonly patient?: boolean;
}

/** What a request does once it is matched: compiled, frozen. */
export interface Route {
  readonly name: string;
  /** Its place in counters. */
  readonly index: number;
  /** The service that it leads to; undefined when a step always answers. */
  readonly service: unknown;
  /** Phases 2 to 7, folded; undefined when no policy stands there. */
  readonly request: Chain | undefined;
  readonly attempt: readonly Named<AttemptStep>[];
  readonly recover: readonly Named<RecoverStep>[];
  /** Response steps in reverse order, folded; undefined when there are none. */
  readonly response: ResponseChain | undefined;
  readonly bodies: BodyPlan;
  readonly log: readonly Named<(x: Exchange) => void>[];
  /** Milliseconds from the request's start to the answer's head; 0 for no limit. */
  readonly deadline: number;
}
