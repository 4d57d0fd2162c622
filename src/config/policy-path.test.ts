import assert from "node:assert/strict";
import { resolve } from "node:path";
import { test } from "node:test";
import { isPolicyFile, withPolicyPaths, writtenPolicyKey } from "./policy-path.ts";

test("tells the paths of files from names", () => {
  for (const key of ["./a.ts", "../a.ts", "/etc/torana/a.ts", "./a/b.js", "./a.mjs", "./a.mts"])
    assert.equal(isPolicyFile(key), true, key);
  for (const key of ["headers", "a.ts", "policies/a.ts", "./a", "./a.yaml", "./a.cjs", ".../a.ts"])
    assert.equal(isPolicyFile(key), false, key);
});

test("makes paths absolute wherever policies stand", () => {
  const own = { "./p.ts": { a: 1 } };
  const meant = { "/etc/torana/p.ts": { a: 1 } };
  const written = {
    policies: [own, { headers: {} }],
    routes: [{ policies: [own], split: [{ policies: [own] }], routes: [{ policies: [own] }] }],
    services: { main: { policies: [own] } },
  };
  assert.deepEqual(withPolicyPaths(written, "/etc/torana/torana.yaml"), {
    policies: [meant, { headers: {} }],
    routes: [{ policies: [meant], split: [{ policies: [meant] }], routes: [{ policies: [meant] }] }],
    services: { main: { policies: [meant] } },
  });
});

test("a path is relative to the file that it stands in", () => {
  const { policies } = withPolicyPaths({ policies: [{ "../p.ts": {} }] }, "config/torana.yaml");
  assert.deepEqual(policies, [{ [resolve("p.ts")]: {} }]);
});

test("problems show a key as it would be written", () => {
  const file = "config/torana.yaml";
  for (const key of ["./p.ts", "./a/p.ts", "../p.ts"])
    assert.equal(writtenPolicyKey(resolve("config", key), file), key);
  assert.equal(writtenPolicyKey("headers", file), "headers");
});
