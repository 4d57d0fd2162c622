import assert from "node:assert/strict";
import { test } from "node:test";
import { type Exchange, Failure, Fields, HeldBody, type PolicySteps, Reply } from "torana";
import { memoryGateway, type ServiceFunction } from "torana/testing";
import { until, within } from "../support/wait.ts";
import { askFirst } from "./policies/mirror.ts";
import { LAYOUT, MAIN, SHADOW, sentTo } from "./shadow.ts";
import { bothWays, jsonOf, policyOf, textOf } from "./ways.ts";

bothWays(
  "a step that asks elsewhere first may wait for the answer",
  () => ({
    policies: [askFirst],
    config: { ...LAYOUT, policies: [{ "ask-first": { host: "shadow.example", target: "/may?now" } }] },
    service: ({ endpoint, target }) =>
      endpoint === SHADOW ? new Reply(target === "/may?now" ? 204 : 500) : Reply.text(200, "main"),
  }),
  async (way) => {
    assert.equal(textOf(await way.ask({ method: "PUT", body: "x" })), "main");
    assert.deepEqual(
      way.sent.map(({ endpoint, method }) => [endpoint, method]),
      [
        [SHADOW, "GET"],
        [MAIN, "PUT"],
      ],
    );
  },
);

bothWays(
  "the answer to a fork may become the answer to the client",
  () => ({
    policies: [askFirst],
    config: { ...LAYOUT, policies: [{ "ask-first": { host: "shadow.example" } }] },
    service: () => Reply.text(403, "you may not", { "x-why": "because" }),
  }),
  async (way) => {
    const reply = await way.ask();
    assert.deepEqual([reply.status, textOf(reply)], [403, "you may not"]);
    assert.deepEqual([reply.fields.get("x-why"), reply.fields.all("content-length").length], ["because", 1]);
    assert.equal(sentTo(way, MAIN).length, 0);
  },
);

bothWays(
  "a policy that forks without end stops at a depth, and the client's exchange goes on",
  () => ({
    policies: [policyOf({ request: (x: Exchange) => void x.fork({}, { detached: true }) })],
    config: { policies: [{ p: {} }] },
    service: () => Reply.text(200, "ok"),
  }),
  async (way) => {
    assert.equal(textOf(await way.ask()), "ok");
    await until("all forks to end", () => way.ended.length === 9);
    assert.deepEqual(way.ended.map(({ depth }) => depth).sort(), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    assert.equal(textOf(await way.ask()), "ok");
  },
);

bothWays(
  "who awaits a fork that is too deep gets its reason",
  () => ({
    policies: [
      policyOf({
        request: async (x: Exchange) => {
          try {
            const { body, status } = await x.fork({});
            return Reply.text(status, Buffer.from(body).toString());
          } catch (error) {
            return error instanceof Failure ? x.fail(error) : Reply.text(500, "not a Failure");
          }
        },
      }),
    ],
    config: { policies: [{ p: {} }] },
  }),
  async (way) => {
    const reply = await way.ask();
    assert.equal(reply.status, 508);
    assert.equal(jsonOf(reply)["reason"], "fork_too_deep");
    assert.equal(way.sent.length, 0);
  },
);

bothWays(
  "a fork cannot take the client's body while it streams: the policy is told, and the client's exchange goes on",
  () => ({
    policies: [
      policyOf({
        request: (x: Exchange) => {
          if (x.depth > 0) return;
          assert.ok(x.outgoing.body !== undefined && !(x.outgoing.body instanceof HeldBody));
          x.fork({ authority: "shadow.example", body: x.outgoing.body }, { detached: true });
          x.fork({ authority: "shadow.example", body: x.request.body! });
        },
      }),
    ],
    config: { ...LAYOUT, policies: [{ p: {} }] },
    service: ({ body }) => Reply.text(200, String(body.length)),
  }),
  async (way) => {
    const pieces = Array.from({ length: 30 }, () => "x".repeat(10_000));
    assert.equal(textOf(await way.ask({ method: "POST", body: pieces })), "300000");
    assert.equal(sentTo(way, SHADOW).length, 0);
    assert.equal(way.told.length, 2);
    for (const line of way.told) assert.match(line, /policy_failed.*body.*buffer/);
  },
);

bothWays(
  "a fork carries no field that belongs to the gateway's own connection, whatever a policy writes",
  () => ({
    policies: [
      policyOf({
        request: async (x: Exchange) => {
          if (x.depth > 0) return undefined;
          const fields = Fields.from({
            "content-length": "99",
            connection: "close",
            "transfer-encoding": "chunked",
            "x-forwarded-for": "6.6.6.6",
            host: "evil.example",
            "x-own": "1",
          });
          await x.fork({ authority: "shadow.example", fields });
          return undefined;
        },
      }),
    ],
    config: { ...LAYOUT, policies: [{ p: {} }] },
    service: () => Reply.text(200, "ok"),
  }),
  async (way) => {
    assert.equal((await way.ask()).status, 200);
    const [copy] = sentTo(way, SHADOW);
    assert.equal(copy?.fields.get("x-own"), "1");
    assert.deepEqual(copy?.fields.all("x-forwarded-for"), [way.ended[0]?.clientAddress]);
    for (const name of ["content-length", "transfer-encoding"])
      assert.equal(copy?.fields.has(name), false, name);
    assert.deepEqual(copy?.fields.all("host"), ["shadow.example"]);
  },
);

/** Forks to the shadow, which does not answer before the test says so. */
function waitingScene(detached: boolean): Parameters<typeof memoryGateway>[0] & { service: ServiceFunction } {
  return {
    policies: [
      policyOf({
        request: async (x) => {
          if (x.depth > 0) return undefined;
          await x.fork({ authority: "shadow.example" }, { detached });
          return undefined;
        },
      } satisfies PolicySteps),
    ],
    config: { ...LAYOUT, policies: [{ p: {} }] },
    service: ({ signal }) =>
      new Promise((done) => signal.addEventListener("abort", () => done(new Failure("client_left")))),
  };
}

test("a fork ends with its parent when the client leaves", async (t) => {
  const gateway = memoryGateway(waitingScene(false));
  t.after(() => gateway.close());
  const { leave } = gateway.begin();
  await until("the fork to reach its service", () => gateway.sent.length === 1);
  leave();
  assert.deepEqual(
    gateway.ended.map(({ depth, outcome }) => [depth, outcome?.status, outcome?.reason]).sort(),
    [
      [0, 499, "client_left"],
      [1, 499, "client_left"],
    ],
  );
  assert.equal(gateway.sent[0]?.signal.aborted, true);
});

test("a detached fork goes on when the client leaves", async (t) => {
  const gateway = memoryGateway(waitingScene(true));
  t.after(() => gateway.close());
  const { leave } = gateway.begin();
  await until("the fork to reach its service", () => gateway.sent.length === 1);
  leave();
  assert.deepEqual(
    gateway.ended.map(({ depth }) => depth),
    [0],
  );
  assert.equal(gateway.sent[0]?.signal.aborted, false);
});

test("a fork ends with its parent when the parent is answered", async (t) => {
  const scene = waitingScene(false);
  const gateway = memoryGateway({
    ...scene,
    policies: [
      policyOf({
        request: (x) => void (x.depth === 0 && x.fork({ authority: "shadow.example" })),
      } satisfies PolicySteps),
    ],
    service: (request) => (request.endpoint === MAIN ? Reply.text(200, "ok") : scene.service(request)),
  });
  t.after(() => gateway.close());
  assert.equal(textOf((await gateway.send()).reply), "ok");
  await until("the fork to end", () => gateway.ended.length === 2);
  assert.equal(gateway.ended.find(({ depth }) => depth === 1)?.outcome?.status, 499);
});

test("a fork ends with its parent's deadline, a detached one does not", async (t) => {
  for (const detached of [false, true]) {
    const scene = waitingScene(detached);
    const [shadow, all] = LAYOUT.routes;
    const config = { ...scene.config, routes: [shadow, { ...all, timeout: "100ms" }] };
    const gateway = memoryGateway({ ...scene, config });
    t.after(() => gateway.close());
    const { reply } = await within("the answer", gateway.send());
    assert.equal(jsonOf(reply)["reason"], "deadline_exceeded");
    assert.equal(gateway.sent[0]?.signal.aborted, !detached);
    assert.equal(gateway.ended.length, detached ? 1 : 2);
  }
});

test("a fork from an exchange that is over is refused, unless it is detached", async (t) => {
  const results: Promise<unknown>[] = [];
  const gateway = memoryGateway({
    policies: [
      policyOf({
        log: (x) => {
          if (x.depth > 0) return;
          results.push(x.fork({ target: "/attached" }), x.fork({ target: "/detached" }, { detached: true }));
        },
      } satisfies PolicySteps),
    ],
    config: { policies: [{ p: {} }] },
  });
  t.after(() => gateway.close());
  await gateway.send();
  const [attached, detached] = await Promise.allSettled(results);
  assert.equal(attached?.status, "rejected");
  assert.ok(attached.reason instanceof Failure);
  assert.equal(attached.reason.code, "client_left");
  assert.equal(detached?.status, "fulfilled");
  assert.deepEqual(
    gateway.sent.map(({ target }) => target),
    ["/", "/detached"],
  );
});
