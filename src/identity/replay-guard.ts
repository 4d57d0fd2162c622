import { createHash } from "node:crypto";
import { z } from "zod";
import type { Limiter } from "../pipeline/limits.ts";
import { StoreDown } from "../pipeline/limits.ts";
import type { PolicyEnv } from "../pipeline/policy.ts";

/** Options of what lets a signature in only once. */
export const replayOptions: {
  readonly replay: z.ZodDefault<z.ZodEnum<{ allow: "allow"; refuse: "refuse" }>>;
  readonly store: z.ZodDefault<z.ZodString>;
} = {
  replay: z
    .enum(["allow", "refuse"])
    .default("allow")
    .describe(
      "What becomes of a signature that was used before (default allow: it holds until it is too old).",
    ),
  store: z
    .string()
    .default("local")
    .describe(
      "Store that remembers used signatures: local (default: the memory that all workers share) or one of `stores`, for several gateways.",
    ),
};

/** What became of a signature that holds. */
export type Replay = "first" | "again" | "store-down";

/** Remembers signatures for as long as they hold. */
export class ReplayGuard {
  readonly #limiter: Limiter;

  /** @param window milliseconds for which a signature holds at most */
  constructor(env: PolicyEnv, kind: string, store: string, window: number) {
    if (store !== "local") env.needs("store", store);
    const rule = { algorithm: "token-bucket", limit: 1, window: Math.max(window, 1_000), burst: 1 } as const;
    this.#limiter = env.limiter(store, `${kind} ${env.place}`, [rule]);
  }

  /** Notes a use of what was signed, by whose key. */
  use(keyId: string, what: string | Uint8Array): Replay | Promise<Replay> {
    const key = createHash("sha256").update(`${keyId.length} ${keyId} `).update(what).digest("base64url");
    try {
      const decision = this.#limiter.take(key, 1);
      if (!(decision instanceof Promise)) return decision.allowed ? "first" : "again";
      return decision.then((late) => (late.allowed ? "first" : "again"), storeDown);
    } catch (error) {
      return storeDown(error);
    }
  }
}

function storeDown(error: unknown): Replay {
  if (error instanceof StoreDown) return "store-down";
  throw error;
}
