import assert from "node:assert/strict";
import { test } from "node:test";
import { Histogram } from "./histogram.ts";

test("small latencies are counted exactly", () => {
  const histogram = new Histogram();
  for (let value = 1; value <= 500; value += 1) histogram.record(value);
  assert.equal(histogram.total, 500);
  assert.equal(histogram.quantile(0.5), 250);
  assert.equal(histogram.quantile(0.99), 495);
  assert.equal(histogram.quantile(1), 500);
  assert.equal(histogram.max, 500);
});

test("a quantile of large latencies is right to half a percent, at every bucket's edge", () => {
  for (let exponent = 9; exponent < 26; exponent += 1) {
    for (const value of [
      2 ** exponent - 1,
      2 ** exponent,
      2 ** exponent + 1,
      Math.round(1.7 * 2 ** exponent),
    ]) {
      const histogram = new Histogram();
      histogram.record(value);
      histogram.record(2 ** 26);
      const found = histogram.quantile(0.5);
      assert.ok(found >= value && found <= value * 1.005, `${value} was reported as ${found}`);
    }
  }
});

test("a quantile never exceeds the largest latency seen", () => {
  const histogram = new Histogram();
  histogram.record(1_000_003);
  assert.equal(histogram.quantile(0.999), 1_000_003);
});

test("what lies beyond the last bucket is counted there, and the maximum stays exact", () => {
  const histogram = new Histogram();
  histogram.record(10 ** 9);
  assert.equal(histogram.total, 1);
  assert.equal(histogram.max, 10 ** 9);
});
