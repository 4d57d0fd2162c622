import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { z } from "zod";
import { Failure } from "../errors/failure.ts";
import { Reply } from "../lib/reply.ts";
import { type LimitStore, StoreDown } from "../pipeline/limits.ts";
import { definePolicy, type PolicyDefinition } from "../pipeline/policy.ts";
import { createLimitMemory } from "../stores/limit-memory.ts";
import { LocalStore } from "../stores/local-store.ts";
import { describePolicy, type MemoryGateway, memoryGateway } from "../testing/index.ts";
import { rateLimit } from "./rate-limit.ts";

/** A store of its own with a clock that is set by hand. */
function stand(): {
  store: (name: string) => LimitStore;
  clock: { now(): number; wall(): number };
  time: { ms: number };
} {
  const time = { ms: 1_750_000_000_000 };
  const clock = { now: () => time.ms, wall: () => time.ms };
  const local = new LocalStore(createLimitMemory({ entries: 512, workers: 1, clock }), 0, clock);
  return { store: () => local, clock, time };
}

describePolicy(rateLimit, {
  refused: [
    { options: {}, message: /limit: / },
    { options: { limit: "100" }, message: /not a limit; write units and a time: 100\/1m/ },
    { options: { limit: "0/1m" }, message: /not a limit/ },
    { options: { limit: [] }, message: /limit/ },
    { options: { limit: { units: 1, per: "1ms" } }, message: /from 10ms to 366d/ },
    { options: { limit: { units: "reqest.path", per: "1m" } }, message: /reqest/ },
    { options: { limit: "1/1m", cost: "request.path" }, message: /gives string, not a number/ },
    { options: { limit: "1/1m", key: { expression: "1 + 1" } }, message: /gives int, not a text/ },
    { options: { limit: "1/1m", key: { field: "x" } }, message: /key/ },
    { options: { limit: "1/1m", tierBy: { metadata: "plan" } }, message: /names tiers, and there are none/ },
    { options: { limit: { units: 1, per: "1m", burst: 5 } }, message: /burst is of buckets/ },
    { options: { limit: "1/1m", maxWait: "25d" }, message: /maxWait: is 1h at most/ },
    { options: { limit: "1/1m", store: "nowhere" }, message: /no store "nowhere"/ },
    { options: { limit: "2/1m", gateways: 3 }, message: /a limit of 2 cannot be shared among 3 gateways/ },
  ],
  steps: [
    {
      title: "lets a request through and tells the client how it stands",
      options: { limit: "5/1m" },
      ...stand(),
      check({ reply, sent }) {
        assert.deepEqual([reply.status, sent.length], [200, 1]);
        assert.equal(reply.fields.get("ratelimit-policy"), '"5/1m";q=5;w=60');
        assert.equal(reply.fields.get("ratelimit"), '"5/1m";r=4;t=62');
        assert.equal(reply.fields.get("x-ratelimit-limit"), undefined);
      },
    },
    {
      title: "lets through its part of what several gateways may",
      options: { limit: "10/1m", gateways: 4 },
      ...stand(),
      check({ reply }) {
        assert.equal(reply.fields.get("ratelimit-policy"), '"10/1m";q=2;w=60');
        assert.equal(reply.fields.get("ratelimit"), '"10/1m";r=1;t=62');
      },
    },
    {
      title: "tells it in old fields as well",
      options: { limit: ["5/1m", "3/1h"], headers: "both", algorithm: "fixed" },
      ...stand(),
      check({ reply }) {
        assert.equal(reply.fields.get("ratelimit-policy"), '"5/1m";q=5;w=60, "3/1h";q=3;w=3600');
        assert.match(reply.fields.get("ratelimit")!, /^"5\/1m";r=4;t=\d+, "3\/1h";r=2;t=\d+$/);
        assert.deepEqual(
          ["x-ratelimit-limit", "x-ratelimit-remaining"].map((name) => reply.fields.get(name)),
          ["3", "2"],
        );
      },
    },
  ],
  wire: {
    title: "lets through",
    options: { limit: "5/1m" },
    check({ reply }) {
      assert.equal(reply.status, 200);
      assert.match(reply.fields.get("ratelimit")!, /^"5\/1m";r=4;t=6[12]$/);
    },
  },
});

/** Who calls is what the field says: stands in for a policy that authenticates. */
const who = definePolicy({
  name: "test-who",
  phase: "authenticate",
  options: z.strictObject({}),
  compile: () => (x) => {
    const name = x.request.field("who");
    if (name !== undefined)
      x.consumer = { name, groups: (x.request.field("groups") ?? "").split(" "), metadata: { plan: name } };
    x.claims = { sub: name ?? "nobody", org: { id: 7 } };
    x.credential = "key-1";
    return undefined;
  },
}) as unknown as PolicyDefinition;

type Given = Record<string, unknown>;

function gateway(
  options: Given,
  around: Partial<Parameters<typeof memoryGateway>[0]> = {},
): MemoryGateway & {
  time: { ms: number };
  statuses(...requests: (Record<string, string> | undefined)[]): Promise<number[]>;
} {
  const { time, ...ports } = stand();
  const made = memoryGateway({
    policies: [rateLimit, who],
    config: { policies: [{ "test-who": {} }, { "rate-limit": options }] },
    ...ports,
    ...around,
  });
  const statuses = async (...requests: (Record<string, string> | undefined)[]): Promise<number[]> => {
    const found: number[] = [];
    for (const fields of requests) found.push((await made.send({ ...(fields && { fields }) })).reply.status);
    return found;
  };
  return { ...made, time, statuses };
}

describe("rate-limit", () => {
  test("refuses what is too much, with the time after which it is not", async () => {
    const { send, time } = gateway({ limit: "2/10s" });
    await send();
    await send();
    const { reply, exchange } = await send();
    assert.deepEqual([reply.status, exchange.outcome?.reason], [429, "rate_limited"]);
    const wait = Number(reply.fields.get("retry-after"));
    assert.ok(wait >= 10 && wait <= 11, `${wait}`);
    assert.match(reply.fields.get("ratelimit")!, /;r=0;/);
    time.ms += wait * 1_000;
    assert.equal((await send()).reply.status, 200);
  });

  test("counts by consumer, without one by address", async () => {
    const { statuses } = gateway({ limit: "1/1m" });
    assert.deepEqual(await statuses({ who: "a" }, { who: "b" }, undefined), [200, 200, 200]);
    assert.deepEqual(await statuses({ who: "a" }, { who: "b" }, undefined), [429, 429, 429]);
  });

  const keys: [title: string, key: unknown, same: Record<string, string>[], other: Record<string, string>][] =
    [
      [
        "a field",
        { header: "x-tenant" },
        [{ "x-tenant": "1" }, { "x-tenant": "1", who: "b" }],
        { "x-tenant": "2" },
      ],
      ["a claim", { claim: "sub" }, [{ who: "a" }, { who: "a", x: "1" }], { who: "b" }],
      ["a cookie", { cookie: "sid" }, [{ cookie: "sid=1" }, { cookie: "z=1; sid=1" }], { cookie: "sid=2" }],
      [
        "an expression",
        { expression: "request.method + consumer.name" },
        [{ who: "a" }, { who: "a" }],
        { who: "b" },
      ],
      [
        "a list",
        ["consumer", { header: "x" }],
        [
          { who: "a", x: "1" },
          { who: "a", x: "1" },
        ],
        { who: "a", x: "2" },
      ],
      ["a part of a claim", ["consumer", { claim: "org.id" }], [{ who: "a" }, { who: "a" }], { who: "b" }],
      ["the credential", "credential", [{ who: "a" }, { who: "a" }], { who: "b" }],
    ];
  for (const [title, key, [first, again], other] of keys)
    test(`counts by ${title}`, async () => {
      const { statuses } = gateway({ limit: "1/1m", key });
      assert.deepEqual(await statuses(first, again, other), [200, 429, 200]);
    });

  test("credentials of different consumers and kinds are counted apart, whatever they are called", async () => {
    const known = definePolicy({
      name: "test-known",
      phase: "authenticate",
      options: z.strictObject({}),
      compile: () => (x) => {
        const [name, credential, iss] = x.request.field("who")!.split("/");
        if (name !== "") x.consumer = { name: name! };
        x.credential = credential;
        if (iss !== undefined) x.claims = { iss, sub: credential };
        return undefined;
      },
    }) as unknown as PolicyDefinition;
    const policies = [rateLimit, known];
    const limit = { limit: "1/1m", key: "credential" };
    const config = { policies: [{ "test-known": {} }, { "rate-limit": limit }] };
    const { statuses } = gateway({}, { policies, config });
    const all = ["a/k", "b/k", "/k", "/k/issuer", "/k/other", "/issuer k"].map((who) => ({ who }));
    assert.deepEqual(await statuses(...all), [200, 200, 200, 200, 200, 200]);
    assert.deepEqual(await statuses(...all), [429, 429, 429, 429, 429, 429]);
  });

  test("a value of one kind is none of another: no field takes a consumer's place", async () => {
    const { statuses } = gateway({ limit: "1/1m", key: { header: "x" }, missing: "ip" });
    assert.deepEqual(await statuses({ x: "192.0.2.1" }, undefined), [200, 200]);
  });

  test("without its key a request counts by its address, with all such, or is refused", async () => {
    const key = { header: "x-tenant" };
    assert.deepEqual(await gateway({ limit: "1/1m", key }).statuses(undefined, undefined), [200, 429]);
    assert.deepEqual(await gateway({ limit: "1/1m", key, missing: "shared" }).statuses({}, {}), [200, 429]);
    const refusing = gateway({ limit: "9/1m", key, missing: "refuse" });
    const { reply, exchange } = await refusing.send();
    assert.deepEqual([reply.status, exchange.outcome?.reason], [403, "limit_key_missing"]);
  });

  test("clients of one IPv6 network count as one", async () => {
    const around = stand();
    const of = (address: string): Promise<number[]> =>
      gateway({ limit: "1/1m", key: "ip", scope: "s" }, { store: around.store, peer: { address } }).statuses(
        {},
      );
    assert.deepEqual(await of("2001:db8::1"), [200]);
    assert.deepEqual(await of("2001:db8::ffff:2"), [429]);
    assert.deepEqual(await of("2001:db8:0:1::1"), [200]);
    assert.deepEqual(await of("::ffff:192.0.2.9"), [200]);
    assert.deepEqual(await of("192.0.2.9"), [429]);
  });

  test("costs what a number or an expression says", async () => {
    assert.deepEqual(await gateway({ limit: "10/1m", cost: 5 }).statuses({}, {}, {}), [200, 200, 429]);
    const cost = 'request.headers["x-cost"] == "big" ? 8 : 1';
    const by = gateway({ limit: "10/1m", cost, key: "ip" });
    assert.deepEqual(
      await by.statuses({ "x-cost": "big" }, { "x-cost": "big" }, { "x-cost": "1" }),
      [200, 429, 200],
    );
  });

  test("what costs more than there is gets no Retry-After", async () => {
    const { reply } = await gateway({ limit: "3/1m", cost: 5 }).send();
    assert.deepEqual([reply.status, reply.fields.get("retry-after")], [429, undefined]);
  });

  test("an expression that fails lets nothing through", async () => {
    const { send, failures, sent } = gateway({ limit: "3/1m", cost: 'int(request.headers["x-cost"])' });
    assert.equal((await send()).reply.status, 500);
    assert.deepEqual([failures[0]?.code, sent.length], ["policy_failed", 0]);
  });

  test("adds what the answer says that it cost", async () => {
    const service = (): Reply => Reply.text(200, "ok", { "x-tokens": "40" });
    const by = gateway({ limit: "100/1m", cost: 0, responseCost: { header: "x-tokens" } }, { service });
    const { reply } = await by.send();
    assert.match(reply.fields.get("ratelimit")!, /;r=60;/);
    assert.deepEqual(await by.statuses({}, {}, {}), [200, 200, 429]);
    const expression = "response.status == 200 ? 2 : 9";
    const other = gateway({ limit: "5/1m", responseCost: { expression } });
    assert.deepEqual(await other.statuses({}, {}, {}), [200, 200, 429]);
  });

  test("what the gateway answers itself costs nothing more", async () => {
    const by = gateway(
      { limit: "10/1m", responseCost: { expression: "5" } },
      { service: () => new Failure("connect_failed") },
    );
    assert.deepEqual(await by.statuses({}, {}, {}), [502, 502, 502]);
  });

  test("tiers have limits of their own", async () => {
    const tiers = { gold: "3/1m", silver: "2/1m" };
    const { statuses } = gateway({ limit: "1/1m", tiers });
    assert.deepEqual(await statuses({ who: "a" }, { who: "a" }), [200, 429]);
    const both = { who: "b", groups: "silver gold" };
    assert.deepEqual(await statuses(both, both, both, both), [200, 200, 200, 429]);
    const silver = { who: "c", groups: "silver" };
    assert.deepEqual(await statuses(silver, silver, silver), [200, 200, 429]);
    const plans = gateway({ limit: "1/1m", tiers: { pro: "2/1m" }, tierBy: { metadata: "plan" } });
    assert.deepEqual(await plans.statuses({ who: "pro" }, { who: "pro" }, { who: "pro" }), [200, 200, 429]);
    const said = gateway({
      limit: "1/1m",
      tiers: { x: "2/1m" },
      tierBy: { expression: "request.headers.tier" },
    });
    assert.deepEqual(await said.statuses({ tier: "x" }, { tier: "x" }, { tier: "x" }), [200, 200, 429]);
  });

  test("limits may be computed", async () => {
    const units = "consumer.name.startsWith('big') ? 3 : 1";
    const { statuses } = gateway({ limit: { units, per: "1m" } });
    const big = { who: "big" };
    assert.deepEqual(await statuses(big, big, big, big), [200, 200, 200, 429]);
    assert.deepEqual(await statuses({ who: "a" }, { who: "a" }), [200, 429]);
  });

  test("a dry run counts and refuses nobody", async () => {
    const { send } = gateway({ limit: "2/1m", dryRun: true });
    const lefts: string[] = [];
    for (let i = 0; i < 3; i++) {
      const { reply } = await send();
      assert.equal(reply.status, 200);
      lefts.push(/r=(\d+)/.exec(reply.fields.get("ratelimit")!)![1]!);
    }
    assert.deepEqual(lefts, ["1", "0", "0"]);
  });

  for (const [title, options] of [
    ["a cost that fails", { cost: 'int(request.headers["x-cost"])' }],
    ["a key that fails", { key: { expression: 'request.headers["x-none"]' } }],
    ["a tier that fails", { tiers: { a: "1/1m" }, tierBy: { expression: 'request.headers["x-none"]' } }],
    ["a limit that fails", { limit: { units: 'int(request.headers["x-none"])', per: "1m" } }],
    ["a key that is not there", { key: { header: "x-none" }, missing: "refuse" }],
  ] as const)
    test(`a dry run refuses nobody: ${title}`, async () => {
      const given = { limit: "2/1m", ...options };
      const [wet, dry] = [gateway(given), gateway({ ...given, dryRun: true })];
      const { reply, exchange } = await wet.send();
      assert.notEqual(reply.status, 200);
      assert.equal((await dry.send()).reply.status, 200);
      const failed = exchange.outcome?.reason === "policy_failed";
      assert.equal(dry.failures.length, failed ? 1 : 0, "the log learns why");
    });

  test("a refusal may look otherwise", async () => {
    const reply = {
      status: 503,
      body: '{"path":"${request.path}"}',
      contentType: "application/json",
      headers: { x: "y" },
    };
    const by = gateway({ limit: "1/1m", reply });
    await by.send();
    const { reply: got } = await by.send({ target: "/a%22b" });
    assert.deepEqual(
      [got.status, got.fields.get("content-type"), got.fields.get("x")],
      [503, "application/json", "y"],
    );
    assert.equal(Buffer.from(got.body).toString(), '{"path":"/a%22b"}');
    assert.notEqual(got.fields.get("retry-after"), undefined);
  });

  test("leaky buckets let requests wait for their turn, and those that leave make room", async () => {
    const store = new LocalStore(createLimitMemory({ entries: 64, workers: 1 }), 0);
    const limit = { units: 10, per: "1s", algorithm: "leaky-bucket", burst: 2 };
    const { begin } = gateway({ limit, key: "ip" }, { store: () => store });
    const started = performance.now();
    const all = [begin(), begin(), begin(), begin()];
    assert.equal((await all[3]!.reply).status, 429);
    all[2]!.leave();
    await assert.rejects(all[2]!.reply);
    const again = begin();
    assert.deepEqual([(await all[0]!.reply).status, (await all[1]!.reply).status], [200, 200]);
    assert.ok(performance.now() - started >= 95);
    assert.equal((await again.reply).status, 200);
    assert.ok(performance.now() - started >= 190);
  });

  test("whoever would wait too long is refused and takes no turn", async () => {
    const limit = { units: 1, per: "1s", algorithm: "leaky-bucket", burst: 100 };
    const { statuses } = gateway({ limit, maxWait: "10ms" });
    assert.deepEqual(await statuses({}, {}, {}), [200, 429, 429]);
  });

  const down: LimitStore = {
    limiter: () => ({
      take: () => Promise.reject(new StoreDown("no answer in 100 ms")),
      add: () => undefined,
      close: () => undefined,
    }),
    gauge: () => assert.fail(),
  };
  for (const [onStoreFailure, statuses] of [
    ["allow", [200, 200, 200]],
    ["deny", [503, 503, 503]],
    ["local", [200, 429, 429]],
  ] as const)
    test(`a store that is down: ${onStoreFailure}`, async () => {
      const { store: local } = stand();
      const store = (name: string): LimitStore => (name === "local" ? local("local") : down);
      const redis = { urls: ["redis://127.0.0.1:1"] };
      const options = { limit: "1/1m", store: "far", onStoreFailure };
      const config = { stores: { far: { redis } }, policies: [{ "rate-limit": options }] };
      assert.deepEqual(await gateway({}, { config, store }).statuses({}, {}, {}), statuses);
    });

  test("a full table refuses, and what it knows goes on", async () => {
    const store = new LocalStore(createLimitMemory({ entries: 2, workers: 1 }), 0);
    const by = gateway({ limit: "2/1m", key: { header: "x" } }, { store: () => store });
    assert.deepEqual(await by.statuses({ x: "1" }, { x: "2" }, { x: "3" }, { x: "1" }), [200, 200, 503, 200]);
  });

  test("policies of one scope count together, others for themselves", async () => {
    const config = (first: Given, second: Given): object => ({
      routes: [
        { name: "one", match: { path: "/one" }, service: "main", policies: [{ "rate-limit": first }] },
        { name: "two", match: { path: "/two" }, service: "main", policies: [{ "rate-limit": second }] },
      ],
    });
    const ask = async (options: Given): Promise<number[]> => {
      const { send } = gateway({}, { config: config(options, options) });
      const found: number[] = [];
      for (const target of ["/one", "/two", "/one"]) found.push((await send({ target })).reply.status);
      return found;
    };
    assert.deepEqual(await ask({ limit: "1/1m" }), [200, 200, 429]);
    assert.deepEqual(await ask({ limit: "1/1m", scope: "both" }), [200, 429, 429]);
  });

  test("policies of every route count all routes together", async () => {
    const routes = ["/one", "/two"].map((path) => ({
      name: path.slice(1),
      match: { path },
      service: "main",
    }));
    const { send } = gateway({}, { config: { routes, policies: [{ "rate-limit": { limit: "2/1m" } }] } });
    const found: number[] = [];
    for (const target of ["/one", "/two", "/one", "/none"]) found.push((await send({ target })).reply.status);
    assert.deepEqual(found, [200, 200, 429, 429]);
  });
});
