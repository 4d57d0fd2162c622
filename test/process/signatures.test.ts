/** Signed requests in the real program: each signature once among its workers, and no secret in what it tells. */
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { request } from "node:http";
import { test } from "node:test";
import { ProcessStage } from "../support/process.ts";

const SECRET = "a secret of billing, never told";
const GATEWAY = "a secret of the gateway, never told";

/** Asks by a connection of its own, so that any worker may get it; gives the status. */
async function ask(port: number, headers: Record<string, string>, path = "/"): Promise<[number, string]> {
  const asking = request({ host: "127.0.0.1", port, path, agent: false, headers });
  asking.end();
  const [answer] = await once(asking, "response");
  let text = "";
  for await (const piece of answer.setEncoding("utf8")) text += piece;
  return [answer.statusCode, text];
}

function signed(count: number): Record<string, string> {
  const date = new Date().toUTCString();
  const text = `@request-target: get /\ndate: ${date}\nx-count: ${count}`;
  const signature = createHmac("sha256", SECRET).update(text).digest("base64");
  const authorization = `hmac keyId="k1", algorithm="hmac-sha256", headers="@request-target date x-count", signature="${signature}"`;
  return { date, "x-count": String(count), authorization };
}

test("of two workers only one takes a signature, once; secrets are told to nobody", async () => {
  await using stage = new ProcessStage();
  stage.write({
    workers: 2,
    admin: "127.0.0.1:0",
    listeners: [{ name: "public", address: "127.0.0.1:0" }],
    consumers: [{ name: "billing", hmac: [{ id: "k1", secret: SECRET }] }],
    policies: [{ hmac: { replay: "refuse" } }, { sign: { key: GATEWAY, keyId: "g" } }, { "access-log": {} }],
    routes: [{ name: "all", policies: [{ respond: { body: "in" } }] }],
  });
  const { process, port } = await stage.run();
  const [, admin] = await process.says(/admin on port (\d+)/);
  for (let round = 0; round < 5; round++) {
    const headers = signed(round);
    const answers = await Promise.all(Array.from({ length: 24 }, () => ask(port, headers)));
    const reasons = answers.map(([status, text]) => (status === 200 ? text : JSON.parse(text).reason)).sort();
    assert.deepEqual(reasons, [...Array(23).fill("hmac_replayed"), "in"]);
  }
  const told = [(await ask(Number(admin), {}, "/snapshot"))[1], process.output].join("\n");
  assert.match(told, /billing/);
  assert.equal(told.includes(SECRET) || told.includes(GATEWAY), false);
});
