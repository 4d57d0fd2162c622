import assert from "node:assert/strict";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { ConsumerTableBuilder } from "../lib/consumer-table-builder.ts";
import { consumersIn } from "./consumers.ts";

const AT = { source: 0, line: 0 };
const FOREVER = { notBefore: Number.NEGATIVE_INFINITY, expires: Number.POSITIVE_INFINITY };

function memory(): SharedArrayBuffer {
  const builder = new ConsumerTableBuilder();
  const about = { groups: ["staff"], metadata: { tier: "gold", nested: { deep: [1] } } };
  builder.add(
    "billing",
    JSON.stringify(about),
    [
      { kind: "key", by: "k", id: "one", proof: "", ...FOREVER },
      { kind: "hmac", by: "h", id: "h", proof: "a secret", notBefore: 1, expires: 2 },
    ],
    AT,
  );
  builder.add("bare", "", [], AT);
  for (let i = 0; i < 20_000; i++)
    builder.add(`c${i}`, "", [{ kind: "key", by: `k${i}`, id: `${i}`, proof: "", ...FOREVER }], AT);
  return builder.build(1).memory;
}

test("consumers and credentials are what was put in", () => {
  const consumers = consumersIn(memory());
  assert.equal(consumers.size, 20_002);
  const billing = { name: "billing", groups: ["staff"], metadata: { tier: "gold", nested: { deep: [1] } } };
  assert.deepEqual(consumers.named("billing"), billing);
  assert.deepEqual(consumers.named("bare"), { name: "bare" });
  assert.deepEqual(consumers.find("key", "k"), { id: "one", consumer: billing, proof: "", ...FOREVER });
  assert.deepEqual(consumers.find("hmac", "h"), {
    id: "h",
    consumer: billing,
    proof: "a secret",
    notBefore: 1,
    expires: 2,
  });
  assert.equal(consumers.find("key", "h"), undefined);
  assert.equal(consumers.named("k"), undefined);
  assert.equal(consumers.anyPassword, undefined);
});

test("what is asked for again is the same object, what was not asked for lately is made again and equal", () => {
  const consumers = consumersIn(memory());
  const first = consumers.find("key", "k0")!;
  assert.equal(consumers.find("key", "k0"), first);
  assert.equal(consumers.named("c0"), first.consumer);
  for (let i = 1; i < 20_000; i++) assert.equal(consumers.find("key", `k${i}`)!.consumer.name, `c${i}`);
  assert.deepEqual(consumers.find("key", "k0"), first);
});

test("the same memory has one view in a thread", () => {
  const shared = memory();
  assert.equal(consumersIn(shared), consumersIn(shared));
});

test("nobody can change what all requests see", () => {
  const consumers = consumersIn(memory());
  const { groups, metadata } = consumers.named("billing") as unknown as {
    groups: string[];
    metadata: { nested: { deep: number[] } };
  };
  assert.throws(() => groups.push("admin"), TypeError);
  assert.throws(() => metadata.nested.deep.push(2), TypeError);
  assert.throws(() => Object.assign(consumers.find("hmac", "h")!, { expires: 3 }), TypeError);
});

test("another thread finds the same in the same memory", async () => {
  const shared = memory();
  const url = new URL("consumers.ts", import.meta.url).href;
  const worker = new Worker(
    `const { parentPort, workerData } = require("node:worker_threads");
     import(${JSON.stringify(url)}).then(({ consumersIn }) =>
       parentPort.postMessage(consumersIn(workerData).find("key", "k19999").consumer.name));`,
    { eval: true, workerData: shared },
  );
  const name = await new Promise((done, fail) => worker.once("message", done).once("error", fail));
  await worker.terminate();
  assert.equal(name, "c19999");
});
