import type { Route, Split } from "../pipeline/route.ts";

/**
 * Shares exchanges out by weight, evenly over time: of 95 and 5, every twentieth goes to the second. Smooth weighted
 * round robin, as nginx has it for servers.
 */
export class WeightedSplit implements Split {
  readonly #weights: readonly number[];
  readonly #routes: readonly Route[];
  readonly #credit: number[];
  readonly #total: number;

  constructor(weights: readonly number[], routes: readonly Route[]) {
    this.#weights = weights;
    this.#routes = routes;
    this.#credit = weights.map(() => 0);
    this.#total = weights.reduce((sum, weight) => sum + weight, 0);
  }

  pick(): Route {
    let best = 0;
    for (let i = 0; i < this.#credit.length; i++) {
      this.#credit[i]! += this.#weights[i]!;
      if (this.#credit[i]! > this.#credit[best]!) best = i;
    }
    this.#credit[best]! -= this.#total;
    return this.#routes[best]!;
  }

  /** The services' shares, in per cent. */
  get shares(): readonly { readonly route: Route; readonly percent: number }[] {
    return this.#routes.map((route, i) => ({ route, percent: (100 * this.#weights[i]!) / this.#total }));
  }
}
