import assert from "node:assert/strict";
import { test } from "node:test";
import { ProcessStage } from "../support/process.ts";
import { SteadyLoad } from "../support/steady-load.ts";

function policy(version: number): string {
  return `
import { definePolicy, Reply, z } from "torana";
export const say = definePolicy({
  name: "say",
  phase: "request",
  answers: true,
  options: z.strictObject({}),
  compile: () => () => Reply.text(200, "${version}"),
});
`;
}

test("a worker that has loaded very many versions of a policy is replaced, and no request is lost", async () => {
  await using stage = new ProcessStage();
  stage.add("say.ts", policy(1));
  stage.write({
    workers: 1,
    admin: "127.0.0.1:0",
    listeners: [{ name: "public", address: "127.0.0.1:0" }],
    routes: [{ name: "all", policies: [{ "./say.ts": {} }] }],
  });
  const { process, port } = await stage.run();
  const [, admin] = await process.says(/admin on port (\d+)/);
  await using load = new SteadyLoad(port, "/", 4, 2);
  for (let version = 2; version <= 51; version++) {
    process.forget();
    stage.add("say.ts", policy(version));
    await process.says(new RegExp(`generation ${version} serves`));
  }
  await process.says(/worker 1 serves for worker 0/);
  const ready = await fetch(`http://127.0.0.1:${admin}/readyz`);
  assert.equal(ready.status, 200, await ready.text());
  process.forget();
  stage.add("say.ts", policy(52));
  await process.says(/generation 52 serves/);
  const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: "close" } });
  assert.equal(await answer.text(), "52");
  const { failures } = await load.stop();
  assert.deepEqual([...failures], []);
  process.signal("SIGTERM");
  assert.equal(await process.exit, 0);
});
