/** A store of limits over a test's own Redis, as a gateway has it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { StoreConfig } from "../../src/config/store-schema.ts";
import { RedisLink } from "../../src/stores/redis-link.ts";
import { RedisStore } from "../../src/stores/redis-store.ts";
import { PARTS } from "../../src/stores/sliding-bound.ts";
import { describeLimitStore, type StoreStand, type StoreTolerance } from "./limit-store-suite.ts";
import { noRedis } from "./redis.ts";

/** A store's config with what is left out; a call may take long, for tests that share a machine. */
export function storeConfig(
  redis: Partial<StoreConfig["redis"]>,
  more: Partial<StoreConfig> = {},
): StoreConfig {
  return { redis: { urls: [], mode: "single", prefix: "t:", ...redis }, timeout: 2_000, ...more };
}

/** A connected store. */
export interface OpenStore extends AsyncDisposable {
  readonly store: RedisStore;
  readonly link: RedisLink;
  /** What was told to people. */
  readonly told: string[];
}

/** Connects a store; it may be down. */
export async function openStore(config: StoreConfig): Promise<OpenStore> {
  const store = new RedisStore("test");
  const told: string[] = [];
  const link = new RedisLink({ name: "test", config, tell: (line) => told.push(line) });
  await link.open();
  store.link = link;
  return { store, link, told, [Symbol.asyncDispose]: () => link.close() };
}

/** Two stores on one server, on its own clock, for the suite. */
export async function storeStand(config: StoreConfig, ...servers: AsyncDisposable[]): Promise<StoreStand> {
  const [mine, theirs] = [await openStore(config), await openStore(config)];
  return {
    store: mine.store,
    other: theirs.store,
    now: () => Date.now(),
    pass: (milliseconds) => sleep(milliseconds),
    close: async () => {
      for (const one of [mine, theirs, ...servers]) await one[Symbol.asyncDispose]();
    },
  };
}

/** Tests a store by the suite, on the server's own clock unless `tolerance` says more; skipped where there is no Redis. */
export function describeRedis(
  name: string,
  open: () => Promise<StoreStand>,
  tolerance: Partial<StoreTolerance> = {},
): void {
  if (noRedis) test(`limits in ${name}`, { skip: noRedis }, () => assert.ok(noRedis));
  else describeLimitStore(name, open, { clock: 5, part: 1 / PARTS, rounds: 0, turns: 12, ...tolerance });
}
