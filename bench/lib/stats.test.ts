import assert from "node:assert/strict";
import { test } from "node:test";
import { median, ratios, spread } from "./stats.ts";

test("the median is the middle, or the mean of the two in the middle", () => {
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([9, 1, 5, 6]), 5.5);
  assert.throws(() => median([]), RangeError);
});

test("the spread does not depend on the order", () => {
  assert.deepEqual(spread([3, 1, 2]), { min: 1, median: 2, max: 3 });
});

test("ratios are formed round by round", () => {
  assert.deepEqual(ratios([2, 9], [1, 3]), [2, 3]);
});
