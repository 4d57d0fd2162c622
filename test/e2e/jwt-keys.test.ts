/** Tokens of a real issuer whose keys come, go and cannot be had. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { startGateway } from "../../src/supervisor/start-gateway.ts";
import { Client, problemOf, request } from "../support/client.ts";
import { type KeyService, startKeyService } from "../support/key-service.ts";
import { deadPort, type Service, startService } from "../support/service.ts";
import { until } from "../support/wait.ts";

let service: Service;

before(async () => {
  service = await startService((_request, response) => void response.end("in"));
});

after(() => service.stop());

/** A gateway that asks for tokens; its log. */
async function start(jwt: object, more: object = {}) {
  const lines: string[] = [];
  const gateway = await startGateway(
    {
      listeners: [{ name: "test", address: "127.0.0.1:0" }],
      policies: [{ jwt }],
      routes: [{ name: "all", service: "main" }],
      services: { main: { endpoints: [service.url] } },
      ...more,
    },
    { log: (line) => void lines.push(line) },
  );
  const client = await Client.open(gateway.port());
  const ask = (token: string) => client.ask(request("GET /", { authorization: `Bearer ${token}` }));
  const reasonOf = async (token: string): Promise<unknown> => {
    const answer = await ask(token);
    return answer.status === 200 ? "in" : problemOf(answer, answer.status)["reason"];
  };
  const stop = async (): Promise<void> => {
    client.reset();
    await gateway.stop(1_000);
  };
  return { gateway, lines, ask, reasonOf, [Symbol.asyncDispose]: stop };
}

async function issuerWith(...kids: string[]): Promise<KeyService> {
  const issuer = await startKeyService();
  for (const kid of kids) issuer.add(kid);
  return issuer;
}

describe("keys of a real issuer", () => {
  it("are found by discovery, and asked for once for all tokens", async () => {
    await using issuer = await issuerWith("a");
    await using torana = await start({ issuer: issuer.issuer });
    for (let i = 0; i < 5; i++) assert.equal(await torana.reasonOf(issuer.sign({ n: i })), "in");
    assert.deepEqual(issuer.service.targets, ["/.well-known/openid-configuration", "/jwks"]);
  });

  it("are asked for at a service of the config", async () => {
    await using issuer = await issuerWith("a");
    await using torana = await start(
      { issuer: issuer.issuer, jwks: { service: "idp", path: "/jwks" } },
      { services: { main: { endpoints: [service.url] }, idp: { endpoints: [issuer.issuer] } } },
    );
    await until("the service serves", () => issuer.fetches > 0);
    assert.equal(await torana.reasonOf(issuer.sign()), "in");
  });

  it("change under load: no valid token is refused, and the old key's tokens are once it is gone", async () => {
    await using issuer = await issuerWith("a");
    await using torana = await start({ issuer: issuer.issuer, jwks: issuer.jwksUrl, refresh: "200ms" });
    const counts: Record<string, number> = {};
    let over = false;
    const load = Array.from({ length: 4 }, async (_, worker) => {
      const client = await Client.open(torana.gateway.port());
      for (let n = 0; !over; n++) {
        const answer = await client.ask(
          request("GET /", { authorization: `Bearer ${issuer.sign({ worker, n: n % 50 })}` }),
        );
        counts[answer.status] = (counts[answer.status] ?? 0) + 1;
      }
      client.reset();
    });
    const old = issuer.sign({ n: "old" });
    assert.equal(await torana.reasonOf(old), "in");
    for (const next of ["b", "c", "d"]) {
      issuer.add(next);
      assert.equal(await torana.reasonOf(issuer.sign({ next })), "in");
      await pause(50);
    }
    assert.equal(await torana.reasonOf(old), "in");
    const before = issuer.fetches;
    issuer.remove("a");
    await until("the keys were asked for twice more", () => issuer.fetches >= before + 2);
    assert.equal(await torana.reasonOf(old), "jwt_key_unknown");
    over = true;
    await Promise.all(load);
    assert.deepEqual(Object.keys(counts), ["200"]);
    assert.ok(counts[200]! > 50, String(counts[200]));
  });

  it("are not asked for by whoever makes up names of keys", async () => {
    await using issuer = await issuerWith("a");
    await using torana = await start({ issuer: issuer.issuer, jwks: issuer.jwksUrl, cooldown: "1h" });
    assert.equal(await torana.reasonOf(issuer.sign()), "in");
    const { privateKey } = issuer.keys[0]!;
    for (let i = 0; i < 200; i++) {
      const forged = { kid: `made-up-${i}`, algorithm: "ES256", privateKey, publicKey: privateKey };
      assert.equal(await torana.reasonOf(issuer.sign({}, forged)), "jwt_key_unknown");
    }
    assert.equal(await torana.reasonOf(issuer.sign({ iss: "https://elsewhere.example" })), "jwt_issuer");
    assert.ok(issuer.fetches <= 3, String(issuer.fetches));
  });

  it("serve on while the issuer is down; without any its tokens get 503, and the log says why", async () => {
    await using issuer = await issuerWith("a");
    await using torana = await start({ issuer: issuer.issuer, refresh: "100ms" });
    assert.equal(await torana.reasonOf(issuer.sign()), "in");
    issuer.down = 500;
    await until("it is told", () => torana.lines.length > 0);
    assert.equal(await torana.reasonOf(issuer.sign({ again: 1 })), "in");
    assert.match(
      torana.lines.join("\n"),
      /its keys cannot be had \(it answered with status 500\); the last ones/,
    );
    assert.doesNotMatch(torana.lines.join("\n"), /a secret that nobody/);

    const nobody = `http://127.0.0.1:${await deadPort()}`;
    await using alone = await start({ issuer: nobody });
    assert.equal(await alone.reasonOf(issuer.sign({ iss: nobody })), "jwt_keys_unavailable");
    const answer = await alone.ask(issuer.sign({ iss: nobody }));
    assert.deepEqual([answer.status, answer.field("www-authenticate")], [503, undefined]);
    await until("it is told", () => alone.lines.length > 0);
    assert.match(alone.lines.join("\n"), /its tokens are refused/);
  });

  it("of an issuer that calls itself otherwise are not believed", async () => {
    await using issuer = await issuerWith("a");
    issuer.metadata = { issuer: `${issuer.issuer}/` };
    await using torana = await start({ issuer: issuer.issuer });
    assert.equal(await torana.reasonOf(issuer.sign()), "jwt_keys_unavailable");
    await until("it is told", () => torana.lines.length > 0);
    assert.match(torana.lines.join("\n"), /its metadata names another issuer/);
    issuer.metadata = { jwks_uri: "http://keys.example/jwks" };
    await until("it is asked again", () => issuer.service.seen.length > 3);
    assert.equal(issuer.fetches, 0);
  });

  it("of several issuers do not prove each other's tokens", async () => {
    await using one = await issuerWith("a");
    await using two = await issuerWith("a");
    await using torana = await start({ issuers: [{ issuer: one.issuer }, { issuer: two.issuer }] });
    assert.equal(await torana.reasonOf(one.sign()), "in");
    assert.equal(await torana.reasonOf(two.sign()), "in");
    assert.equal(await torana.reasonOf(one.sign({ iss: two.issuer })), "jwt_signature");
    assert.equal(await torana.reasonOf(one.sign({ iss: "https://else.example" })), "jwt_issuer");
  });
});
