import type { RouteState } from "../pipeline/route.ts";

/** The states of a thread's routes, by the names of route and service: they outlive snapshots. */
export class RouteStates {
  readonly #states = new Map<string, RouteState>();

  get(route: string, service: string): RouteState {
    const key = `${route}\0${service}`;
    const state = this.#states.get(key) ?? { series: -1 };
    this.#states.set(key, state);
    return state;
  }

  /** Forgets the states of routes that are gone. */
  keepOnly(inUse: ReadonlySet<RouteState>): void {
    for (const [key, state] of this.#states) if (!inUse.has(state)) this.#states.delete(key);
  }
}
