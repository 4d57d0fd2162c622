/** A thread that takes from limits as fast as it can; see limit-threads.ts. */
import { parentPort, workerData } from "node:worker_threads";
import type { LimitDecision } from "../../src/pipeline/limits.ts";
import { LocalStore } from "../../src/stores/local-store.ts";
import { sharedClock, steadyNow } from "../../src/stores/steady-clock.ts";
import type { HammerOrder, HammerResult } from "./limit-threads.ts";

const { memory, worker, space, rules, keys, tries, cost, beats, churn, until, gate } =
  workerData as HammerOrder;

const clock = sharedClock(memory.since1970);
const store = new LocalStore(memory, worker, clock);
const limiter = store.limiter(space, rules);
const passing = store.limiter(`${space} passing`, [
  { algorithm: "token-bucket", limit: 1, window: 20, burst: 1 },
  { algorithm: "sliding", limit: 1, window: 20, burst: 1 },
]);
const signs = new Float64Array(beats);
const start = new Int32Array(gate);
const result: HammerResult = { accepted: [], full: 0 };

Atomics.add(start, 0, 1);
while (Atomics.load(start, 0) < start[1]!);

for (let i = 0; until === 0 ? i < tries : clock.now() < until; i++) {
  if (i % 100 === 0) {
    await new Promise((go) => setImmediate(go));
    signs[worker] = steadyNow() + memory.since1970;
  }
  const key = keys[i % keys.length]!;
  const from = clock.now();
  const decision = limiter.take(key, cost) as LimitDecision;
  if (decision.allowed) result.accepted.push([key, from, clock.now()]);
  try {
    for (let n = 0; n < churn; n++) passing.take(`${worker} ${i} ${n}`, 1);
  } catch {
    result.full++;
  }
}
// One that is done holds nothing any more.
signs[worker] = Number.POSITIVE_INFINITY;
parentPort!.postMessage(result);
