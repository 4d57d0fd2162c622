import type { BodyPlan } from "./body-plan.ts";
import type { Chain, ResponseChain } from "./chain.ts";
import type { Exchange } from "./exchange.ts";
import type { AttemptStep, RecoverStep } from "./policy.ts";
import type { TunnelLimits } from "./tunnel-guard.ts";

/** A step with the name of its policy, for the message when it fails. */
export interface Named<T> {
  readonly policy: string;
  readonly step: T;
  /** It waits for the client, not for itself: the time limit of policies does not hold. */
  readonly patient?: boolean;
}

/** A path condition as compiled. */
export interface PathPattern {
  /** As written: `/orders/{id}`. */
  readonly text: string;
  /** Values of its parameters, percent-decoded, or of an expression's groups, in a path that it matches. */
  params(path: string): Readonly<Record<string, string>>;
  /** Characters at the start of a path that a prefix condition matched; the whole path for another. */
  prefixLength(path: string): number;
}

/** What a request led to. */
export interface Match {
  readonly route: Route;
  /** The path condition by which; undefined where there was none. */
  readonly pattern: PathPattern | undefined;
}

/** What outlives the snapshots that a route stands in. */
export interface RouteState {
  /** Where its numbers stand; -1 until the first exchange. */
  series: number;
}

/** Decides which of a route's services an exchange goes to. */
export interface Split {
  /** The route as it is for that service. */
  pick(x: Exchange): Route;
}

/** What a request does once it is matched: compiled, frozen. */
export interface Route {
  readonly name: string;
  readonly state: RouteState;
  /** The service that it leads to; undefined when a step always answers, and before a split is decided. */
  readonly service: unknown;
  /** The name of that service; empty without one. */
  readonly serviceName: string;
  /** Decides the service; undefined where there is only one. */
  readonly split: Split | undefined;
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
  /** What bounds its tunnels; undefined where nothing does. */
  readonly tunnelLimits: TunnelLimits | undefined;
}
