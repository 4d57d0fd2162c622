import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Reply } from "../lib/reply.ts";
import { type LimitStore, StoreDown } from "../pipeline/limits.ts";
import { createLimitMemory } from "../stores/limit-memory.ts";
import { LocalStore } from "../stores/local-store.ts";
import { describePolicy, type MemoryGateway, memoryGateway } from "../testing/index.ts";
import { concurrency } from "./concurrency.ts";

function local(): LimitStore {
  return new LocalStore(createLimitMemory({ entries: 64, workers: 1 }), 0);
}

describePolicy(concurrency, {
  refused: [
    { options: {}, message: /max: / },
    { options: { max: 0 }, message: /max/ },
    { options: { max: 1, queue: {} }, message: /queue/ },
    { options: { max: 1, queue: { max: 1, timeout: "25d" } }, message: /timeout: is 1h at most/ },
    { options: { max: 1, lease: "80d" }, message: /lease: is 24h at most/ },
  ],
  steps: [
    {
      title: "lets one through",
      options: { max: 1 },
      store: local,
      check({ reply }) {
        assert.equal(reply.status, 200);
      },
    },
  ],
  wire: {
    title: "lets through",
    options: { max: 1 },
    check({ reply }) {
      assert.equal(reply.status, 200);
    },
  },
});

/** A gateway whose service answers when it is told to. */
function slow(options: object, store = local()): MemoryGateway & { answer(): void } {
  const waiting: (() => void)[] = [];
  const gateway = memoryGateway({
    policies: [concurrency],
    config: { policies: [{ concurrency: options }] },
    service: () => new Promise<Reply>((resolve) => waiting.push(() => resolve(Reply.text(200, "ok")))),
    store: () => store,
  });
  return { ...gateway, answer: () => waiting.shift()!() };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("concurrency", () => {
  test("refuses what is too much at once, and takes it once there is room", async () => {
    const { begin, send, answer } = slow({ max: 2 });
    const [one, two] = [begin(), begin()];
    await turn();
    const { reply, exchange } = await send();
    assert.deepEqual([reply.status, exchange.outcome?.reason], [429, "too_many_at_once"]);
    answer();
    assert.equal((await one.reply).status, 200);
    const three = begin();
    await turn();
    answer();
    answer();
    assert.deepEqual([(await two.reply).status, (await three.reply).status], [200, 200]);
  });

  test("a client that leaves gives its place back", async () => {
    const { begin, answer } = slow({ max: 1 });
    const one = begin();
    await turn();
    one.leave();
    await assert.rejects(one.reply);
    const two = begin();
    await turn();
    answer();
    answer();
    assert.equal((await two.reply).status, 200);
  });

  test("keys have places of their own", async () => {
    const { begin, send, answer } = slow({ max: 1, key: { header: "x" } });
    const all = [begin({ fields: { x: "1" } }), begin({ fields: { x: "2" } })];
    await turn();
    assert.equal((await send({ fields: { x: "1" } })).reply.status, 429);
    answer();
    answer();
    for (const { reply } of all) assert.equal((await reply).status, 200);
  });

  test("who waits is served in order; the line is bounded, and so is the wait", async () => {
    const { begin, send, answer, sent } = slow({ max: 1, queue: { max: 2, timeout: "5s" } });
    const all = [begin({ target: "/1" }), begin({ target: "/2" }), begin({ target: "/3" })];
    await turn();
    assert.equal((await send()).reply.status, 429);
    for (const [i, { reply }] of all.entries()) {
      while (sent.length <= i) await turn();
      answer();
      assert.equal((await reply).status, 200);
    }
    assert.deepEqual(
      sent.map(({ target }) => target),
      ["/1", "/2", "/3"],
    );
    const short = slow({ max: 1, queue: { max: 2, timeout: "30ms" } });
    short.begin();
    await turn();
    assert.equal((await short.send()).reply.status, 429);
  });

  test("a place that another worker gives back is found by who waits here", async () => {
    const memory = createLimitMemory({ entries: 64, workers: 2 });
    const theirs = new LocalStore(memory, 1).gauge("scope s");
    const { begin, answer, sent } = slow(
      { max: 1, key: { header: "x" }, scope: "s", queue: { max: 9, timeout: "9s" } },
      new LocalStore(memory, 0),
    );
    assert.equal(theirs.enter("header 1", 1), true);
    const { reply } = begin({ fields: { x: "1" } });
    await turn();
    assert.equal(sent.length, 0);
    theirs.leave("header 1");
    while (sent.length === 0) await turn();
    answer();
    assert.equal((await reply).status, 200);
  });

  test("who leaves the line is not given a place", async () => {
    const store = local();
    const { begin, answer, sent } = slow({ max: 1, queue: { max: 9, timeout: "9s" } }, store);
    const [one, two] = [begin({ target: "/1" }), begin({ target: "/2" })];
    await turn();
    two.leave();
    await assert.rejects(two.reply);
    answer();
    assert.equal((await one.reply).status, 200);
    const three = begin({ target: "/3" });
    await turn();
    answer();
    assert.equal((await three.reply).status, 200);
    assert.deepEqual(
      sent.map(({ target }) => target),
      ["/1", "/3"],
    );
  });

  test("a dry run refuses nobody", async () => {
    const { begin, answer } = slow({ max: 1, dryRun: true });
    const all = [begin(), begin(), begin()];
    await turn();
    for (const _ of all) answer();
    for (const { reply } of all) assert.equal((await reply).status, 200);
  });

  const gone = (): never => {
    throw new StoreDown("no answer");
  };
  const down: LimitStore = {
    limiter: gone,
    gauge: () => ({
      enter: () => Promise.reject(new StoreDown("no answer")),
      leave: gone,
      close: () => undefined,
    }),
  };
  for (const [onStoreFailure, status] of [
    ["allow", 200],
    ["deny", 503],
    ["local", 200],
  ] as const)
    test(`a store that is down: ${onStoreFailure}`, async () => {
      const own = local();
      const redis = { urls: ["redis://127.0.0.1:1"] };
      const { send } = memoryGateway({
        policies: [concurrency],
        config: {
          stores: { far: { redis } },
          policies: [{ concurrency: { max: 1, store: "far", onStoreFailure } }],
        },
        store: (name) => (name === "local" ? own : down),
      });
      assert.equal((await send()).reply.status, status);
      assert.equal((await send()).reply.status, status, "places are given back where they were taken");
    });

  for (const [onStoreFailure, status] of [
    ["allow", 200],
    ["deny", 503],
    ["local", 200],
  ] as const)
    test(`who waits for a place in a store that goes down meanwhile waits no longer: ${onStoreFailure}`, async () => {
      const own = local();
      let isDown = false;
      const enter = (): Promise<boolean> =>
        isDown ? Promise.reject(new StoreDown("no answer")) : Promise.resolve(false);
      const far: LimitStore = {
        limiter: gone,
        gauge: () => ({ enter, leave: gone, close: () => undefined }),
      };
      const queue = { max: 9, timeout: "9m" };
      const { begin, send } = memoryGateway({
        policies: [concurrency],
        config: {
          stores: { far: { redis: { urls: ["redis://127.0.0.1:1"] } } },
          policies: [{ concurrency: { max: 5, store: "far", onStoreFailure, queue } }],
        },
        store: (name) => (name === "local" ? own : far),
      });
      const waiting = [begin(), begin()];
      await turn();
      isDown = true;
      for (const { reply } of waiting) assert.equal((await reply).status, status);
      assert.equal((await send()).reply.status, status);
    });
});
