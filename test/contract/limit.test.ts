import assert from "node:assert/strict";
import { setImmediate as later } from "node:timers/promises";
import { Failure, Reply } from "torana";
import { describePolicy, testClock } from "torana/testing";
import { limitPolicy, type Store } from "./policies/limit.ts";
import { bothWays, jsonOf } from "./ways.ts";

class SlowStore implements Store {
  readonly counts = new Map<string, number>();

  async take(key: string, window: number): Promise<number> {
    await later();
    const name = `${key} ${window}`;
    const taken = (this.counts.get(name) ?? this.counts.get(key) ?? 0) + 1;
    this.counts.set(name, taken);
    return taken;
  }
}

const store = new SlowStore();
store.counts.set("busy", 2);

describePolicy(limitPolicy(store), {
  refused: [
    { options: {}, message: /policies\[0\]\.limit\.limit/ },
    { options: { limit: 0 }, message: /limit\.limit/ },
    { options: { limit: 5, window: "1m" }, message: /limit\.window/ },
  ],
  steps: [
    {
      title: "lets a client go on that has a share left, and says how much",
      options: { limit: 2, window: 10 },
      request: { fields: { "x-client": "fresh" } },
      clock: testClock(3_000),
      check({ reply, sent, exchange }) {
        assert.equal(reply.status, 200);
        assert.equal(sent.length, 1);
        assert.equal(reply.fields.get("ratelimit"), '"client";r=1;t=7');
        assert.equal(exchange.outcome?.reason, undefined);
      },
    },
    {
      title: "refuses a client that has none left, until its window is over",
      options: { limit: 2, window: 10 },
      request: { fields: { "x-client": "busy" } },
      clock: testClock(3_000),
      check({ reply, sent, exchange }) {
        assert.equal(reply.status, 429);
        assert.equal(sent.length, 0);
        assert.equal(reply.fields.get("retry-after"), "7");
        assert.equal(jsonOf(reply)["reason"], "limit_exceeded");
        assert.equal(exchange.outcome?.reason, "limit_exceeded");
      },
    },
    {
      title: "tells an address without a name apart",
      options: { limit: 1 },
      peer: { address: "192.0.2.77" },
      check({ reply }) {
        assert.equal(reply.status, 200);
        assert.ok([...store.counts.keys()].some((key) => key.startsWith("192.0.2.77 ")));
      },
    },
  ],
  wire: {
    title: "refuses a client that has none left",
    options: { limit: 2, window: 1_000_000 },
    request: { fields: { "X-Client": "busy" } },
    check({ reply, sent, exchange }) {
      assert.equal(reply.status, 429);
      assert.equal(sent.length, 0);
      assert.match(reply.fields.get("retry-after") ?? "", /^[1-9]\d*$/);
      assert.match(reply.fields.get("ratelimit") ?? "", /^"client";r=0;t=\d+$/);
      assert.equal(jsonOf(reply)["reason"], "limit_exceeded");
      assert.equal(exchange.outcome?.status, 429);
    },
  },
});

bothWays(
  "an asynchronous limit counts down to its refusal",
  () => ({
    policies: [limitPolicy(new SlowStore())],
    config: { policies: [{ limit: { limit: 2, window: 1_000_000 } }] },
    service: () => Reply.text(200, "ok"),
  }),
  async (way) => {
    const seen = [];
    for (let nth = 0; nth < 3; nth++) {
      const reply = await way.ask({ fields: { "x-client": "a" } });
      seen.push([reply.status, reply.fields.get("ratelimit")?.replace(/;t=.*/, "")]);
    }
    assert.deepEqual(seen, [
      [200, '"client";r=1'],
      [200, '"client";r=0'],
      [429, '"client";r=0'],
    ]);
    assert.equal(way.sent.length, 2);
    assert.equal((await way.ask({ fields: { "x-client": "b" } })).status, 200);
  },
);

bothWays(
  "an asynchronous limit tells what is left on answers of the gateway's own",
  () => ({
    policies: [limitPolicy(new SlowStore())],
    config: {
      policies: [{ limit: { limit: 9 } }],
      routes: [{ name: "all", match: { path: "/here" }, service: "main" }],
    },
    service: () => new Failure("response_cut"),
  }),
  async (way) => {
    const lost = await way.ask({ target: "/nowhere" });
    assert.deepEqual([lost.status, jsonOf(lost)["reason"]], [404, "route_not_found"]);
    assert.match(lost.fields.get("ratelimit") ?? "", /r=8/);
    const cut = await way.ask({ target: "/here" });
    assert.deepEqual([cut.status, jsonOf(cut)["reason"]], [502, "response_cut"]);
    assert.match(cut.fields.get("ratelimit") ?? "", /r=7/);
  },
);
