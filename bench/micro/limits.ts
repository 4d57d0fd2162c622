/** What one decision of the store "local" costs: `node bench/micro/limits.ts`. */

import type { LimitAlgorithm, LimitRule } from "../../src/pipeline/limits.ts";
import { createLimitMemory } from "../../src/stores/limit-memory.ts";
import { LocalStore } from "../../src/stores/local-store.ts";

const ROUNDS = 1_000_000;
const KEYS = 10_000;

function rule(algorithm: LimitAlgorithm): LimitRule {
  return { algorithm, limit: 1_000_000, window: 60_000, burst: 1_000_000 };
}

const cases: readonly (readonly [name: string, rules: readonly LimitRule[]])[] = [
  ["fixed", [rule("fixed")]],
  ["token-bucket", [rule("token-bucket")]],
  ["leaky-bucket", [rule("leaky-bucket")]],
  ["sliding", [rule("sliding")]],
  ["fixed and sliding", [rule("fixed"), rule("sliding")]],
  ["fixed, refused", [{ ...rule("fixed"), limit: 1 }]],
  ["sliding, refused", [{ ...rule("sliding"), limit: 1 }]],
];

const store = new LocalStore(createLimitMemory({ entries: 65_536, workers: 1 }), 0);
const keys = Array.from({ length: KEYS }, (_, i) => `consumer customer-${i}`);

for (const [name, rules] of cases) {
  const limiter = store.limiter(name, rules);
  const results: number[] = [];
  for (let repeat = 0; repeat < 5; repeat++) {
    const started = performance.now();
    for (let i = 0; i < ROUNDS; i++) limiter.take(keys[(i * 7_919) % KEYS]!, 1);
    results.push(((performance.now() - started) * 1e6) / ROUNDS);
  }
  results.sort((a, b) => a - b);
  console.log(
    `${name.padEnd(20)} ${Math.round(results[2]!)} ns a decision (${results.map(Math.round).join(", ")})`,
  );
}

const gauge = store.gauge("gauge");
const started = performance.now();
for (let i = 0; i < ROUNDS; i++) {
  gauge.enter(keys[i % KEYS]!, 10);
  gauge.leave(keys[i % KEYS]!);
}
console.log(`enter and leave      ${Math.round(((performance.now() - started) * 1e6) / ROUNDS)} ns`);
