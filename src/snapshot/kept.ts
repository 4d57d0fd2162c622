import type { Kept } from "../pipeline/policy.ts";

/** What policies of one thread share by name, with how many have it. */
export class KeptThings {
  readonly #things = new Map<string, { readonly thing: Kept; users: number }>();

  /** Gives the thing of that name, made at the first need; each time is given back once. */
  take<T extends Kept>(key: string, make: () => T): T {
    const before = this.#things.get(key);
    if (before !== undefined) {
      before.users++;
      return before.thing as T;
    }
    const thing = make();
    this.#things.set(key, { thing, users: 1 });
    return thing;
  }

  /** Throws what the thing throws when it is closed. */
  giveBack(key: string): void {
    const kept = this.#things.get(key);
    if (kept === undefined || --kept.users > 0) return;
    this.#things.delete(key);
    kept.thing.close?.();
  }
}
