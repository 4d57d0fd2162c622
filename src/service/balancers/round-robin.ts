import type { Endpoint } from "../service.ts";
import type { Balancer } from "./balancer.ts";

/** One after the other. */
export class RoundRobin implements Balancer {
  #next = 0;

  pick(_x: unknown, endpoints: readonly Endpoint[], tried: readonly Endpoint[]): Endpoint | undefined {
    for (let i = 0; i < endpoints.length; i++) {
      this.#next = this.#next + 1 >= endpoints.length ? 0 : this.#next + 1;
      const endpoint = endpoints[this.#next]!;
      if (tried.length === 0 || !tried.includes(endpoint)) return endpoint;
    }
    return undefined;
  }
}
