import type { z } from "zod";
import type { Failure } from "../errors/failure.ts";
import type { ReasonSpec } from "../errors/reasons.ts";
import type { BodyFailure } from "../lib/body.ts";
import type { Clock } from "../lib/clock.ts";
import type { Fields } from "../lib/fields.ts";
import type { Outgoing } from "../lib/outgoing.ts";
import type { Reply } from "../lib/reply.ts";
import type { Authenticator } from "./authenticator.ts";
import type { Caller } from "./calls.ts";
import { checkDefinition } from "./check-policy.ts";
import type { Exchange } from "./exchange.ts";
import type { Gauge, Limiter, LimitRule } from "./limits.ts";
import type { Phase } from "./phases.ts";
import type { Lines } from "./ports.ts";

/** What a step says: nothing to go on, a reply to stop with; a promise of either only if it must wait. */
export type Verdict = undefined | Reply;

/** Runs in the policy's phase, before the request is forwarded. */
export type Step = (x: Exchange) => Verdict | undefined | Promise<Verdict> | undefined;

/**
 * Runs for each try, on a copy of the outgoing request that is this try's own. A promise may hold a reply, to stop with: what
 * this try needs cannot be had.
 */
export type AttemptStep = (
  x: Exchange,
  attempt: AttemptView,
) => undefined | Promise<void> | Promise<Verdict> | void;

/** Runs on every answer, ours too; a returned reply takes its place. */
export type ResponseStep = (x: Exchange, reply: Reply) => Verdict | Promise<Verdict> | undefined;

/** May answer for a failed forward; the first reply wins. */
export type RecoverStep = (x: Exchange, failure: Failure) => Verdict | Promise<Verdict> | undefined;

/** Makes the transform of one body; undefined leaves this body alone. */
export type BodyStep = (x: Exchange) => BodyTransform | undefined;

/** What becomes of one body, piece by piece. Pieces are the policy's own: they may be kept. */
export interface BodyTransform {
  /** Takes a piece, gives what goes on in its place; undefined for nothing yet. */
  chunk(bytes: Uint8Array): Uint8Array | undefined | Promise<Uint8Array | undefined>;
  /** After the last piece: what still follows. */
  end?(trailers: Fields | undefined): Uint8Array | undefined | Promise<Uint8Array | undefined>;
  /** The body will not be complete; nothing more comes. */
  fail?(failure: BodyFailure): void;
}

/**
 * What a policy needs of a body: nothing; to see it pass (`tap`, what `chunk` gives is ignored); to change it as it passes
 * (`stream`); to have it whole before its step runs (`buffer`).
 */
export type BodyNeed = "none" | "tap" | "stream" | "buffer";

export interface BodyNeeds {
  readonly request?: BodyNeed;
  readonly response?: BodyNeed;
  /** Bytes that `buffer` holds at most (default 1 MiB); a larger request is answered with 413. */
  readonly max?: number;
}

/** All that one configured policy does; every member closes over the same state. */
export interface PolicySteps {
  readonly body?: BodyNeeds;
  readonly request?: Step;
  /** @internal Runs right after `request`, and may wait for the body as long as the client takes to send it. */
  readonly withBody?: Step;
  readonly attempt?: AttemptStep;
  readonly response?: ResponseStep;
  readonly recover?: RecoverStep;
  readonly requestBody?: BodyStep;
  readonly responseBody?: BodyStep;
  /** Runs once when the exchange is over, however it ended. */
  readonly log?: (x: Exchange) => void;
  /** The snapshot is gone: nothing of this policy runs any more. */
  readonly close?: () => void;
}

/** One try at one endpoint. */
export interface AttemptView {
  /** 1 for the first. */
  readonly number: number;
  /** Where it goes, as written in the config. */
  readonly endpoint: string;
  /** What is sent; changes stay in this try. */
  readonly request: Outgoing;
}

/** A typed place on every exchange that belongs to one policy instance. */
export interface Slot<T> {
  get(x: Exchange): T | undefined;
  set(x: Exchange, value: T): void;
}

/** What a policy reaches the outside through. */
export interface PolicyEnv {
  /** The route or service that the policy stands on. */
  readonly owner: string;
  /**
   * Names the policy's place in the config: the same in all workers and gateways, and after a reload that leaves it where it
   * is. Policies of every route have one place together.
   */
  readonly place: string;
  readonly clock: Clock;
  /** A number from 0 up to 1. */
  random(): number;
  slot<T>(): Slot<T>;
  /**
   * Opens a log: "stdout", "stderr" or the path of a file, which is added to; closed with the policy. Throws an Error where
   * it cannot be written.
   */
  lines(target: string): Lines;
  /** Writes a line to the gateway's own log: what a person should know that belongs to no request. Secrets of the config are hidden. */
  tell(line: string): void;
  /** Asks services and addresses outside. */
  readonly caller: Caller;
  /** Says what the config must have for this policy to work; where it has not, or no longer, the config is refused. */
  needs(kind: "consumer" | "service" | "store", name: string): void;
  /** Counts against bounds in a store of the config, "local" for the memory that all workers share; closed with the policy. */
  limiter(store: string, space: string, rules: readonly LimitRule[]): Limiter;
  /** Counts what is under way at once; `lease` in milliseconds; closed with the policy. */
  gauge(store: string, space: string, lease: number): Gauge;
  /**
   * What is dear to make and may outlive this policy (keys of an issuer, answers of others): policies of a thread that give the
   * same key share one. It is closed when no policy has it any more.
   */
  keep<T extends Kept>(key: string, make: () => T): T;
  /** Compiles another policy that asks who calls: for those that ask several ways. Throws for one that does not. */
  authenticator(entry: Readonly<Record<string, unknown>>): Authenticator;
}

/** What policies of a thread share. */
export interface Kept {
  close?(): void;
}

/** A policy as its file declares it. */
export interface PolicyDefinition<Options extends z.ZodType = z.ZodType> {
  /** Its name in configs: lower case words joined by "-". */
  readonly name: string;
  readonly phase: Phase;
  readonly options: Options;
  /** It answers every exchange itself: a route with it needs no service (default false). */
  readonly answers?: boolean;
  /** Reasons that its rejections carry, by code. */
  readonly reasons?: Readonly<Record<string, ReasonSpec>>;
  /** Called when a snapshot is built: all that is known before traffic is settled here. Throws what makes it refuse. */
  compile(options: z.output<Options>, env: PolicyEnv): Step | PolicySteps;
  /** @internal For policies that ask who calls: the asking alone. */
  authenticator?(options: z.output<Options>, env: PolicyEnv): Authenticator;
}

/** Declares a policy. Throws a RangeError for what no config could use: a bad name, an unknown phase, a bad reason. */
export function definePolicy<Options extends z.ZodType>(
  definition: PolicyDefinition<Options>,
): PolicyDefinition<Options> {
  checkDefinition(definition);
  return Object.freeze(definition);
}
