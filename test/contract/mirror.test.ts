import assert from "node:assert/strict";
import { definePolicy, type Exchange, Reply } from "torana";
import { z } from "zod";
import { until } from "../support/wait.ts";
import { mirror } from "./policies/mirror.ts";
import { LAYOUT, MAIN, SHADOW, sentTo } from "./shadow.ts";
import { bothWays, gate, textOf, type Way } from "./ways.ts";

const mirrored = { ...LAYOUT, policies: [{ who: {} }, { mirror: { to: "shadow.example" } }] };

const who = definePolicy({
  name: "who",
  phase: "authenticate",
  options: z.strictObject({}),
  compile: () => (x) => {
    if (x.depth > 0) return;
    x.consumer = { name: "Ada" };
    x.claims = { sub: "ada" };
  },
});

const shadowOf = (way: Way): Exchange | undefined => way.ended.find(({ route }) => route.name === "shadow");

bothWays(
  "a mirror gets the request as it came, in the caller's name, and once",
  () => ({
    policies: [who, mirror],
    config: mirrored,
    service: ({ endpoint, body }) => Reply.text(200, `${endpoint} ${body}`),
  }),
  async (way) => {
    const fields = { "X-Own": "1", Connection: "x-hop", "X-Hop": "1" };
    const reply = await way.ask({ method: "POST", target: "/a?b=c", body: ["bo", "dy"], fields });
    assert.equal(textOf(reply), `${MAIN} body`);
    await until("the mirrored exchange to end", () => shadowOf(way) !== undefined);
    const [copy, ...more] = sentTo(way, SHADOW);
    assert.deepEqual([copy?.method, copy?.target, `${copy?.body}`], ["POST", "/a?b=c", "body"]);
    assert.deepEqual([more.length, sentTo(way, MAIN).length], [0, 1]);
    assert.deepEqual([copy?.fields.get("x-own"), copy?.fields.has("x-hop")], ["1", false]);
    const shadow = shadowOf(way)!;
    const parent = way.ended.find(({ depth }) => depth === 0)!;
    assert.deepEqual([shadow.depth, shadow.id], [1, parent.id]);
    assert.equal(shadow.consumer, parent.consumer);
    assert.equal(shadow.claims, parent.claims);
    assert.equal(shadow.clientAddress, parent.clientAddress);
    assert.equal(copy?.fields.get("x-request-id"), parent.id);
    assert.deepEqual(copy?.fields.all("x-forwarded-for"), [parent.clientAddress]);
  },
);

bothWays(
  "a mirror that fails is not felt by the client",
  () => ({
    policies: [who, mirror],
    config: mirrored,
    down: [SHADOW],
    service: () => Reply.text(200, "ok"),
  }),
  async (way) => {
    assert.equal(textOf(await way.ask({ method: "POST", body: "x" })), "ok");
    await until("the mirrored exchange to end", () => shadowOf(way) !== undefined);
    assert.equal(shadowOf(way)?.outcome?.reason, "connect_failed");
  },
);

{
  const release = { current: gate() };
  bothWays(
    "a mirror that takes long is not felt by the client, and goes on behind its answer",
    () => {
      release.current = gate();
      return {
        policies: [who, mirror],
        config: mirrored,
        service: async ({ endpoint }) => {
          if (endpoint === SHADOW) await release.current.promise;
          return Reply.text(200, "ok");
        },
      };
    },
    async (way) => {
      assert.equal(textOf(await way.ask()), "ok");
      assert.equal(shadowOf(way), undefined);
      release.current.resolve();
      await until("the mirrored exchange to end", () => shadowOf(way) !== undefined);
      assert.deepEqual(shadowOf(way)?.outcome?.status, 200);
    },
  );
}
