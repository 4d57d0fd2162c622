/** A thread that enters and leaves, and takes, until it is terminated in the middle of it. */
import { parentPort, workerData } from "node:worker_threads";
import type { LimitMemory } from "../../src/stores/limit-memory.ts";
import { LocalStore } from "../../src/stores/local-store.ts";

interface Order {
  readonly memory: LimitMemory;
  readonly worker: number;
  readonly keys: number;
  readonly most: number;
}

const { memory, worker, keys, most } = workerData as Order;
const store = new LocalStore(memory, worker);
const gauge = store.gauge("s");
const limiter = store.limiter("s", [
  { algorithm: "fixed", limit: 1_000_000_000, window: 86_400_000, burst: 0 },
  { algorithm: "sliding", limit: 1_000_000_000, window: 86_400_000, burst: 0 },
]);
parentPort!.postMessage("ready");

for (let i = 0; ; i++) {
  const key = `${i % keys}`;
  const entered = gauge.enter(key, most);
  limiter.take(key, 1);
  if (entered && i % 7 !== 0) gauge.leave(key);
}
