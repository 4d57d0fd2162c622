import { z } from "zod";
import { duration } from "../config/values.ts";
import { Failure } from "../errors/failure.ts";
import { compileCustomReply } from "../pipeline/custom-reply.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import { LIMITING_REASONS } from "../pipeline/limiting.ts";
import { type Gauge, StoreDown } from "../pipeline/limits.ts";
import { definePolicy, type PolicyDefinition, type Slot, type Verdict } from "../pipeline/policy.ts";
import { WaitingLine } from "../pipeline/wait-turn.ts";
import { compileKey } from "../routing/limit-key.ts";
import { countingOptions, dryLog } from "../routing/limit-options.ts";

/** Longer no client waits, and no timer knows how to. */
const HOUR = 3_600_000;

const options = z.strictObject({
  max: z.int().min(1).max(1_000_000).describe("Requests of one key that may be under way at once."),
  ...countingOptions,
  queue: z
    .strictObject({
      max: z.int().min(1).max(10_000).describe("Requests of one key that wait in one worker at most."),
      timeout: duration
        .refine((wait) => wait <= HOUR, { message: "is 1h at most" })
        .default(1_000)
        .describe("How long one waits (default 1s); less than policyTimeout."),
    })
    .optional()
    .describe("What finds no place waits for one (default: it is refused at once)."),
  lease: duration
    .refine((lease) => lease <= 24 * HOUR, { message: "is 24h at most" })
    .default(30_000)
    .describe(
      "After how long a place is free again that a gateway which died has not given back, in a store that several share (default 30s); the others are held anew meanwhile.",
    ),
  onStoreFailure: z
    .enum(["allow", "deny", "local"])
    .default("local")
    .describe(
      "Where the store cannot be asked in time: it is counted in this gateway meanwhile (local, default), or requests are let through, or refused with 503.",
    ),
});

/** Bounds how many requests are under way at once, WebSockets for as long as they last. */
export const concurrency: PolicyDefinition = definePolicy({
  name: "concurrency",
  phase: "limit",
  options,
  reasons: {
    too_many_at_once: {
      status: 429,
      source: "downstream",
      title: "Too many requests are under way at once.",
      grpc: 8,
    },
    concurrency_key_missing: LIMITING_REASONS.limit_key_missing,
    concurrency_store_down: LIMITING_REASONS.limit_store_down,
  },
  compile(given, env) {
    const { max, scope, store, onStoreFailure, lease, dryRun } = given;
    const space = scope === undefined ? env.place : `scope ${scope}`;
    const step = new PlaceStep({
      key: compileKey(given),
      gauge: env.gauge(store, space, lease),
      instead: store !== "local" && onStoreFailure === "local" ? env.gauge("local", space, lease) : undefined,
      max,
      queue: given.queue,
      allow: onStoreFailure === "allow",
      dry: dryRun ? dryLog("concurrency", env) : undefined,
      custom: compileCustomReply(given.reply),
      slot: env.slot(),
    });
    return {
      request: (x) => step.enter(x),
      log: (x) => step.leave(x),
      close: () => step.close(),
    };
  },
});

/** A place that an exchange has. */
interface Place {
  readonly key: string;
  readonly gauge: Gauge;
}

interface PlaceStepOptions {
  key(x: Exchange): string | undefined;
  readonly gauge: Gauge;
  readonly instead: Gauge | undefined;
  readonly max: number;
  readonly queue: { readonly max: number; readonly timeout: number } | undefined;
  readonly allow: boolean;
  readonly dry: (() => undefined) | undefined;
  custom(x: Exchange, reply: ReturnType<Exchange["reject"]>): ReturnType<Exchange["reject"]>;
  readonly slot: Slot<Place>;
}

class PlaceStep {
  readonly #of: PlaceStepOptions;
  readonly #line: WaitingLine | undefined;

  constructor(of: PlaceStepOptions) {
    this.#of = of;
    const { queue, gauge, max } = of;
    if (queue !== undefined)
      this.#line = new WaitingLine(
        queue.max,
        queue.timeout,
        (key) => gauge.enter(key, max),
        (key) => gauge.leave(key),
      );
  }

  enter(x: Exchange): Verdict | Promise<Verdict> {
    const { gauge, max } = this.#of;
    const key = this.#keyOf(x);
    if (key === undefined) return this.#without(x, "concurrency_key_missing");
    // Who comes now does not overtake those who wait.
    if (this.#line?.has(key) === true) return this.#wait(x, key, this.#line);
    try {
      const entered = gauge.enter(key, max);
      if (typeof entered === "boolean") return this.#settle(x, key, entered);
      return entered.then(
        (late) => this.#settle(x, key, late),
        (error: unknown) => this.#failed(x, key, error),
      );
    } catch (error) {
      return this.#failed(x, key, error);
    }
  }

  /** In a dry run an expression that fails is told, and refuses nobody. */
  #keyOf(x: Exchange): string | undefined {
    try {
      return this.#of.key(x);
    } catch (error) {
      if (this.#of.dry === undefined) throw error;
      x.report(new Failure("policy_failed", "dry run", error));
      return undefined;
    }
  }

  /** The refusal of what cannot be counted; of a dry run a word to the log. */
  #without(x: Exchange, reason: string): Verdict {
    const { dry } = this.#of;
    if (dry === undefined) return x.reject(reason);
    dry();
    return undefined;
  }

  #settle(x: Exchange, key: string, entered: boolean): Verdict | Promise<Verdict> {
    if (entered) return this.#take(x, key, this.#of.gauge);
    if (this.#of.dry !== undefined) {
      this.#of.dry();
      return undefined;
    }
    return this.#line === undefined ? this.#refuse(x) : this.#wait(x, key, this.#line);
  }

  async #wait(x: Exchange, key: string, line: WaitingLine): Promise<Verdict> {
    let entered: boolean;
    try {
      entered = await line.wait(key, x);
    } catch (error) {
      return this.#failed(x, key, error);
    }
    return entered ? this.#take(x, key, this.#of.gauge) : this.#refuse(x);
  }

  /** An exchange that is over has no log step to come that would give the place back. */
  #take(x: Exchange, key: string, gauge: Gauge): undefined {
    if (x.ended) this.#free(key, gauge);
    else this.#of.slot.set(x, { key, gauge });
  }

  #refuse(x: Exchange): Verdict {
    return this.#of.custom(x, x.reject("too_many_at_once"));
  }

  #failed(x: Exchange, key: string, error: unknown): Verdict {
    if (!(error instanceof StoreDown)) throw error;
    const { instead, max, allow, dry } = this.#of;
    if (instead !== undefined)
      try {
        if (instead.enter(key, max) === true) return this.#take(x, key, instead);
        return dry === undefined ? this.#refuse(x) : dry();
      } catch (again) {
        if (!(again instanceof StoreDown)) throw again;
      }
    return allow ? undefined : this.#without(x, "concurrency_store_down");
  }

  leave(x: Exchange): void {
    const place = this.#of.slot.get(x);
    if (place !== undefined) this.#free(place.key, place.gauge);
  }

  #free(key: string, gauge: Gauge): void {
    gauge.leave(key);
    this.#line?.free(key);
  }

  close(): void {
    this.#line?.close();
  }
}
