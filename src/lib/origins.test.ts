import assert from "node:assert/strict";
import { test } from "node:test";
import { originSet } from "./origins.ts";

test("an origin is compared as browsers write it: in lower case, without the port that its scheme has anyway", () => {
  const allows = originSet(["https://Shop.example:443", "http://*.a.example:80", "https://b.example:8443"]);
  for (const origin of ["https://shop.example", "http://x.a.example", "https://b.example:8443"])
    assert.ok(allows(origin), origin);
  for (const origin of [
    "http://shop.example",
    "https://shop.example:80",
    "http://a.example",
    "https://x.a.example",
    "https://b.example",
    "https://b.example:443",
    "null",
    "https://shop.example, https://shop.example",
  ])
    assert.ok(!allows(origin), origin);
  assert.ok(originSet(["http://c.example:443"])("http://c.example:443"));
});
