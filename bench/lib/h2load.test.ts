import assert from "node:assert/strict";
import { test } from "node:test";
import { BenchFailure } from "./failure.ts";
import { parseH2load } from "./h2load.ts";

/** What h2load prints, with these requests and status codes. */
function printed(requests: string, codes: string): string {
  return [
    "starting benchmark...",
    "TLS Protocol: TLSv1.3",
    "Cipher: TLS_AES_128_GCM_SHA256",
    "Server Temp Key: X25519 253 bits",
    "Application protocol: h2",
    "",
    "finished in 1.50s, 400.00 req/s, 97.65KB/s",
    `requests: ${requests}`,
    `status codes: ${codes}`,
    "traffic: 146.48KB (150000) total, 5.86KB (6000) headers (space savings 90.00%), 87.89KB (90000) data",
  ].join("\n");
}

const WELL = "600 total, 610 started, 600 done, 600 succeeded, 0 failed, 0 errored, 0 timeout";

test("its report is read", () => {
  assert.deepEqual(parseH2load(printed(WELL, "604 2xx, 0 3xx, 0 4xx, 0 5xx")), {
    requests: 600,
    durationUs: 1_500_000,
    bytes: 150_000,
    version: "TLSv1.3",
    suite: "TLS_AES_128_GCM_SHA256",
    alpn: "h2",
  });
});

test("a short run's time is in milliseconds", () => {
  const text = printed(WELL, "600 2xx, 0 3xx, 0 4xx, 0 5xx").replace("in 1.50s", "in 990.25ms");
  assert.equal(parseH2load(text).durationUs, 990_250);
});

const wrong: readonly [string, string, RegExp][] = [
  [
    "a reset",
    printed(WELL.replace("0 errored", "3 errored"), "600 2xx, 0 3xx, 0 4xx, 0 5xx"),
    /3 of them in/,
  ],
  ["a failure", printed(WELL.replace("0 failed", "2 failed"), "598 2xx, 0 3xx, 0 4xx, 2 5xx"), /2 requests/],
  ["a redirect", printed(WELL, "599 2xx, 1 3xx, 0 4xx, 0 5xx"), /1, 0, 0 answers/],
  ["nothing", printed(WELL.replaceAll("600", "0"), "0 2xx, 0 3xx, 0 4xx, 0 5xx"), /completed no request/],
  ["no report", "starting benchmark...\n", /printed no/],
];

for (const [what, text, message] of wrong)
  test(`it is not believed: ${what}`, () => {
    assert.throws(
      () => parseH2load(text),
      (error) => error instanceof BenchFailure && message.test(error.message),
    );
  });
