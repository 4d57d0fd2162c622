/**
 * Nanoseconds per look-up of an API key among 10 to 1,000,000 consumers, and the memory that they take, which all workers
 * share: `node bench/micro/consumers.ts`. Exit code 1 when the slowest and the fastest table differ by more than 20 % for the
 * same number of different keys.
 *
 * The second column asks for the keys of all consumers: there each look-up waits for memory and, past those that a thread
 * keeps decoded, decodes its record.
 */
import { consumersIn } from "../../src/identity/consumers.ts";
import { hashKey } from "../../src/lib/api-key.ts";
import { ConsumerTableBuilder } from "../../src/lib/consumer-table-builder.ts";
import type { Consumers } from "../../src/pipeline/consumer.ts";
import { median, ratios } from "../lib/stats.ts";

const SIZES = [10, 1_000, 100_000, 1_000_000];
const KEYS = 10;
const FINDS = 100_000;
const ROUNDS = 31;
const ALLOWED = 0.2;
const AT = { source: 0, line: 0 };

interface Bench {
  readonly size: number;
  readonly consumers: Consumers;
  readonly megabytes: number;
  /** Keys as requests bring them, and what they are found by. */
  readonly keys: readonly string[];
  readonly hashes: readonly string[];
  readonly all: readonly string[];
  readonly times: number[];
  readonly wholeTimes: number[];
  readonly coldTimes: number[];
}

let kept: unknown;

function measure(step: (text: string) => unknown, texts: readonly string[]): number {
  const started = process.hrtime.bigint();
  for (let i = 0, at = 0; i < FINDS; i++) {
    kept = step(texts[at]!);
    if (++at === texts.length) at = 0;
  }
  return Number(process.hrtime.bigint() - started) / FINDS;
}

const benches: Bench[] = SIZES.map((size) => {
  const builder = new ConsumerTableBuilder();
  for (let i = 0; i < size; i++) {
    const name = `consumer-${i}`;
    const life = { notBefore: Number.NEGATIVE_INFINITY, expires: Number.POSITIVE_INFINITY };
    const key = { kind: "key", by: hashKey(`key-${i}`), id: `${name}/key/1`, proof: "", ...life } as const;
    builder.add(name, '{"groups":["gold"]}', [key], AT);
  }
  const { memory } = builder.build(1);
  const spread = (count: number): string[] =>
    Array.from({ length: count }, (_, n) => `key-${Math.floor((n / count) * size)}`);
  const keys = spread(KEYS);
  const all = spread(Math.min(size, FINDS)).map(hashKey);
  const consumers = consumersIn(memory);
  for (const hash of all)
    if (consumers.find("key", hash) === undefined) throw new Error("a key is not found");
  const megabytes = memory.byteLength / 1_048_576;
  const hashes = keys.map(hashKey);
  return { size, consumers, megabytes, keys, hashes, all, times: [], wholeTimes: [], coldTimes: [] };
});

for (let round = 0; round < ROUNDS; round++)
  for (let i = 0; i < benches.length; i++) {
    const { consumers, hashes, keys, times, wholeTimes } = benches[(i + round) % benches.length]!;
    const find = (hash: string): unknown => consumers.find("key", hash);
    measure(find, hashes);
    times.push(measure(find, hashes));
    wholeTimes.push(measure((key) => consumers.find("key", hashKey(key)), keys));
  }
for (let round = 0; round < 5; round++)
  for (const { consumers, all, coldTimes } of benches)
    coldTimes.push(measure((hash) => consumers.find("key", hash), all));
if (kept === undefined) throw new Error("nothing was found");

console.log(`ns per look-up, median of ${ROUNDS} interleaved rounds of ${FINDS.toLocaleString("en")}`);
console.log(`consumers   ${KEYS} keys   with their SHA-256   keys of all   MiB, once`);
for (const { size, megabytes, times, wholeTimes, coldTimes } of benches)
  console.log(
    `${size.toLocaleString("en").padStart(9)}   ${median(times).toFixed(0).padStart(7)}   ${median(wholeTimes).toFixed(0).padStart(18)}   ${median(coldTimes).toFixed(0).padStart(11)}   ${megabytes.toFixed(1).padStart(9)}`,
  );
// Formed within each round, so that what slows a whole round cancels out.
const relative = benches.map(({ times }) => median(ratios(times, benches[0]!.times)));
const difference = Math.max(...relative) / Math.min(...relative) - 1;
console.log(`slowest to fastest table, same number of keys: +${(difference * 100).toFixed(0)} %`);
if (difference > ALLOWED) {
  console.error(`more than ${ALLOWED * 100} % between tables`);
  process.exitCode = 1;
}
