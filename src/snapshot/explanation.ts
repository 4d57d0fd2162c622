/** Where something of a config was written. */
export interface WrittenAt {
  readonly file: string;
  /** From 1; left out where the text is not at hand. */
  readonly line?: number;
  /** In the document: `routes[0]`. */
  readonly path: string;
}

/** The request as it is matched. */
export interface AskedView {
  readonly method: string;
  readonly scheme: string;
  /** Host and, where written, port. */
  readonly authority: string;
  /** Made plain, as it is matched and forwarded. */
  readonly path: string;
  /** With its "?", or empty. */
  readonly query: string;
  readonly listener: string;
  /** Whom it counts as sent by. */
  readonly clientAddress: string;
}

/** The route that takes the request. */
export interface TakenRoute {
  readonly name: string;
  /** Left out where no route takes it. */
  readonly at?: WrittenAt;
  /** Which of its entries of conditions took it, from 0. */
  readonly matchIndex?: number;
  /** Those conditions, one by one; empty for none. */
  readonly conditions: readonly string[];
  /** The path condition, as written. */
  readonly pattern?: string;
  readonly params: Readonly<Record<string, string>>;
}

/** A route that came close. */
export interface NearView {
  readonly name: string;
  readonly at?: WrittenAt;
  readonly matchIndex: number;
  /** Left out for every host. */
  readonly host?: string;
  /** Left out for every path. */
  readonly path?: string;
  /** What failed. */
  readonly condition: string;
}

/** One thing that a step changed: left out before or after is not there. */
export interface Change {
  /** `method`, `host`, `path`, `query`, `body`, `status`, `id`, or `field x-name`. */
  readonly what: string;
  readonly before?: string;
  readonly after?: string;
}

/** Where in the walk a step stands: a phase, or what follows them. */
export type StepPlace = string;

/**
 * What a step says: nothing; an answer, which ends the phases (or takes the answer's place, of a response step); what
 * cannot be known without the outside; it is not asked, since another answered; it is not run to explain.
 */
export type DryVerdict = "goes-on" | "answers" | "unknown" | "not-reached" | "not-run";

/** One step of the walk. */
export interface StepView {
  /** The phase, or "attempt", "recover", "request-body", "response-body", "response", "log". */
  readonly place: StepPlace;
  readonly policy: string;
  /** Who brought it: "every route", "route", "share", "service NAME", or "gateway". */
  readonly of: string;
  /** With defaults, secrets masked. */
  readonly options?: unknown;
  readonly verdict: DryVerdict;
  /** Of its answer. */
  readonly status?: number;
  /** Of its answer, where it is a refusal. */
  readonly reason?: string;
  /** Why it is unknown or not run. */
  readonly note?: string;
  readonly changes: readonly Change[];
}

/** One of the services that a route leads to. */
export interface ShareView {
  readonly service: string;
  readonly percent: number;
  /** The one that the rest of the explanation follows: that with the greatest share. */
  readonly followed: boolean;
}

/** What the service is asked. */
export interface ForwardView {
  readonly service: string;
  readonly shares: readonly ShareView[];
  /** As written in the config. */
  readonly endpoints: readonly string[];
  /** Milliseconds. */
  readonly timeouts: unknown;
  /** Milliseconds from the request's start to the answer's head; 0 for no limit. */
  readonly deadline: number;
  readonly method: string;
  /** What Host says; of the first endpoint where each is asked by its own name. */
  readonly host: string;
  readonly path: string;
  readonly query: string;
  /** What differs from what the client sent. */
  readonly changes: readonly Change[];
}

/** The answer of the gateway's own. */
export interface AnswerView {
  readonly status: number;
  readonly reason?: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
}

/** What becomes of a request, as far as the config alone says it. Plain data, secrets masked. */
export interface Explanation {
  readonly request: AskedView;
  /** Set where it is answered before any route is looked for; nothing else is then. */
  readonly refused?: { readonly status: number; readonly reason: string; readonly detail?: string };
  readonly route?: TakenRoute;
  readonly near: readonly NearView[];
  /** In the order in which they run. */
  readonly steps: readonly StepView[];
  /** Set where it is forwarded. */
  readonly forward?: ForwardView;
  /** Set where the gateway answers by itself. */
  readonly answer?: AnswerView;
  /** Steps whose verdict is unknown were taken to go on: what follows them is so only then. */
  readonly certain: boolean;
}
