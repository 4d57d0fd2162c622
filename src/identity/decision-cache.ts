import { hash } from "node:crypto";
import { z } from "zod";
import { duration } from "../config/values.ts";
import type { Clock } from "../lib/clock.ts";
import { Recent } from "../lib/recent.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import type { Kept } from "../pipeline/policy.ts";

/** What somebody outside decided about a request. */
export interface Decision {
  readonly allowed: boolean;
  /** It may be given to another request with the same key: it is no failure, and carries nothing that is one client's. */
  readonly shareable: boolean;
}

/** How long decisions are remembered, and for which requests they hold, as written. */
export interface DecisionCacheConfig {
  readonly for: number;
  readonly negative: number;
  readonly max: number;
  readonly key?: readonly string[] | undefined;
}

/** Parts of a key that are no fields. */
const PARTS = [
  "method",
  "scheme",
  "host",
  "path",
  "query",
  "client",
  "listener",
  "route",
  "consumer",
] as const;

const PART = /^(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+)$/;

const part = z.string().regex(PART, "neither a part of the request nor the name of a field");

/** Options of a cache of decisions. */
export const decisionCache: z.ZodType<
  DecisionCacheConfig,
  Readonly<Record<string, unknown>>
> = z.strictObject({
  for: duration.default(30_000).describe("How long a decision that lets pass is believed (default 30s)."),
  negative: duration
    .default(5_000)
    .describe("How long one that refuses is (default 5s; 0s: it is asked again each time)."),
  max: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(10_000)
    .describe(
      "Decisions that are remembered at least, by each worker; twice as many at most (default 10000).",
    ),
  key: z
    .array(part)
    .min(1)
    .max(32)
    .optional()
    .describe(
      `What a decision depends on: ${PARTS.join(", ")}, or the name of a request field. Leave out nothing that the answer depends on (default: all that is sent).`,
    ),
}) as unknown as z.ZodType<DecisionCacheConfig, Readonly<Record<string, unknown>>>;

type Reader = (x: Exchange) => string | undefined;

const READERS: Readonly<Record<(typeof PARTS)[number], Reader>> = {
  method: (x) => x.request.method,
  scheme: (x) => x.request.scheme,
  host: (x) => x.request.authority.toLowerCase(),
  path: (x) => x.request.path,
  query: (x) => x.request.query,
  client: (x) => x.clientAddress,
  listener: (x) => x.listener,
  route: (x) => x.route.name,
  consumer: (x) => x.consumer?.name,
};

/**
 * Makes what gives requests their key: a hash, from which nobody reads a credential.
 * @param parts as written: parts of the request, or else names of fields
 * @param fields names of fields, whatever they are called
 */
export function compileDecisionKey(
  parts: readonly string[],
  fields: readonly string[] = [],
): (x: Exchange) => string {
  const field = (name: string): Reader => {
    return (x) => lines(x.request.fields.all(name));
  };
  const readers = parts.map((written): Reader => {
    const name = written.toLowerCase();
    const known = (READERS as Readonly<Record<string, Reader>>)[name];
    return known !== undefined && Object.hasOwn(READERS, name) ? known : field(name);
  });
  readers.push(...fields.map(field));
  return (x) => {
    let text = "";
    for (const read of readers) {
      const value = read(x);
      // The length in front: no value can pass for two.
      text += value === undefined ? "-;" : `${value.length};${value}`;
    }
    return hash("sha256", text, "base64url");
  };
}

/** A field that is not there is not one that is empty; a line break stands in no value, so that one is never two. */
function lines(values: readonly string[]): string | undefined {
  return values.length < 2 ? values[0] : values.join("\n");
}

/** Questions that are under way at most; beyond, each request asks for itself. */
const ASKING_MAX = 10_000;

/** Remembers decisions for a while, and asks once for requests that come together. */
export class DecisionCache<T extends Decision> implements Kept {
  readonly #recent: Recent<string, { readonly decision: T; readonly until: number }>;
  readonly #asking = new Map<string, Promise<T>>();
  readonly #config: DecisionCacheConfig;
  readonly #clock: Clock;

  constructor(config: DecisionCacheConfig, clock: Clock) {
    this.#config = config;
    this.#clock = clock;
    this.#recent = new Recent(config.max);
  }

  /** What is known for a key; a promise where it must be asked. Rejects as `ask` does. */
  decide(key: string, ask: () => Promise<T>): T | Promise<T> {
    const known = this.#recent.get(key);
    if (known !== undefined && this.#clock.now() < known.until) return known.decision;
    const asking = this.#asking.get(key);
    if (asking !== undefined) return asking.then((decision) => (decision.shareable ? decision : ask()));
    if (this.#asking.size >= ASKING_MAX) return ask();
    const asked = ask()
      .then((decision) => {
        this.#remember(key, decision);
        return decision;
      })
      .finally(() => this.#asking.delete(key));
    this.#asking.set(key, asked);
    return asked;
  }

  /** Decisions that are remembered. */
  get size(): number {
    return this.#recent.size;
  }

  close(): void {
    this.#recent.clear();
  }

  #remember(key: string, decision: T): void {
    const lasts = decision.allowed ? this.#config.for : this.#config.negative;
    if (decision.shareable && lasts > 0)
      this.#recent.set(key, { decision, until: this.#clock.now() + lasts });
  }
}
