import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { ConfigError } from "../config/problem.ts";
import type { PolicyDefinition } from "../pipeline/policy.ts";
import { dependenciesOf, loadUserPolicy, readUserCode, userPolicyVersions } from "./user-policies.ts";

const ORIGIN = { file: "torana.yaml", path: ["policies", 0] };

/** A folder of a user's, with files by their paths. */
class Folder implements Disposable {
  readonly path: string = mkdtempSync(join(tmpdir(), "torana-user-"));

  constructor(files: Readonly<Record<string, string>>) {
    for (const [name, text] of Object.entries(files)) this.write(name, text);
  }

  write(name: string, text: string): void {
    const path = join(this.path, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }

  at(name: string): string {
    return join(this.path, name);
  }

  load(name = "policy.ts"): Promise<PolicyDefinition> {
    return loadUserPolicy(this.at(name), ORIGIN);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true });
  }
}

/** A policy whose name is an expression. */
const named = (expression: string, before = ""): string =>
  `import { definePolicy, z } from "torana";\n${before}\nexport const policy = definePolicy({ name: ${expression}, ` +
  `phase: "request", options: z.strictObject({}), compile: () => ({}) });\n`;

const PLAIN = named('"plain"');

test("code that has not changed is the same object, whatever else changes", async () => {
  using folder = new Folder({ "policy.ts": PLAIN, "other.ts": "export {};" });
  const first = await folder.load();
  folder.write("other.ts", "export const x = 1;");
  assert.equal(await folder.load(), first);
  folder.write("policy.ts", `${PLAIN}// touched\n`);
  const second = await folder.load();
  assert.notEqual(second, first);
  folder.write("policy.ts", PLAIN);
  assert.equal(await folder.load(), first, "what was there before is still there");
  assert.equal(userPolicyVersions().get(folder.at("policy.ts")), 2);
});

test("a change far down loads anew all that stands above it, and nothing beside it", async () => {
  using folder = new Folder({
    "policy.ts": named("a", 'import { a } from "./a.ts"; import "./beside.ts";'),
    "a.ts": 'export { b as a } from "./lib/b.ts";',
    "lib/b.ts": 'export const b: string = "one";',
    "beside.ts": "export {};",
  });
  assert.equal((await folder.load()).name, "one");
  folder.write("lib/b.ts", 'export const b: string = "two";');
  assert.equal((await folder.load()).name, "two");
  const counts = ["policy.ts", "a.ts", "lib/b.ts", "beside.ts"].map((name) =>
    userPolicyVersions().get(folder.at(name)),
  );
  assert.deepEqual(counts, [2, 2, 2, 1]);
});

test("two policies share what both import", async () => {
  using folder = new Folder({
    "shared.ts": "export const seen: string[] = []; export const next = () => `p${seen.push('x')}`;",
    "one.ts": named("next()", 'import { next } from "./shared.ts";'),
    "two.ts": named("next()", 'import { next } from "./shared.ts";'),
  });
  assert.deepEqual([(await folder.load("one.ts")).name, (await folder.load("two.ts")).name], ["p1", "p2"]);
});

test("imports in a circle, JSON, dynamic imports and names of package.json are followed", async () => {
  using folder = new Folder({
    "package.json": '{ "type": "commonjs", "imports": { "#lib": "./lib.ts" } }',
    "policy.ts": named(
      "[circle(), data.word, lib, late].join('-')",
      `import { circle } from "./circle.ts"; import data from "./data.json" with { type: "json" };
       import { lib } from "#lib"; const { late } = await import("./late.js"); export const end = "c";`,
    ),
    "circle.ts": 'import { end } from "./policy.ts"; export const circle = () => end;',
    "data.json": '{ "word": "d" }',
    "lib.ts": 'export const lib: string = "l";',
    "late.js": 'export const late = "t";',
  });
  assert.equal((await folder.load()).name, "c-d-l-t");
  folder.write("data.json", '{ "word": "e" }');
  assert.equal((await folder.load()).name, "c-e-l-t");
  folder.write("lib.ts", 'export const lib: string = "m";');
  assert.equal((await folder.load()).name, "c-e-m-t");
  folder.write("late.js", 'export const late = "u";');
  assert.equal((await folder.load()).name, "c-e-m-u");
});

test("a path that is computed is read when it is imported", async () => {
  using folder = new Folder({
    "policy.ts": named("late", 'const name = "late"; const { late } = await import(`./${name}.ts`);'),
    "late.ts": 'export const late: string = "one";',
  });
  assert.equal((await folder.load()).name, "one");
  folder.write("late.ts", 'export const late: string = "two";');
  folder.write(
    "policy.ts",
    named("late", 'const name = "late"; const { late } = await import(`./${name}.ts`); '),
  );
  assert.equal((await folder.load()).name, "two");
});

test("packages are found beside the policy, and are not loaded anew", async () => {
  using folder = new Folder({
    "node_modules/words/package.json": '{ "type": "module", "exports": "./index.js" }',
    "node_modules/words/index.js": 'export const word = "one";',
    "policies/policy.ts": named("word", 'import { word } from "words";'),
  });
  const first = await folder.load("policies/policy.ts");
  assert.equal(first.name, "one");
  folder.write("node_modules/words/index.js", 'export const word = "two";');
  assert.equal(await folder.load("policies/policy.ts"), first);
  assert.deepEqual(dependenciesOf(folder.at("policies/policy.ts")), [folder.at("policies/policy.ts")]);
});

test("torana is the running instance, also beside a package of that name", async () => {
  using folder = new Folder({
    "node_modules/torana/package.json": '{ "type": "module", "exports": "./index.js" }',
    "node_modules/torana/index.js": 'throw new Error("another instance");',
    "policy.ts": named(
      "Reply === globalThis.toranaReply ? 'same' : 'other'",
      'import { Reply } from "torana"; import { describePolicy } from "torana/testing"; void describePolicy;',
    ),
  });
  const { Reply } = await import("../index.ts");
  Object.assign(globalThis, { toranaReply: Reply });
  assert.equal((await folder.load()).name, "same");
});

test("what was read is what is loaded, whatever the files hold by then", async () => {
  using folder = new Folder({
    "policy.ts": named("word", 'import { word } from "./word.ts";'),
    "word.ts": 'export const word: string = "read";',
  });
  const code = JSON.stringify([...readUserCode([folder.at("policy.ts")]).values()]);
  folder.write("word.ts", "const = ;");
  rmSync(folder.at("policy.ts"));
  const files: ReturnType<typeof readUserCode> = new Map(
    (JSON.parse(code) as { url: string }[]).map((file) => [file.url, file as never]),
  );
  const policy = await loadUserPolicy(folder.at("policy.ts"), ORIGIN, files);
  assert.equal(policy.name, "read");
  assert.equal(await loadUserPolicy(folder.at("policy.ts"), ORIGIN, files), policy);
});

test("each thread loads for itself", async () => {
  using folder = new Folder({ "policy.ts": PLAIN });
  await folder.load();
  const url = new URL("./user-policies.ts", import.meta.url).href;
  const script = `
    const { parentPort } = require("node:worker_threads");
    import(${JSON.stringify(url)}).then(async ({ loadUserPolicy, userPolicyVersions }) => {
      const { name } = await loadUserPolicy(${JSON.stringify(folder.at("policy.ts"))}, { file: "f", path: [] });
      parentPort.postMessage([name, userPolicyVersions().size]);
    });`;
  const worker = new Worker(script, { eval: true });
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  worker.once("message", resolve).once("error", reject);
  assert.deepEqual(await promise, ["plain", 1]);
  await worker.terminate();
});

test("files that are imported and not there are among those to watch", () => {
  using folder = new Folder({
    "policy.ts": 'import "./a.ts"; import "./b/none.ts"; import "node:fs";',
    "a.ts": "",
  });
  assert.deepEqual(
    dependenciesOf(folder.at("policy.ts")).sort(),
    ["a.ts", "b/none.ts", "policy.ts"].map((name) => folder.at(name)),
  );
});

test("after a failure the same code is tried again", async () => {
  Object.assign(globalThis, { toranaTries: 0 });
  using folder = new Folder({
    "policy.ts": named("x", 'import { x } from "./x.ts";'),
    "x.ts":
      'if ((globalThis as any).toranaTries++ === 0) throw new Error("not yet"); export const x = "now";',
  });
  await assert.rejects(folder.load(), /x\.ts:1:\d+: not yet/);
  assert.equal((await folder.load()).name, "now");
});

/** What is wrong, where it must be told (relative to the folder; the config where it is undefined), and what is said. */
const problems: readonly [
  title: string,
  files: Record<string, string>,
  place: string | undefined,
  said: RegExp,
][] = [
  ["a syntax error", { "policy.ts": `${PLAIN}const = 3;` }, "policy.ts:4:7", /Unexpected token/],
  ["a syntax error in plain JavaScript", { "policy.ts": PLAIN.replace("policy", "1a") }, "policy.ts:3", /./],
  [
    "an enum",
    { "policy.ts": `enum A { X }\n${PLAIN}` },
    "policy.ts:1:1",
    /enum is not supported.*const object/,
  ],
  [
    "a missing file",
    { "policy.ts": named("a", '\nimport { a } from "./none.ts";') },
    "policy.ts:3:19",
    /Cannot find module .*none\.ts'; correct the import's path/,
  ],
  [
    "a missing package",
    { "policy.ts": named("a", 'import { a } from "no-such-package/sub";') },
    "policy.ts:2:19",
    /there is no package "no-such-package"; .*npm install no-such-package/,
  ],
  [
    "a missing part of Node",
    { "policy.ts": 'import "node:none";' },
    "policy.ts:1:8",
    /No such built-in module/,
  ],
  [
    "a missing export",
    { "policy.ts": named("a", 'import { a } from "./b.ts";'), "b.ts": "export const b = 1;" },
    "policy.ts:2:10",
    /'\.\/b\.ts' does not provide an export named 'a'/,
  ],
  [
    "a throw in a file below",
    {
      "policy.ts": named("a", 'import { a } from "./b.ts";'),
      "b.ts": 'function f(): never {\n  throw new TypeError("oh no");\n}\nexport const a = f();',
    },
    "b.ts:2:9",
    /oh no/,
  ],
  ["a throw of no error", { "policy.ts": 'throw "text";' }, "policy.ts", /threw "text"/],
  [
    "a name that no config could use",
    { "policy.ts": named('"Bad Name"') },
    "policy.ts:3:",
    /lower case words/,
  ],
  ["a misspelt phase", { "policy.ts": PLAIN.replace('"request"', '"reqest"') }, "policy.ts:3:", /"reqest"/],
  [
    "a policy without definePolicy",
    { "policy.js": 'export const p = { name: "p", phase: "never", compile() {} };' },
    "policy.js",
    /phase of p is one of/,
  ],
  [
    "CommonJS",
    { "policy.ts": named("a", 'import { a } from "./b.cjs";'), "b.cjs": "exports.a = 1" },
    "policy.ts:2:19",
    /b\.cjs is CommonJS.*ES module/,
  ],
  ["a file that is not there", {}, undefined, /policy\.ts cannot be read; correct the path/],
  [
    "a file without a policy",
    { "policy.ts": "export const a = 1;" },
    undefined,
    /exports no policy; write: export/,
  ],
  [
    "a file with two policies",
    { "policy.ts": `${PLAIN}\nexport const another = definePolicy({ ...policy, name: "another" });` },
    undefined,
    /exports 2 policies; leave one/,
  ],
];

for (const [title, files, place, said] of problems)
  test(`tells of ${title}`, async () => {
    using folder = new Folder(files);
    const error = await folder.load("policy.js" in files ? "policy.js" : "policy.ts").then(
      () => assert.fail("it was loaded"),
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof ConfigError, String(error));
    const start = place === undefined ? "torana.yaml: policies[0]: " : folder.at(place);
    assert.ok(error.message.startsWith(start), `${error.message} is not at ${start}`);
    assert.match(error.message, said);
    assert.doesNotMatch(error.message, /\n|[?&]v=|node:internal|at .*\.ts:\d+\)/);
    assert.equal(error.problems.length, 1);
  });
