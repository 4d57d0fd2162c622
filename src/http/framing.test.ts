import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Failure } from "../errors/failure.ts";
import { CHUNKED, requestFraming, responseFraming, UNTIL_CLOSE } from "./framing.ts";
import { scanFields, scanned, scannedFields } from "./scan-fields.ts";

type Verdict = number | string;

function scan(lines: readonly string[]): { fields: ReturnType<typeof scannedFields>; twice: number } {
  const text = `${lines.map((line) => `${line}\r\n`).join("")}\r\n`;
  assert.equal(scanFields(Buffer.from(text, "latin1"), 0, text.length, 0), text.length);
  return { fields: scannedFields(text), twice: scanned.twice };
}

function ofRequest(lines: readonly string[], version = 11): Verdict {
  const { fields, twice } = scan(lines);
  const framing = requestFraming(fields, version, twice);
  return framing instanceof Failure ? framing.code : framing;
}

function ofResponse(lines: readonly string[], version = 11): Verdict {
  const { fields, twice } = scan(lines);
  const framing = responseFraming(fields, version, twice, 200, "GET");
  return framing instanceof Failure ? framing.code : framing;
}

const AMBIGUOUS = "framing_ambiguous";

/** Values of Content-Length that are one number, and those that are not (-1). */
const lengths: readonly (readonly [value: string, length: number])[] = [
  ["0", 0],
  ["5", 5],
  ["0005", 5],
  ["00000000000000000000005", 5],
  ["9007199254740991", 9_007_199_254_740_991],
  ["9007199254740992", -1],
  ["18446744073709551621", -1],
  ["", -1],
  ["+5", -1],
  ["-5", -1],
  ["5,5", -1],
  ["5, 5", -1],
  ["5 5", -1],
  ["0x5", -1],
  ["5.0", -1],
  ["1e1", -1],
  ["\xb2", -1],
  ['"5"', -1],
];

const codings: readonly (readonly [lines: string[], verdict: Verdict])[] = [
  [["Transfer-Encoding: chunked"], CHUNKED],
  [["transfer-encoding:\tCHUNKED \t"], CHUNKED],
  [["Transfer-Encoding: gzip, chunked"], "coding_unsupported"],
  [["Transfer-Encoding: gzip", "Transfer-Encoding: chunked"], "coding_unsupported"],
  [["Transfer-Encoding: chunked, gzip"], AMBIGUOUS],
  [["Transfer-Encoding: chunked, chunked"], AMBIGUOUS],
  [["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], AMBIGUOUS],
  [["Transfer-Encoding: identity"], AMBIGUOUS],
  [["Transfer-Encoding: gzip"], AMBIGUOUS],
  [["Transfer-Encoding:"], AMBIGUOUS],
  [["Transfer-Encoding: ,chunked"], AMBIGUOUS],
  [["Transfer-Encoding: chunked,"], AMBIGUOUS],
  [["Transfer-Encoding: chunked;q=1"], AMBIGUOUS],
  [["Transfer-Encoding: xchunked"], AMBIGUOUS],
  [['Transfer-Encoding: "chunked"'], AMBIGUOUS],
  [["Transfer-Encoding: chunked", "Content-Length: 5"], AMBIGUOUS],
  [["Content-Length: 5", "Content-Length: 5"], AMBIGUOUS],
  [["Content-Length: 5", "content-length: 6"], AMBIGUOUS],
  [["Content_Length: 5", "Transfer_Encoding: chunked"], 0],
  [["X-Transfer-Encoding: chunked"], 0],
];

suite("framing", () => {
  for (const [value, length] of lengths)
    test(`Content-Length ${JSON.stringify(value)}`, () => {
      assert.equal(ofRequest([`Content-Length: ${value}`]), length === -1 ? AMBIGUOUS : length);
      assert.equal(ofResponse([`Content-Length: ${value}`]), length === -1 ? "response_malformed" : length);
    });

  for (const [lines, verdict] of codings)
    test(lines.join(" and "), () => {
      assert.equal(ofRequest(lines), verdict);
      const expected = verdict === 0 ? UNTIL_CLOSE : verdict === CHUNKED ? CHUNKED : "response_malformed";
      assert.equal(ofResponse(lines), expected);
    });

  test("a request without framing fields has no body; a response ends with the connection", () => {
    assert.equal(ofRequest([]), 0);
    assert.equal(ofResponse([]), UNTIL_CLOSE);
  });

  test("HTTP/1.0 has no transfer codings", () => {
    assert.equal(ofRequest(["Transfer-Encoding: chunked"], 10), AMBIGUOUS);
    assert.equal(ofResponse(["Transfer-Encoding: chunked"], 10), "response_malformed");
    assert.equal(ofRequest(["Content-Length: 5"], 10), 5);
  });
});
