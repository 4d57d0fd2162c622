/** `torana policy`: what it writes works as it is, with no package beside it. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";

const ROOT = resolve(import.meta.dirname, "../..");

class Folder implements Disposable {
  readonly path: string = mkdtempSync(join(tmpdir(), "torana-policy-"));

  async torana(...args: string[]): Promise<{ code: number | null; output: string }> {
    const child = spawn(join(ROOT, "bin/torana"), ["policy", ...args], { cwd: this.path });
    const closed = new Promise<number | null>((done) => child.once("close", done));
    const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
    return { code, output: out + err };
  }

  read(name: string): string {
    return readFileSync(join(this.path, name), "utf8");
  }

  write(name: string, content: string): void {
    writeFileSync(join(this.path, name), content);
  }

  /** What tsc says of the policies. */
  types(): string {
    const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
    return spawnSync(process.execPath, [tsc, "-p", join(this.path, "policies")], { encoding: "utf8" }).stdout;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true });
  }
}

for (const [title, manifest] of [
  ["without a package.json", undefined],
  ["in a package of CommonJS", '{ "type": "commonjs" }'],
  ["in a package of modules", '{ "type": "module" }'],
] as const)
  test(`a new policy passes its test and the type check, ${title}`, async () => {
    using folder = new Folder();
    if (manifest !== undefined) folder.write("package.json", manifest);
    const { code, output } = await folder.torana("new", "tenant-id");
    assert.equal(code, 0, output);
    assert.match(output, /torana policy test policies\/tenant-id\.test\.ts/);
    assert.match(output, /- \.\/policies\/tenant-id\.ts: \{\}/);
    assert.equal(folder.types(), "");
    const tested = await folder.torana("test");
    assert.equal(tested.code, 0, tested.output);
    assert.match(tested.output, /pass 4\b/);
  });

test("the types that a policy is checked with are those of the gateway", async () => {
  using folder = new Folder();
  await folder.torana("new", "wrong");
  folder.write(
    "policies/wrong.ts",
    folder.read("policies/wrong.ts").replace("outgoing.fields", "outgoing.feilds"),
  );
  assert.match(folder.types(), /wrong\.ts\(\d+,\d+\): error TS2551: Property 'feilds' does not exist/);
});

test("a test that fails is an exit code of 1", async () => {
  using folder = new Folder();
  await folder.torana("new", "wrong", "--dir", "own");
  folder.write("own/wrong.ts", folder.read("own/wrong.ts").replace("status: 400", "status: 403"));
  const { code, output } = await folder.torana("test", "own/wrong.test.ts");
  assert.equal(code, 1, output);
  assert.match(output, /403 !== 400/);
});

test("what is there already stays", async () => {
  using folder = new Folder();
  await folder.torana("new", "one");
  folder.write("policies/one.ts", "// mine\n");
  folder.write("policies/tsconfig.json", "{}\n");
  const again = await folder.torana("new", "one");
  assert.equal(again.code, 1);
  assert.match(again.output, /policies\/one\.ts is there already; choose another name/);
  assert.equal(folder.read("policies/one.ts"), "// mine\n");
  assert.equal((await folder.torana("new", "two")).code, 0);
  assert.equal(folder.read("policies/tsconfig.json"), "{}\n");
  assert.equal(readdirSync(join(folder.path, "policies")).length, 5);
});

for (const [args, code, said] of [
  [[], 64, /new or test is needed/],
  [["make"], 64, /"make" is neither new nor test/],
  [["new"], 64, /one name is needed/],
  [["new", "a", "b"], 64, /one name is needed/],
  [["new", "Tenant"], 64, /lower case words joined by "-", not "Tenant"/],
  [["new", "../a"], 64, /lower case words/],
  [["new", "a", "--force"], 64, /Unknown option '--force'/],
  [["test", "none.test.ts"], 1, /there is no file none\.test\.ts/],
  [["test"], 1, /there are no tests in policies; torana policy new NAME/],
] as const)
  test(`torana policy ${args.join(" ")}: exit code ${code}`, async () => {
    using folder = new Folder();
    const result = await folder.torana(...args);
    assert.equal(result.code, code, result.output);
    assert.match(result.output, said);
    assert.doesNotMatch(result.output, /^ +at /m);
    assert.equal(existsSync(join(folder.path, "policies")), false);
  });
