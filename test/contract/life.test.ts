import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { definePolicy, type Exchange, type PolicyEnv, type PolicySteps, Reply, type Slot } from "torana";
import { memoryGateway, testClock } from "torana/testing";
import { z } from "zod";
import { startGateway } from "../../src/supervisor/start-gateway.ts";
import { request } from "../support/client.ts";
import { startService } from "../support/service.ts";
import { until, within } from "../support/wait.ts";
import { stand } from "./stand.ts";
import { bothWays, policyOf, textOf } from "./ways.ts";

const named = z.strictObject({ name: z.string() });

test("a slot belongs to one policy as it is configured, and to one exchange", async (t) => {
  const seen: string[] = [];
  const policy = definePolicy({
    name: "slotted",
    phase: "request",
    options: named,
    compile({ name }, env) {
      const slot: Slot<string> = env.slot<string>();
      const other = env.slot<number>();
      return {
        request: async (x) => {
          seen.push(`${name} ${x.depth} before: ${slot.get(x)} ${other.get(x)}`);
          slot.set(x, `${name} of ${x.request.query}`);
          if (x.depth === 0 && name === "a") await x.fork({ target: `/${x.request.query}fork` });
          return undefined;
        },
        response: (x) => {
          seen.push(`${name} ${x.depth} after: ${slot.get(x)} ${other.get(x)}`);
          slot.set(x, "changed");
        },
        log: (x) => void seen.push(`${name} ${x.depth} log: ${slot.get(x)}`),
      };
    },
  });
  const gateway = memoryGateway({
    policies: [policy],
    config: { policies: [{ slotted: { name: "a" } }, { slotted: { name: "b" } }] },
  });
  t.after(() => gateway.close());
  await gateway.send({ target: "/?1" });
  const of = (depth: number, query: string): string[] => [
    ...["b", "a"].map((name) => `${name} ${depth} after: ${name} of ${query} undefined`),
    ...["a", "b"].map((name) => `${name} ${depth} log: changed`),
  ];
  const before = (name: string, depth: number): string => `${name} ${depth} before: undefined undefined`;
  const forked = [before("a", 1), before("b", 1), ...of(1, "?1fork")];
  assert.deepEqual(seen, [before("a", 0), ...forked, before("b", 0), ...of(0, "?1")]);
});

test("a policy is compiled when the gateway is built, not for requests, and closed with it", async () => {
  const made: string[] = [];
  const closed: string[] = [];
  const policy = definePolicy({
    name: "p",
    phase: "request",
    options: z.strictObject({}),
    compile(_options, { owner }: PolicyEnv) {
      made.push(owner);
      return { close: () => void closed.push(owner) };
    },
  });
  const config = {
    policies: [{ p: {} }],
    routes: [
      { name: "one", match: { path: "/one" }, service: "main", policies: [{ p: {} }] },
      { name: "two", match: { path: "/two" }, service: "main" },
    ],
    services: { main: { endpoints: ["http://main.example"], policies: [{ p: {} }] } },
  };
  const gateway = memoryGateway({ policies: [policy], config });
  const built = [...made];
  assert.deepEqual(built.toSorted(), ["main", "not-found", "one", "one", "two"]);
  for (const target of ["/one", "/two", "/three"]) await gateway.send({ target });
  assert.deepEqual([made, closed], [built, []]);
  gateway.close();
  assert.deepEqual(closed.toSorted(), built.toSorted());
});

test("clock and chance are handed in", async (t) => {
  const clock = testClock(5_000);
  let env: PolicyEnv | undefined;
  const policy = definePolicy({
    name: "p",
    phase: "request",
    options: z.strictObject({}),
    compile: (_options, given) => {
      env = given;
      return {};
    },
  });
  const gateway = memoryGateway({ policies: [policy], config: { policies: [{ p: {} }] }, clock });
  t.after(() => gateway.close());
  clock.advance(250);
  const { exchange } = await gateway.send();
  assert.deepEqual([env?.clock.now(), env?.clock.wall(), exchange.startedAt], [250, 5_250, 250]);
  const chances = Array.from({ length: 50 }, () => env?.random() ?? -1);
  assert.ok(chances.every((chance) => chance >= 0 && chance < 1));
  assert.ok(new Set(chances).size > 1);
});

const shared = Reply.text(403, "no");
const cookies: Readonly<Record<string, PolicySteps>> = {
  request: { request: () => shared },
  recover: { recover: () => shared },
  response: { response: () => shared },
};

for (const [where, steps] of Object.entries(cookies)) {
  let nth = 0;
  bothWays(
    `a reply that a policy gives twice in ${where} carries nothing from one client to the next`,
    () => {
      nth = 0;
      const tell = (x: Exchange, reply: Reply): void => {
        reply.fields.append("set-cookie", `session=${++nth}`);
        reply.fields.set(`x-own-${x.request.query.slice(1)}`, "1");
        reply.status++;
      };
      return {
        policies: [policyOf({ response: tell }, "tell"), policyOf(steps)],
        config: { policies: [{ tell: {} }, { p: {} }] },
        down: ["http://main.example"],
      };
    },
    async (way) => {
      const first = await way.ask({ target: "/?first" });
      const second = await way.ask({ target: "/?second" });
      assert.deepEqual([first.status, second.status], [404, 404]);
      assert.deepEqual([textOf(first), textOf(second)], ["no", "no"]);
      assert.deepEqual(second.fields.all("set-cookie"), ["session=2"]);
      assert.equal(second.fields.has("x-own-first"), false);
    },
  );
}

test("a transform that nobody waits for any more is not accused of being late", async (t) => {
  const service = await startService((_incoming, outgoing) => void outgoing.end("early"));
  const policy = policyOf({ requestBody: () => ({ chunk: () => new Promise(() => {}) }) });
  const { ask, told, ended } = await stand(t, service, [policy], { policyTimeout: "100ms" });
  assert.equal((await ask(request("POST /", {}, "body"))).text, "early");
  await until("the log", () => ended.length === 1);
  await sleep(250);
  assert.deepEqual(told, []);
});

test("a policy that breaks when it is closed does not keep the others from closing", async () => {
  let closed = 0;
  const broken = policyOf({
    close: () => {
      throw new Error("close");
    },
  });
  const gateway = await startGateway(
    { listeners: [{ name: "test", address: "127.0.0.1:0" }], policies: [{ p: {} }, { q: {} }] },
    { policies: [broken, policyOf({ close: () => closed++ }, "q")] },
  );
  await within("the gateway to stop", gateway.stop(1_000));
  assert.equal(closed, 1);
});

test("a detached fork is in flight too: it ends before the gateway has stopped, and is logged before the close", async (t) => {
  const events: string[] = [];
  const service = await startService((incoming, outgoing) => {
    if (incoming.url !== "/slow") outgoing.end("ok");
    else outgoing.on("close", () => events.push("cut"));
  });
  const policy = policyOf({
    request: (x: Exchange) => void (x.depth === 0 && x.fork({ target: "/slow" }, { detached: true })),
    log: (x: Exchange) => events.push(`log ${x.depth}`),
    close: () => events.push("close"),
  });
  const { ask, gateway } = await stand(t, service, [policy]);
  assert.equal((await ask(request("GET /"))).text, "ok");
  await until("the fork to reach its service", () => service.seen.length === 2);
  await within("the gateway to stop", gateway.stop(200));
  assert.deepEqual(
    events.filter((event) => event !== "cut"),
    ["log 0", "log 1", "close", "close"],
  );
  await until("the service to see the end", () => events.includes("cut"));
});
