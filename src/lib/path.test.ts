import assert from "node:assert/strict";
import { test } from "node:test";
import { normalizePath, type PathRules } from "./path.ts";

const DEFAULT: PathRules = { slashes: "merge", encodedSlash: "keep" };

/** Checks what each path becomes; undefined for a path that is refused. */
function expectPaths(rules: Partial<PathRules>, expected: Record<string, string | undefined>): void {
  const whole = { ...DEFAULT, ...rules };
  const seen = Object.fromEntries(Object.keys(expected).map((path) => [path, normalizePath(path, whole)]));
  assert.deepEqual(seen, expected);
}

test("a plain path stays as it is", () => {
  for (const path of [
    "/",
    "/a",
    "/a/",
    "/a/b/c",
    "/orders/17/items",
    "/.well-known/acme",
    "/a/.hidden",
    "/a/..b",
    "/a/b..",
    "/a/...",
    "/a.b/c.d",
    "/a;v=1/b,c",
    "/~user/-_.~",
    "/a:b@c!$&'()*+=",
    "*",
  ])
    assert.equal(normalizePath(path, DEFAULT), path);
});

test("what is not a path is refused", () => {
  expectPaths({}, { "": undefined, a: undefined, "a/b": undefined, "**": undefined, "*/": undefined });
});

test("encodings that are not needed go, all others are written in upper case", () => {
  expectPaths(
    {},
    {
      "/%61": "/a",
      "/%41%5A%7a": "/AZz",
      "/%30%39": "/09",
      "/%2D%5f%7E%2e%61": "/-_~.a",
      "/%7euser": "/~user",
      "/a%20b": "/a%20b",
      "/a%3fb": "/a%3Fb",
      "/a%23b": "/a%23b",
      "/a%3bb": "/a%3Bb",
      "/a%2bb%3D": "/a%2Bb%3D",
      "/%25": "/%25",
      "/%2561": "/%2561",
      "/%252e%252e/a": "/%252e%252e/a",
      "/%252f": "/%252f",
      "/a%0ab%1f%7f": "/a%0Ab%1F%7F",
      "/caf%c3%a9": "/caf%C3%A9",
      "/%e2%82%ac": "/%E2%82%AC",
      "/%f0%9f%98%80/x": "/%F0%9F%98%80/x",
      "/%f4%8f%bf%bf": "/%F4%8F%BF%BF",
      "/%ee%80%80%61": "/%EE%80%80a",
    },
  );
});

test("a percent sign without two digits, a NUL and what is no UTF-8 are refused", () => {
  expectPaths(
    {},
    {
      "/%": undefined,
      "/%4": undefined,
      "/%zz": undefined,
      "/a%6": undefined,
      "/%61%": undefined,
      "/%u0041": undefined,
      "/%00": undefined,
      "/a%00.png": undefined,
      "/%c0%af": undefined,
      "/%c0%ae%c0%ae/": undefined,
      "/%c1%9c": undefined,
      "/%e0%80%af": undefined,
      "/%e0%9f%bf": undefined,
      "/%f0%80%80%af": undefined,
      "/%f0%8f%bf%bf": undefined,
      "/%ed%a0%80": undefined,
      "/%ed%bf%bf": undefined,
      "/%f4%90%80%80": undefined,
      "/%f5%80%80%80": undefined,
      "/%f8%80%80%80%af": undefined,
      "/%fe": undefined,
      "/%ff": undefined,
      "/%80": undefined,
      "/%c3": undefined,
      "/%c3a": undefined,
      "/%c3/%a9": undefined,
      "/%e2%82": undefined,
      "/%e9": undefined,
    },
  );
});

test("dot segments go, encoded ones too; what climbs above the root is refused", () => {
  expectPaths(
    {},
    {
      "/.": "/",
      "/./": "/",
      "/a/.": "/a/",
      "/a/./b": "/a/b",
      "/a/././b/.": "/a/b/",
      "/a/..": "/",
      "/a/../": "/",
      "/a/../b": "/b",
      "/a/b/../../c": "/c",
      "/a/b/..": "/a/",
      "/a/b/c/./../../g": "/a/g",
      "/a/%2e/b": "/a/b",
      "/a/%2E%2e/b": "/b",
      "/a/.%2e/b": "/b",
      "/a/%2e./b": "/b",
      "/a/%2e%2e": "/",
      "/%2e": "/",
      "/..": undefined,
      "/../": undefined,
      "/../a": undefined,
      "/a/../..": undefined,
      "/a/../../b": undefined,
      "/a/./../../b": undefined,
      "/%2e%2e/a": undefined,
      "/a/%2e%2e/%2e%2e/b": undefined,
      "//..": undefined,
      "/a/..;/b": "/a/..;/b",
    },
  );
});

test("several slashes become one, stay, or are refused", () => {
  expectPaths(
    {},
    {
      "//": "/",
      "//a": "/a",
      "/a//b": "/a/b",
      "/a///b//": "/a/b/",
      "/a//../b": "/b",
      "/a/.//b": "/a/b",
    },
  );
  expectPaths(
    { slashes: "keep" },
    { "//": "//", "//a": "//a", "/a//b": "/a//b", "/a///b//": "/a///b//", "/a//../b": "/a/b", "//..": "/" },
  );
  expectPaths(
    { slashes: "refuse" },
    {
      "//": undefined,
      "//a": undefined,
      "/a//b": undefined,
      "/a//": undefined,
      "/a/./b": "/a/b",
      "/a/": "/a/",
    },
  );
});

test("encoded slashes and backslashes stay, become a slash, or are refused", () => {
  expectPaths(
    {},
    {
      "/a%2fb": "/a%2Fb",
      "/a%2F%2fb": "/a%2F%2Fb",
      "/a%5cb": "/a%5Cb",
      "/a\\b": "/a%5Cb",
      "/%2f": "/%2F",
      "/a/..b%2fc": "/a/..b%2Fc",
    },
  );
  expectPaths(
    { encodedSlash: "decode" },
    {
      "/a%2fb": "/a/b",
      "/a%5Cb": "/a/b",
      "/a\\b": "/a/b",
      "/a%2F%2fb": "/a/b",
      "/%2f": "/",
      "/a/b%2f..%2fc": "/a/c",
      "/a%2f%2e%2e%2f%2e%2e/b": undefined,
      "/a%2561": "/a%2561",
    },
  );
  expectPaths({ slashes: "refuse", encodedSlash: "decode" }, { "/a%2f/b": undefined, "/a%2fb": "/a/b" });
  expectPaths(
    { encodedSlash: "refuse" },
    { "/a%2fb": undefined, "/a%2Fb": undefined, "/a%5cb": undefined, "/a\\b": undefined, "/a%20b": "/a%20b" },
  );
});

test("an encoded slash that is kept hides no way up", () => {
  expectPaths(
    {},
    {
      "/a/..%2fb": undefined,
      "/a/..%2f..%2fetc": undefined,
      "/a%2f..": undefined,
      "/a/%2e%2e%5cb": undefined,
      "/a/..\\b": undefined,
      "/a/b%2f%2e%2e%2fc": undefined,
      "/a/.%2fb": "/a/.%2Fb",
      "/a/..b%2f..c": "/a/..b%2F..c",
    },
  );
});

test("a path that was made plain is plain", () => {
  const pieces = ["/", "//", ".", "..", "a", "%2e", "%2F", "%61", "%25", "%c3%a9", "%5c", "b", "%00", "%ff"];
  let state = 7;
  const draw = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
  let plain = 0;
  for (let round = 0; round < 5_000; round++) {
    let path = "/";
    for (let left = draw(10); left > 0; left--) path += pieces[draw(pieces.length)]!;
    for (const slashes of ["merge", "keep", "refuse"] as const)
      for (const encodedSlash of ["keep", "decode", "refuse"] as const) {
        const once = normalizePath(path, { slashes, encodedSlash });
        if (once === undefined) continue;
        plain++;
        assert.equal(normalizePath(once, { slashes, encodedSlash }), once, path);
        assert.doesNotMatch(once, /(?:^|\/)\.{1,2}(?:\/|$)|%(?:2[Ee]|61|00)/, path);
      }
  }
  assert.ok(plain > 5_000);
});
