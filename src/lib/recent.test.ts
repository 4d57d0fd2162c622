import assert from "node:assert/strict";
import { test } from "node:test";
import { Recent } from "./recent.ts";

test("what was used lately stays, the rest is forgotten, and there are never more than two generations", () => {
  const recent = new Recent<number, string>(10);
  recent.set(-1, "used");
  for (let i = 0; i < 1_000; i++) {
    recent.set(i, `${i}`);
    assert.equal(recent.get(-1), "used");
    assert.equal(recent.get(i), `${i}`);
    assert.ok(recent.size <= 20);
  }
  assert.equal(recent.get(0), undefined);
  assert.equal(recent.get(995), "995");
});

test("what is taken away is not found in either generation", () => {
  const recent = new Recent<number, string>(2);
  for (let i = 0; i < 4; i++) recent.set(i, `${i}`);
  recent.get(0);
  recent.delete(0);
  recent.delete(3);
  assert.deepEqual([recent.get(0), recent.get(3), recent.get(2)], [undefined, undefined, "2"]);
  recent.clear();
  assert.deepEqual([recent.get(2), recent.size], [undefined, 0]);
});
