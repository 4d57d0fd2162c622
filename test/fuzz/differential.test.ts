import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { fuzz } from "./fuzz.ts";
import { readByLlhttp } from "./llhttp.ts";
import { WHY_REFUSED } from "./refused.ts";
import { findingsText, type Tally } from "./tally.ts";

suite("our readers beside llhttp", () => {
  test("50,000 inputs of a fixed seed", async () => {
    check(await fuzz(50_000, 1, () => undefined));
  });

  test("50,000 inputs of a random seed", async (t) => {
    const seed = Math.floor(Math.random() * 1_000_000_000);
    t.diagnostic(`node test/fuzz/differential.ts --count 50000 --seed ${seed}`);
    check(await fuzz(50_000, seed, () => undefined));
  });

  test("llhttp is strict and tells what it read", () => {
    const ask = (text: string) =>
      readByLlhttp({ side: "request", method: "GET", bytes: Buffer.from(text, "latin1") });
    const good = ask(
      "POST /a HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nT: u\r\n\r\n",
    );
    assert.equal(good.refusal, undefined);
    assert.deepEqual(
      good.messages.map(({ method, target, body, trailers }) => [method, target, body, trailers]),
      [["POST", "/a", "x", [["t", "u"]]]],
    );
    assert.match(ask("GET / HTTP/1.1\nHost: a\n\n").refusal ?? "", /^HPE_/);
    assert.match(ask("GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n").refusal ?? "", /^HPE_/);
  });
});

/** No defect, every well-formed refusal explained, and every kind of outcome met, or the inputs say nothing. */
function check(tally: Tally): void {
  assert.equal(findingsText(tally), "");
  const unexplained = [...tally.refusedWellFormed].filter(([reason]) => !WHY_REFUSED.has(reason));
  assert.deepEqual(unexplained, []);
  for (const side of ["request", "response"])
    for (const outcome of ["read alike", "refused by both", "refused by us only"])
      assert.ok((tally.classes.get(`${side}: ${outcome}`)?.number ?? 0) > 50, `${side}: ${outcome}`);
}
