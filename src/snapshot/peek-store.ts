import type { Gauge, LimitDecision, Limiter, LimitRule, LimitStore } from "../pipeline/limits.ts";

/** A store that is only looked at: it says what a request would meet now, and takes nothing. */
export function peekStore(store: LimitStore): LimitStore {
  return {
    limiter: (space, rules) => new PeekLimiter(store.limiter(space, rules), rules),
    // Who is under way now says nothing of when the request comes.
    gauge: (): Gauge => ({ enter: () => true, leave: () => undefined, close: () => undefined }),
  };
}

class PeekLimiter implements Limiter {
  readonly #limiter: Limiter;
  readonly #most: readonly number[];

  constructor(limiter: Limiter, rules: readonly LimitRule[]) {
    this.#limiter = limiter;
    this.#most = rules.map(({ algorithm, limit, burst }) =>
      algorithm === "token-bucket" ? burst : algorithm === "leaky-bucket" ? burst + 1 : limit,
    );
  }

  take(key: string, cost: number): LimitDecision | Promise<LimitDecision> {
    const found = this.#limiter.take(key, 0);
    return found instanceof Promise
      ? found.then((late) => this.#judge(late, cost))
      : this.#judge(found, cost);
  }

  /** What is left is compared with the cost; when it may come again is known at the latest. */
  #judge({ states, ...found }: LimitDecision, cost: number): LimitDecision {
    const short = states.filter(({ remaining }) => remaining < cost);
    if (short.length === 0) return { ...found, allowed: true, retryAfter: 0, states };
    const never = this.#most.some((most) => cost > most);
    const retryAfter = never ? Number.POSITIVE_INFINITY : Math.max(...short.map(({ reset }) => reset));
    return { ...found, allowed: false, retryAfter, states };
  }

  add(): void {}

  close(): void {
    this.#limiter.close();
  }
}
