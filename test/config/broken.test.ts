/** Broken configs: each is refused with its place and a cure, never served, never answered with a stack. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { readConfig } from "../../src/config/load.ts";
import { ConfigError, type ConfigProblem } from "../../src/config/problem.ts";
import { checkSnapshot } from "../../src/snapshot/check.ts";
import { HAND_MADE } from "./hand-made.ts";
import { type Broken, mutations } from "./mutations.ts";
import { RICH } from "./rich.ts";

/** What must not be shown to people: phrases of libraries, values of JavaScript, stacks. */
const FOREIGN =
  /Invalid input|expected \w+, received|Unrecognized key|\bundefined\b|\[object|\bNaN\b|zod|^\s+at /im;

let folder = "";

async function problemsOf(text: string, name = "torana.yaml"): Promise<readonly ConfigProblem[]> {
  const file = join(folder, name);
  writeFileSync(file, text);
  try {
    const { config, locate } = await readConfig(file);
    await checkSnapshot(config, file, locate);
  } catch (error) {
    assert.ok(error instanceof ConfigError, `not a ConfigError but ${(error as Error).stack}`);
    return error.problems;
  }
  return [];
}

async function check({ text, line, file }: Broken): Promise<void> {
  const problems = await problemsOf(text, file);
  assert.ok(problems.length > 0, `no problem was found in\n${text}`);
  const shown = problems.map((problem) => JSON.stringify(problem)).join("\n");
  assert.ok(
    problems.some((problem) => problem.line === line),
    `no problem is at line ${line}:\n${shown}`,
  );
  for (const { reason, cure, column } of problems) {
    assert.ok(cure !== undefined && cure.length > 3, `no cure:\n${shown}`);
    assert.ok(column !== undefined && column > 0, `no column:\n${shown}`);
    assert.doesNotMatch(`${reason}\n${cure}`, FOREIGN);
  }
}

suite("a broken config", () => {
  const generated = mutations(RICH);
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "torana-broken-"));
  });
  after(() => rmSync(folder, { recursive: true }));

  test("stems from one that is good, and there are many", async () => {
    assert.deepEqual(await problemsOf(RICH), []);
    const all = new Set([...generated, ...HAND_MADE].map(({ text }) => text));
    assert.ok(all.size >= 200, `only ${all.size}`);
  });

  for (const broken of generated) test(`by mutation: ${broken.title}`, () => check(broken));
  for (const broken of HAND_MADE) test(`by hand: ${broken.title}`, () => check(broken));

  test("is refused by the program: by check and by run", () => {
    const root = new URL("../../", import.meta.url);
    for (const broken of [...HAND_MADE.slice(0, 3), ...generated.slice(20, 22)]) {
      const file = join(folder, broken.file ?? "torana.yaml");
      writeFileSync(file, broken.text);
      for (const command of ["check", "run"]) {
        const { status, stderr, stdout } = spawnSync(process.execPath, ["src/main.ts", command, file], {
          cwd: root,
          encoding: "utf8",
          timeout: 60_000,
        });
        assert.equal(status, 2, `${command}: ${stdout}${stderr}`);
        assert.match(stderr, new RegExp(`${broken.file ?? "torana.yaml"}:${broken.line}:\\d+: `));
        assert.doesNotMatch(stderr, FOREIGN);
        assert.doesNotMatch(stdout, /listening|good/);
      }
    }
  });
});
