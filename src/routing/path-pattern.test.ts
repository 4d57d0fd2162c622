import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { PathCondition } from "../config/values.ts";
import { compilePath } from "./path-pattern.ts";

suite("parameters of a path", () => {
  const cases: readonly (readonly [PathCondition, string, Record<string, string>])[] = [
    ["/a", "/a", {}],
    ["/a/*", "/a/b", {}],
    ["/a/{x}", "/a/1", { x: "1" }],
    ["/{x}/b/{y}", "/1/b/2", { x: "1", y: "2" }],
    ["/{x}/*", "/1/b/c", { x: "1" }],
    ["/{x}", "/a%20b%2Fc%C3%A9+", { x: "a b/cé+" }],
    ["/{x}", "/%FF%41", { x: "%FF%41" }],
    ["/{x}", "/%C3", { x: "%C3" }],
    ["/{constructor}/{toString}", "/1/2", { constructor: "1", toString: "2" }],
    [{ regex: "/a.*" }, "/ab", {}],
    [{ regex: "/([a-z]+)/([0-9]+)" }, "/a/7", { "1": "a", "2": "7" }],
    [{ regex: "/(?<name>.+)/x" }, "/a%2Fb/x", { "1": "a/b", name: "a/b" }],
    [{ regex: "/a(b)?" }, "/a", { "1": "" }],
    [{ regex: "/(a)" }, "/b", {}],
  ];
  for (const [written, path, params] of cases)
    test(`${JSON.stringify(written)} ${path}`, () =>
      assert.deepEqual({ ...compilePath(written).params(path) }, params));

  test("a name that every object has is a parameter like others", () => {
    const params = compilePath("/{__proto__}").params("/x");
    assert.deepEqual(Object.entries(params), [["__proto__", "x"]]);
  });
});

suite("the length of a prefix", () => {
  const cases: readonly (readonly [PathCondition, string, number])[] = [
    ["/*", "/a/b", 0],
    ["/a/*", "/a", 2],
    ["/a/*", "/a/", 2],
    ["/a/*", "/a/b/c", 2],
    ["/a/{x}/*", "/a/123/c", 6],
    ["/a/{x}/*", "/a/123", 6],
    ["/a/{x}/*", "/a", 2],
    ["/a/b", "/a/b", 4],
    ["/a/{x}", "/a/b", 4],
    [{ regex: "/.*" }, "/a/b", 4],
  ];
  for (const [written, path, length] of cases)
    test(`${JSON.stringify(written)} ${path}`, () =>
      assert.equal(compilePath(written).prefixLength(path), length));
});
