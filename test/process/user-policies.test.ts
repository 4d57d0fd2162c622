import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ProcessStage } from "../support/process.ts";

const POLICY = `
import { definePolicy, Reply, z } from "torana";
import { word } from "../word.ts";
export const say = definePolicy({
  name: "say",
  phase: "request",
  answers: true,
  options: z.strictObject({}),
  compile: () => () => Reply.text(200, word),
});
`;

test("files of a policy are watched: every worker serves the new code, or all the old", async () => {
  await using stage = new ProcessStage();
  mkdirSync(join(stage.folder, "policies"));
  stage.add("policies/say.ts", POLICY);
  stage.add("word.ts", 'export const word: string = "one";\n');
  stage.write({
    workers: 2,
    listeners: [{ name: "public", address: "127.0.0.1:0" }],
    routes: [{ name: "all", policies: [{ "./policies/say.ts": {} }] }],
  });
  const { process, port } = await stage.run();
  const said = async (): Promise<string[]> => {
    const ask = async (): Promise<string> =>
      (await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: "close" } })).text();
    return [...new Set(await Promise.all(Array.from({ length: 20 }, ask)))];
  };
  assert.deepEqual(await said(), ["one"]);
  process.forget();
  stage.add("word.ts", 'export const word: string = "two";\n');
  await process.says(/generation 2 serves/);
  assert.deepEqual(await said(), ["two"]);
  process.forget();
  stage.add("word.ts", 'export const word: string "three";\n');
  await process.says(/stays in force\n.*word\.ts:1:14: /);
  assert.deepEqual(await said(), ["two"]);
  process.forget();
  stage.add("word.ts", 'export const word: string = "four";\n');
  await process.says(/generation 3 serves/);
  assert.deepEqual(await said(), ["four"]);
});
