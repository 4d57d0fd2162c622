import { createLimitMemory, LIMIT_ENTRIES, type LimitMemory } from "../stores/limit-memory.ts";
import { LimitSweep, SWEEP } from "../stores/limit-sweep.ts";
import { LocalStore } from "../stores/local-store.ts";

/** The store "local" of one thread: in memory that it shares with others, or in its own, made at the first need. */
export class OwnLimits {
  readonly #shared: { readonly memory: LimitMemory; readonly worker: number } | undefined;
  #store: LocalStore | undefined = undefined;
  #timer: NodeJS.Timeout | undefined = undefined;
  /** Entries of its own memory's tables. */
  entries: number = LIMIT_ENTRIES;

  constructor(shared: { readonly memory: LimitMemory; readonly worker: number } | undefined) {
    this.#shared = shared;
  }

  get store(): LocalStore {
    this.#store ??= this.#shared === undefined ? this.#make() : this.#open(this.#shared);
    return this.#store;
  }

  #open({ memory, worker }: { readonly memory: LimitMemory; readonly worker: number }): LocalStore {
    return new LocalStore(memory, worker);
  }

  #make(): LocalStore {
    const memory = createLimitMemory({ entries: this.entries, workers: 1 });
    // Nobody else looks into it, and between two turns nobody holds anything of it.
    const sweep = new LimitSweep(memory, () => Number.POSITIVE_INFINITY);
    this.#timer = setInterval(() => sweep.tick(), SWEEP).unref();
    return new LocalStore(memory, 0);
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
