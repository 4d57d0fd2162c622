import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { compileClaim } from "../pipeline/claim.ts";
import { claimConditions, compileClaims, scopesOf } from "./claim-rules.ts";

describe("claims", () => {
  test("are read by their whole name first, then by the dots in it; nothing is inherited", () => {
    const claims = { "a.b": 1, a: { b: 2, c: { d: 3 } }, list: [{ x: 4 }], none: null };
    const cases: [name: string, value: unknown][] = [
      ["a.b", 1],
      ["a.c.d", 3],
      ["list.0.x", 4],
      ["none", null],
      ["a.b.c", undefined],
      ["none.x", undefined],
      ["constructor", undefined],
      ["a.constructor.name", undefined],
      ["list.length", 1],
      ["toString", undefined],
    ];
    for (const [name, value] of cases) assert.deepEqual(compileClaim(name)(claims), value, name);
  });

  test("meet a condition by a value, one of several, all of several, or an expression", () => {
    const cases: [condition: unknown, good: unknown[], bad: unknown[]][] = [
      ["a", ["a", ["b", "a"]], ["b", [], undefined, null, ["A"], { a: "a" }, "aa"]],
      [1, [1, [1]], ["1", true, [[1]]]],
      [true, [true], ["true", 1]],
      [
        ["a", "b"],
        ["a", ["b", "c"]],
        ["c", []],
      ],
      [{ all: ["a", "b"] }, [["b", "a", "c"]], ["a", ["a"], []]],
      [{ regex: "a|b" }, ["a", "b", ["x", "a"]], ["ab", "xa", 1, [], undefined]],
    ];
    for (const [condition, good, bad] of cases) {
      const check = compileClaims(claimConditions.parse({ c: condition }));
      for (const c of good) assert.equal(check({ c }), undefined, JSON.stringify([condition, c]));
      for (const c of bad) assert.equal(check({ c }), "c", JSON.stringify([condition, c]));
    }
  });

  test("all conditions must be met; the first that is not is named", () => {
    const check = compileClaims({ a: 1, "b.c": ["x"] });
    assert.equal(check({ a: 1, b: { c: "x" } }), undefined);
    assert.equal(check({ a: 1 }), "b.c");
    assert.equal(check({}), "a");
    assert.equal(compileClaims({})({}), undefined);
  });

  test("that are no conditions are refused", () => {
    for (const wrong of [
      { a: [] },
      { a: { all: [] } },
      { a: { regex: "(" } },
      { a: null },
      { "": 1 },
      { a: { any: ["x"] } },
    ])
      assert.equal(claimConditions.safeParse(wrong).success, false, JSON.stringify(wrong));
  });

  test("grant scopes as a text or a list, of scope before scp", () => {
    assert.deepEqual(scopesOf({ scope: "a  b" }), ["a", "b"]);
    assert.deepEqual(scopesOf({ scp: ["a", 1, "b"] }), ["a", "b"]);
    assert.deepEqual(scopesOf({ scope: "", scp: "a" }), []);
    assert.deepEqual(scopesOf({ scope: { a: 1 } }), []);
    assert.deepEqual(scopesOf({}), []);
  });
});
