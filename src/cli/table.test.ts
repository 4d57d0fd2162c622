import assert from "node:assert/strict";
import { join } from "node:path";
import { suite, test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { shortPath, table } from "./table.ts";

const plain = (lines: readonly string[]): string[] => lines.map(stripVTControlCharacters);

suite("a table", () => {
  test("columns stand below one another, and an empty one is left out", () => {
    const rows = [
      ["a", "", "1"],
      ["long name", "", "\u001b[31mred\u001b[39m"],
    ];
    assert.deepEqual(plain(table(["NAME", "NONE", "VALUE"], rows, 80)), [
      "NAME       VALUE",
      "a          1",
      "long name  red",
    ]);
  });

  test("where it is too wide the widest columns are broken, at spaces if there are any", () => {
    const rows = [["short", "words that go on and on", "a-word-that-has-no-space"]];
    const lines = plain(table(["A", "B", "C"], rows, 36));
    assert.deepEqual(lines, [
      "A      B             C",
      "short  words that    a-word-that-has",
      "       go on and on  -no-space",
    ]);
    assert.ok(lines.every(({ length }) => length <= 36));
  });

  test("columns are not made so narrow that nothing can be read", () => {
    const lines = plain(table(["A", "B"], [["x".repeat(30), "y".repeat(30)]], 5));
    assert.equal(lines[1], `${"x".repeat(12)}  ${"y".repeat(12)}`);
    assert.equal(lines.length, 4);
  });

  test("without rows there is nothing to show", () => {
    assert.deepEqual(plain(table(["A", "B"], [], 80)).join(""), "");
  });
});

test("a path is told from here where that is shorter", () => {
  assert.equal(shortPath(join(process.cwd(), "a", "torana.yaml")), join("a", "torana.yaml"));
  assert.equal(shortPath("/x"), "/x");
  assert.equal(shortPath("headers"), "headers");
});
