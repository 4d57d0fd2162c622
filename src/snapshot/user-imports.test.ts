import assert from "node:assert/strict";
import { test } from "node:test";
import { importsIn, placeIn } from "./user-imports.ts";

const found: readonly [title: string, text: string, specifiers: readonly string[]][] = [
  ["a named import", 'import { a } from "./a.ts";', ["./a.ts"]],
  ["single quotes", "import a from './a.ts'", ["./a.ts"]],
  ["an import for its effect", 'import "./a.ts"', ["./a.ts"]],
  ["no space", 'import{a}from"./a.ts"', ["./a.ts"]],
  ["several lines", 'import {\n  a,\n  b,\n} from\n  "./a.ts";', ["./a.ts"]],
  ["an export of another's", 'export * from "./a.ts"; export { b } from "./b.ts";', ["./a.ts", "./b.ts"]],
  ["a dynamic import", 'await import("./a.ts"); import( `./b.ts` )', ["./a.ts", "./b.ts"]],
  ["attributes", 'import d from "./d.json" with { type: "json" };', ["./d.json"]],
  ["comments between", 'import a from /* it\'s */ // here\n "./a.ts"', ["./a.ts"]],
  ["a package", 'import { z } from "torana";', ["torana"]],
  ["a computed path", "await import(name); await import(`./${name}.ts`)", []],
  ["nothing", "const from = 1; const text = 'import';", []],
];

for (const [title, text, specifiers] of found)
  test(`finds ${title}`, () =>
    assert.deepEqual(
      importsIn(text).map(({ specifier }) => specifier),
      specifiers,
    ));

test("tells where the quote opens", () => {
  const text = 'const one = 1;\n  import "./a.ts";\n';
  assert.deepEqual(placeIn(text, importsIn(text)[0]!.index), { line: 2, column: 10 });
});

test("a text of quotes and comments takes time in proportion", () => {
  const text = `${"import /* a */ // b\n".repeat(20_000)}${"from ".repeat(20_000)}`;
  assert.deepEqual(importsIn(text), []);
});
