/**
 * The public contract, frozen: what tsc declares for everything that "torana" and "torana/testing" export, and for the
 * ports underneath, stands in api/. A change that is meant is taken over with
 *
 *     UPDATE_CONTRACT=1 node --test test/contract/api.test.ts
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SNAPSHOTS = fileURLToPath(new URL("api/", import.meta.url));
const CURE = "if it is meant: UPDATE_CONTRACT=1 node --test test/contract/api.test.ts";

/** Where the exported names are listed by hand. */
const ENTRIES = ["index", "testing/index"];
/** Contracts between the rooms: all that these files declare. */
const WHOLE = ["lib/body", "lib/request", "pipeline/phases", "pipeline/policy", "pipeline/ports"];

const out = mkdtempSync(join(tmpdir(), "torana-contract-"));
after(() => rmSync(out, { recursive: true }));

/** Lets tsc write the declarations, without what is marked as internal and without comments. */
function emit(): void {
  const config = {
    extends: join(ROOT, "tsconfig.json"),
    compilerOptions: {
      ...{ noEmit: false, declaration: true, emitDeclarationOnly: true, noCheck: true },
      ...{ stripInternal: true, removeComments: true, newLine: "lf" },
      ...{ rootDir: join(ROOT, "src"), outDir: out, typeRoots: [join(ROOT, "node_modules/@types")] },
    },
    files: [...ENTRIES, ...WHOLE].map((name) => join(ROOT, "src", `${name}.ts`)),
    include: [],
  };
  const file = join(out, "tsconfig.json");
  writeFileSync(file, JSON.stringify(config));
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  const { stdout, stderr } = spawnSync(process.execPath, [tsc, "-p", file], { encoding: "utf8" });
  for (const name of ENTRIES) assert.ok(existsSync(pathOf(name)), `nothing was emitted: ${stdout}${stderr}`);
}

const pathOf = (name: string): string => join(out, `${name}.d.ts`);
const declared = (name: string): string => readFileSync(pathOf(name), "utf8");

/** The files that an entry exports from, and the names that it takes from each. */
function exportsOf(entry: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  const folder = entry.includes("/") ? `${entry.slice(0, entry.lastIndexOf("/"))}/` : "";
  for (const [, names = "", from = ""] of declared(entry).matchAll(
    /^export (?:type )?\{([^}]*)\} from "(.*)\.ts";$/gm,
  )) {
    const file = join(folder, from);
    const list = names.split(",").map((name) => name.replace(/^\s*type\s/, "").trim());
    found.set(file, [...(found.get(file) ?? []), ...list.filter((name) => name !== "")]);
  }
  return found;
}

/** The declarations of a file by their names. */
function declarationsOf(name: string): Map<string, string> {
  const statements = declared(name).split(/^(?=export )/m);
  return new Map(
    statements.flatMap((text) => {
      const [, own] = /^export (?:declare )?(?:class|const|function|interface|type) (\w+)/.exec(text) ?? [];
      return own === undefined ? [] : [[own, text.trimEnd()] as const];
    }),
  );
}

/** The contract as it is now: a text for each file of the source that has a part in it. */
function contract(): Map<string, string> {
  emit();
  const texts = new Map<string, string>();
  for (const entry of ENTRIES) {
    texts.set(entry, declared(entry));
    for (const [file, names] of exportsOf(entry)) {
      const all = declarationsOf(file);
      const kept = WHOLE.includes(file) ? [...all.keys()] : names;
      const parts = kept.map((name) => {
        const text = all.get(name);
        assert.ok(text !== undefined, `${file} declares no ${name}`);
        return text;
      });
      texts.set(file, `${parts.join("\n")}\n`);
    }
  }
  for (const file of WHOLE) texts.set(file, `${[...declarationsOf(file).values()].join("\n")}\n`);
  return new Map([...texts].map(([file, text]) => [`${file.replaceAll("/", "-")}.d.ts`, text]));
}

/** What is only in one of two texts, a line each. */
function difference(before: string, now: string): string {
  const [old, fresh] = [before.split("\n"), now.split("\n")];
  const gone = old.filter((line) => !fresh.includes(line)).map((line) => `- ${line}`);
  const came = fresh.filter((line) => !old.includes(line)).map((line) => `+ ${line}`);
  return [...gone, ...came].join("\n") || "(the same lines in another order)";
}

const now = contract();

if (process.env["UPDATE_CONTRACT"] === "1") {
  mkdirSync(SNAPSHOTS, { recursive: true });
  for (const file of readdirSync(SNAPSHOTS)) rmSync(join(SNAPSHOTS, file));
  for (const [file, text] of now) writeFileSync(join(SNAPSHOTS, file), text);
}

for (const [file, text] of now)
  test(`the contract of ${file} is as it was`, () => {
    const path = join(SNAPSHOTS, file);
    const before = existsSync(path) ? readFileSync(path, "utf8") : "";
    if (before !== text) assert.fail(`the contract changed; ${CURE}\n${difference(before, text)}`);
  });

test("the contract has lost no file", () => {
  assert.deepEqual(readdirSync(SNAPSHOTS).sort(), [...now.keys()].sort(), CURE);
});
