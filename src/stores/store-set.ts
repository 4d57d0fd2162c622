import { isDeepStrictEqual } from "node:util";
import type { StoreConfig } from "../config/store-schema.ts";
import { RedisLink } from "./redis-link.ts";
import { RedisStore, type StoreLink } from "./redis-store.ts";

/** Stores of a config. */
export type StoreConfigs = Readonly<Record<string, StoreConfig>>;

/** Stores of a config that is not in force yet: what they are reached by, where that is new. */
export interface PreparedStores {
  readonly configs: StoreConfigs;
  readonly links: ReadonlyMap<string, StoreLink>;
}

/** How long a config waits for its stores to answer, in milliseconds: it comes into force without them too. */
const PATIENCE = 1_000;

/**
 * The stores of one thread by their names. They follow the config: a connection lives while its store's config is the same, is
 * replaced while limits go on, and ends when nobody uses it any more. What no policy uses is never connected.
 */
export class StoreSet {
  readonly #tell: (line: string) => unknown;
  readonly #stores = new Map<string, RedisStore>();
  #configs: StoreConfigs = {};
  readonly #closing = new Set<Promise<void>>();

  /** @param tell takes lines for people: a store is down, or back */
  constructor(tell: (line: string) => unknown) {
    this.#tell = tell;
  }

  /** The store of a name; that the config has it is not asked here. */
  store(name: string): RedisStore {
    const before = this.#stores.get(name);
    if (before !== undefined) return before;
    const made = new RedisStore(name, () => this.#unused(name));
    this.#stores.set(name, made);
    return made;
  }

  /** Connects what a config has new, as far as policies use it. */
  async prepare(configs: StoreConfigs): Promise<PreparedStores> {
    const links = new Map<string, StoreLink>();
    const opening: Promise<void>[] = [];
    for (const [name, config] of Object.entries(configs)) {
      const store = this.#stores.get(name);
      if (store === undefined || store.users === 0) continue;
      if (store.link !== undefined && isDeepStrictEqual(store.link.config, config)) continue;
      const link = new RedisLink({ name, config, tell: (line) => void this.#tell(line) });
      links.set(name, link);
      opening.push(link.open());
    }
    if (opening.length > 0) await Promise.race([Promise.all(opening), patience()]);
    return { configs, links };
  }

  /** Puts them in force. */
  commit({ configs, links }: PreparedStores): void {
    this.#configs = configs;
    for (const [name, link] of links) {
      const store = this.store(name);
      const before = store.link;
      store.link = link;
      if (before !== undefined) this.#close(before);
    }
  }

  /** Gives them up. */
  discard({ links }: PreparedStores): void {
    for (const link of links.values()) this.#close(link);
  }

  /** The stores that are used, with 1 for one that can be asked and 0 for one that is down. */
  get reading(): [name: string, up: number][] {
    return [...this.#stores]
      .filter(([, { users }]) => users > 0)
      .map(([name, { link }]) => [name, link?.up === true ? 1 : 0]);
  }

  #unused(name: string): void {
    const store = this.#stores.get(name);
    if (store === undefined) return;
    if (!Object.hasOwn(this.#configs, name)) this.#stores.delete(name);
    if (store.link === undefined) return;
    this.#close(store.link);
    store.link = undefined;
  }

  #close(link: StoreLink): void {
    const closing = link.close().finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }

  /** Ends all connections; what is under way gets its answers. */
  async close(): Promise<void> {
    for (const store of this.#stores.values()) {
      if (store.link !== undefined) this.#close(store.link);
      store.link = undefined;
    }
    await Promise.all(this.#closing);
  }
}

function patience(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, PATIENCE).unref();
  });
}
