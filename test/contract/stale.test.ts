import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure, type PolicySteps, Reply } from "torana";
import { memoryGateway, testClock } from "torana/testing";
import { stale } from "./policies/stale.ts";
import { bothWays, jsonOf, policyOf, textOf } from "./ways.ts";

const tag = policyOf(
  { response: (_x, reply) => void reply.fields.set("x-cors", "1") } satisfies PolicySteps,
  "tag",
);

for (const waits of [false, true]) {
  bothWays(
    `a copy answers when every endpoint is down, from a store that ${waits ? "waits" : "does not"}`,
    () => ({
      policies: [stale, tag],
      config: {
        policies: [{ tag: {} }, { stale: { for: 60, waits } }],
        services: { main: { endpoints: ["http://one.example", "http://two.example"] } },
      },
      service: ({ target }) => Reply.json(200, { target }),
    }),
    async (way) => {
      assert.deepEqual(jsonOf(await way.ask({ target: "/known?1" })), { target: "/known?1" });
      await way.stopServices();
      const copy = await way.ask({ target: "/known?1" });
      assert.equal(copy.status, 200);
      assert.deepEqual(jsonOf(copy), { target: "/known?1" });
      assert.match(copy.fields.get("x-stale") ?? "", /^(connect_failed|connection_reused_closed)$/);
      assert.equal(copy.fields.get("x-cors"), "1");
      assert.equal(copy.fields.get("content-type"), "application/json");
      const outcome = way.ended.at(-1)?.outcome;
      assert.deepEqual([outcome?.status, outcome?.complete], [200, true]);
      const again = await way.ask({ target: "/known?1" });
      assert.deepEqual([textOf(again), again.fields.all("x-cors")], [textOf(copy), ["1"]]);
    },
  );
}

bothWays(
  "without a copy the failure stands, with its own reason",
  () => ({
    policies: [stale, tag],
    config: { policies: [{ tag: {} }, { stale: { for: 60 } }] },
    down: ["http://main.example"],
  }),
  async (way) => {
    const reply = await way.ask({ target: "/unknown" });
    assert.deepEqual([reply.status, jsonOf(reply)["reason"]], [502, "connect_failed"]);
    assert.equal(reply.fields.get("x-cors"), "1");
    assert.equal(way.ended[0]?.outcome?.reason, "connect_failed");
  },
);

bothWays(
  "a copy answers when the service takes too long",
  (kind) => {
    let slow = false;
    return {
      policies: [stale],
      config: {
        policies: [{ stale: { for: 60 } }],
        services: { main: { endpoints: ["http://main.example"], timeouts: { response: "300ms" } } },
      },
      service: ({ signal }) => {
        if (!slow) {
          slow = true;
          return Reply.text(200, "fresh");
        }
        const late = new Failure("response_timeout");
        // In memory nobody but the service itself keeps the time.
        return kind === "memory"
          ? late
          : new Promise((done) => signal.addEventListener("abort", () => done(late)));
      },
    };
  },
  async (way) => {
    assert.equal(textOf(await way.ask()), "fresh");
    const copy = await way.ask();
    assert.deepEqual([copy.status, textOf(copy)], [200, "fresh"]);
    assert.equal(copy.fields.get("x-stale"), "response_timeout");
  },
);

test("a copy grows too old", async (t) => {
  const clock = testClock();
  let down = false;
  const gateway = memoryGateway({
    policies: [stale],
    config: { policies: [{ stale: { for: 10 } }] },
    service: () => (down ? new Failure("connect_failed") : Reply.text(200, "fresh")),
    clock,
  });
  t.after(() => gateway.close());
  await gateway.send();
  down = true;
  clock.advance(9_999);
  assert.equal((await gateway.send()).reply.status, 200);
  clock.advance(1);
  assert.equal((await gateway.send()).reply.status, 502);
});

test("recover steps are asked as written, until one answers", async (t) => {
  const asked: string[] = [];
  const recover = (name: string, answer?: Reply): PolicySteps => ({
    recover: async (_x, failure) => {
      asked.push(`${name} ${failure.code}`);
      return answer;
    },
  });
  const gateway = memoryGateway({
    policies: [
      policyOf(recover("first"), "first"),
      policyOf(recover("second", Reply.text(203, "second")), "second"),
      policyOf(recover("third", Reply.text(203, "third")), "third"),
    ],
    config: { policies: [{ first: {} }, { second: {} }, { third: {} }] },
    service: () => new Failure("no_endpoint"),
  });
  t.after(() => gateway.close());
  assert.equal(textOf((await gateway.send()).reply), "second");
  assert.deepEqual(asked, ["first no_endpoint", "second no_endpoint"]);
});

test("recover steps are not asked about answers of a service, nor about refusals of a step", async (t) => {
  let asked = 0;
  const gateway = memoryGateway({
    policies: [
      policyOf({
        request: (x) => (x.request.path === "/refuse" ? Reply.text(403, "no") : undefined),
        recover: () => {
          asked++;
          return undefined;
        },
      } satisfies PolicySteps),
    ],
    config: { policies: [{ p: {} }] },
    service: () => Reply.text(503, "the service's own"),
  });
  t.after(() => gateway.close());
  assert.equal((await gateway.send()).reply.status, 503);
  assert.equal((await gateway.send({ target: "/refuse" })).reply.status, 403);
  assert.equal(asked, 0);
});
