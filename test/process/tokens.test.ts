/** Tokens in the real program with two workers: keys that change under load, a list of what is revoked, and what is told. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Client, request } from "../support/client.ts";
import { type KeyService, startKeyService } from "../support/key-service.ts";
import { ProcessStage } from "../support/process.ts";
import { startService } from "../support/service.ts";
import { inSeconds, token } from "../support/tokens.ts";
import { until } from "../support/wait.ts";

const SECRET = "a-secret-that-must-not-be-told-to-anybody";

function config(service: string, jwt: object, more: object = {}): object {
  return {
    workers: 2,
    listeners: [{ name: "public", address: "127.0.0.1:0" }],
    policies: [{ jwt }],
    routes: [{ name: "all", service: "main" }],
    services: { main: { endpoints: [service] } },
    ...more,
  };
}

/** Statuses of some requests, each on a connection of its own, so that both workers are asked. */
async function statuses(port: number, written: string, times = 12): Promise<number[]> {
  const all = await Promise.all(
    Array.from({ length: times }, async () => {
      const client = await Client.open(port);
      const { status } = await client.ask(request("GET /", { authorization: `Bearer ${written}` }));
      client.reset();
      return status;
    }),
  );
  return [...new Set(all)].sort();
}

/** Requests with ever new tokens on four connections, until it is stopped; counts their statuses. */
function load(port: number, issuer: KeyService): { counts: Record<string, number>; stop(): Promise<void> } {
  const counts: Record<string, number> = {};
  let over = false;
  const clients = Array.from({ length: 4 }, async (_, worker) => {
    const client = await Client.open(port);
    for (let n = 0; !over; n++) {
      const written = issuer.sign({ worker, n: n % 100 });
      const { status } = await client.ask(request("GET /", { authorization: `Bearer ${written}` }));
      counts[status] = (counts[status] ?? 0) + 1;
    }
    client.reset();
  });
  return {
    counts,
    stop: async () => {
      over = true;
      await Promise.all(clients);
    },
  };
}

test("keys change at the issuer under load: no valid token is refused, no token of a key that is gone let in", async () => {
  await using service = await startService((_request, response) => void response.end("in"));
  await using issuer = await startKeyService();
  issuer.add("first");
  await using stage = new ProcessStage();
  stage.write(config(service.url, { issuer: issuer.issuer, refresh: "300ms" }));
  const { process, port } = await stage.run();
  const old = issuer.sign({ kept: true });
  assert.deepEqual(await statuses(port, old), [200]);
  const running = load(port, issuer);
  for (const kid of ["second", "third"]) {
    issuer.add(kid);
    await until("requests with the new key", () => Object.values(running.counts).some((count) => count > 20));
    const before = issuer.fetches;
    await until("both workers asked", () => issuer.fetches >= before + 4);
  }
  assert.deepEqual(await statuses(port, old), [200]);
  issuer.remove("first");
  const before = issuer.fetches;
  await until("both workers asked twice", () => issuer.fetches >= before + 6);
  assert.deepEqual(await statuses(port, old), [401]);
  assert.deepEqual(await statuses(port, issuer.sign()), [200]);
  await running.stop();
  assert.deepEqual(Object.keys(running.counts), ["200"]);

  issuer.down = 503;
  await process.says(
    /its keys cannot be had \(it answered with status 503\); the last ones are believed for now/,
  );
  assert.deepEqual(await statuses(port, issuer.sign({ meanwhile: true })), [200]);
  issuer.down = undefined;
  await process.says(/its keys are known again/);
  assert.doesNotMatch(process.output, /eyJ|nobody must see/);
});

test("a token on the list of revoked ones is refused by all workers, and nothing secret is told", async () => {
  await using service = await startService((_request, response) => void response.end("in"));
  await using stage = new ProcessStage();
  const file = stage.add("revoked.json", "[]");
  const jwt = { secret: SECRET, issuer: "https://id.example", revoked: { file, every: "50ms" } };
  stage.write(config(service.url, jwt, { admin: "127.0.0.1:0" }));
  const { process, port } = await stage.run();
  const claims = { iss: "https://id.example", exp: inSeconds(300) };
  const tokens = ["a", "b"].map((jti) => token({ alg: "HS256" }, { ...claims, jti }, SECRET));
  for (const one of tokens) assert.deepEqual(await statuses(port, one), [200]);
  writeFileSync(file, JSON.stringify([{ jti: "a" }]));
  for (let i = 0; i < 200 && String(await statuses(port, tokens[0]!, 6)) !== "401"; i++);
  assert.deepEqual(await statuses(port, tokens[0]!), [401]);
  assert.deepEqual(await statuses(port, tokens[1]!), [200]);
  writeFileSync(join(stage.folder, "revoked.json"), "{}");
  await process.says(/the list of revoked tokens cannot be had: not a JSON list/);
  assert.deepEqual(await statuses(port, tokens[0]!), [401]);
  const [, admin] = /admin on port (\d+)/.exec(process.output) ?? [];
  assert.ok(admin !== undefined, process.output);
  for (const path of ["/snapshot", "/metrics", "/routes"]) {
    const answer = await fetch(`http://127.0.0.1:${admin}${path}`);
    assert.equal(answer.status, 200, path);
    const text = await answer.text();
    for (const hidden of [SECRET, tokens[0]!]) assert.equal(text.includes(hidden), false, path);
  }
  for (const hidden of [SECRET, tokens[0]!]) assert.equal(process.output.includes(hidden), false);
});
