/** Tokens across reloads: what stays known, what does not, and what nobody may read. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { checkConfig } from "../../src/config/load.ts";
import { loadCatalog } from "../../src/snapshot/catalog.ts";
import { startGateway } from "../../src/supervisor/start-gateway.ts";
import { Client, problemOf, request } from "../support/client.ts";
import { explained, snapshotOf } from "../support/explain.ts";
import { startKeyService } from "../support/key-service.ts";
import { type Service, startService } from "../support/service.ts";
import { until } from "../support/wait.ts";

let service: Service;

before(async () => {
  service = await startService((_request, response) => void response.end("in"));
});

after(() => service.stop());

function configWith(jwt: object, more: object = {}): object {
  return {
    listeners: [{ name: "test", address: "127.0.0.1:0" }],
    routes: [{ name: "all", service: "main", policies: [{ jwt }] }],
    services: { main: { endpoints: [service.url] } },
    ...more,
  };
}

async function start(config: object) {
  const lines: string[] = [];
  const gateway = await startGateway(config, { log: (line) => void lines.push(line) });
  let client = await Client.open(gateway.port());
  const reasonOf = async (token: string): Promise<unknown> => {
    const answer = await client.ask(request("GET /", { authorization: `Bearer ${token}` }));
    return answer.status === 200 ? "in" : problemOf(answer, answer.status)["reason"];
  };
  const reload = async (next: object): Promise<void> => {
    const checked = checkConfig(next);
    gateway.commit(await gateway.prepare(checked, await loadCatalog(checked)));
    client.reset();
    client = await Client.open(gateway.port());
  };
  const stop = async (): Promise<void> => {
    client.reset();
    await gateway.stop(1_000);
  };
  return { lines, reasonOf, reload, [Symbol.asyncDispose]: stop };
}

describe("tokens and reloads", () => {
  it("keys stay known when conditions change, and tokens are held against the new ones at once", async () => {
    await using issuer = await startKeyService();
    issuer.add("a");
    const jwt = { issuer: issuer.issuer, audience: "shop" };
    await using torana = await start(configWith(jwt));
    const shop = issuer.sign({ aud: "shop" });
    const bank = issuer.sign({ aud: "bank" });
    assert.deepEqual([await torana.reasonOf(shop), await torana.reasonOf(bank)], ["in", "jwt_audience"]);
    await torana.reload(configWith({ ...jwt, audience: "bank" }));
    assert.deepEqual([await torana.reasonOf(shop), await torana.reasonOf(bank)], ["jwt_audience", "in"]);
    await torana.reload(configWith({ ...jwt, audience: "bank" }, { policyTimeout: "9s" }));
    issuer.down = 500;
    assert.deepEqual([await torana.reasonOf(shop), await torana.reasonOf(bank)], ["jwt_audience", "in"]);
    assert.equal(issuer.fetches, 1);
  });

  it("a consumer that is added or removed counts from the next request on, for remembered tokens too", async () => {
    await using issuer = await startKeyService();
    issuer.add("a");
    const jwt = { issuer: issuer.issuer, requireConsumer: true };
    const alice = { name: "alice", subjects: [{ issuer: issuer.issuer, subject: "alice" }] };
    const bob = { name: "bob" };
    await using torana = await start(configWith(jwt, { consumers: [alice, bob] }));
    const token = issuer.sign();
    assert.equal(await torana.reasonOf(token), "in");
    await torana.reload(configWith(jwt, { consumers: [bob] }));
    assert.equal(await torana.reasonOf(token), "jwt_consumer");
    await torana.reload(configWith(jwt, { consumers: [bob, alice] }));
    assert.equal(await torana.reasonOf(token), "in");
  });

  it("an issuer that is gone from the config is asked no more", async () => {
    await using issuer = await startKeyService();
    issuer.add("a");
    await using torana = await start(configWith({ issuer: issuer.issuer, refresh: "30ms" }));
    assert.equal(await torana.reasonOf(issuer.sign()), "in");
    await until("it is asked by the clock", () => issuer.fetches > 3);
    await torana.reload(configWith({ secret: "another secret of thirty-two octets, or more" }));
    assert.equal(await torana.reasonOf(issuer.sign()), "jwt_algorithm");
    const { fetches } = issuer;
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.ok(issuer.fetches <= fetches + 1, `${issuer.fetches} after ${fetches}`);
  });
});

describe("what is told of tokens", () => {
  it("is neither the token, nor the secret of a policy, nor what an issuer answered", async () => {
    await using issuer = await startKeyService();
    issuer.down = 500;
    const secret = "client-secret-that-nobody-may-read";
    const introspection = {
      url: `${issuer.issuer}/introspect?key=${secret}`,
      clientId: "gateway",
      clientSecret: secret,
    };
    const clientCredentials = { url: `${issuer.issuer}/token`, clientId: "gateway", clientSecret: secret };
    await using torana = await start({
      ...configWith({ issuer: issuer.issuer }),
      routes: [
        {
          name: "all",
          match: { path: "/a" },
          service: "main",
          policies: [{ "client-credentials": clientCredentials }],
        },
        { name: "b", match: { path: "/" }, service: "main", policies: [{ introspection }] },
      ],
    });
    const token = "opaque-token-that-nobody-may-read";
    assert.equal(await torana.reasonOf(token), "token_unavailable");
    await until("it is told", () => torana.lines.length > 0);
    const told = torana.lines.join("\n");
    assert.match(told, /tokens cannot be introspected \(it answered with status 500\)/);
    for (const hidden of [secret, token, "nobody must see"]) assert.equal(told.includes(hidden), false, told);
  });

  it("is that nothing can be known, where explain would have to ask an issuer", async () => {
    const secret = "a secret that is long enough for HS256, really";
    const fields: [string, string][] = [
      [
        "authorization",
        "Bearer eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUifQ.AAAA",
      ],
    ];
    const verdictOf = async (jwt: object): Promise<unknown> => {
      const snapshot = await snapshotOf(configWith(jwt));
      const { steps } = (await explained(snapshot, "http://a.example/", { fields })) as unknown as {
        steps: { policy: string; verdict: string }[];
      };
      return steps.find(({ policy }) => policy === "jwt")?.verdict;
    };
    assert.equal(await verdictOf({ issuer: "https://id.example" }), "unknown");
    assert.equal(await verdictOf({ secret }), "answers");
  });
});
