import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { DEFAULT_LIMITS } from "../lib/limits.ts";
import { ChunkedDecoder } from "./chunked.ts";

interface Decoded {
  readonly data: string;
  readonly rest: string;
  readonly done: boolean;
  readonly problem: string;
  readonly trailers: [string, string][] | undefined;
}

/** Decodes a body that arrives in these pieces, each in memory of its own. */
function decode(pieces: readonly string[], limits = DEFAULT_LIMITS): Decoded {
  const decoder = new ChunkedDecoder(limits);
  let data = "";
  let rest = "";
  for (const piece of pieces) {
    const bytes = Buffer.from(piece, "latin1");
    const end = decoder.decode(bytes, 0, bytes.length);
    data += bytes.latin1Slice(decoder.start, decoder.end);
    rest += bytes.latin1Slice(end, bytes.length);
  }
  const trailers = decoder.trailers === undefined ? undefined : [...decoder.trailers.entries()];
  return { data, rest, done: decoder.done, problem: decoder.problem, trailers };
}

/** The whole text, each way to cut it in two, and every byte alone. */
function* deliveries(text: string): Generator<string[]> {
  yield [text];
  for (let at = 1; at < text.length; at++) yield [text.slice(0, at), text.slice(at)];
  yield text.split("");
}

const LAST = "0\r\n\r\n";

const good: readonly (readonly [text: string, data: string, trailers?: [string, string][]])[] = [
  [LAST, ""],
  ["000\r\n\r\n", ""],
  [`1\r\na\r\n${LAST}`, "a"],
  [`3\r\nabc\r\n2\r\nde\r\n${LAST}`, "abcde"],
  [`A\r\n0123456789\r\n${LAST}`, "0123456789"],
  [`a\r\n0123456789\r\n${LAST}`, "0123456789"],
  [`0001\r\na\r\n${LAST}`, "a"],
  [`4\r\n\r\n0\r\r\n${LAST}`, "\r\n0\r"],
  [`2;name\r\nab\r\n${LAST}`, "ab"],
  [`2;n=v;m="a;\\"\r\\\xff"\r\nab\r\n${LAST}`.replace("\r\\", "\t\\"), "ab"],
  [`2 ; n = v\t;m\r\nab\r\n0;last\r\n\r\n`, "ab"],
  [
    "0\r\nX-A: 1\r\nx-b:\t2 \r\n\r\n",
    "",
    [
      ["x-a", "1"],
      ["x-b", "2"],
    ],
  ],
  ["1\r\na\r\n0\r\nX-A:\r\n\r\n", "a", [["x-a", ""]]],
];

const bad: readonly (readonly [text: string, problem: RegExp])[] = [
  ["\r\n", /no size/],
  [" 1\r\na\r\n", /no size/],
  ["x\r\n", /no size/],
  [";a\r\n", /no size/],
  ["+1\r\na\r\n", /no size/],
  ["0x1\r\na\r\n", /malformed/],
  ["1 \r\na\r\n", /malformed/],
  ["1;\r\na\r\n", /malformed/],
  ["1;a=\r\na\r\n", /malformed/],
  ['1;a="b\r\na\r\n', /malformed/],
  ['1;a="b"c\r\na\r\n', /malformed/],
  ["1;a b\r\na\r\n", /malformed/],
  ["1;a\0\r\na\r\n", /malformed/],
  ["1;a\nX", /line feed stands alone/],
  ["1\na", /line feed stands alone/],
  ["1\ra", /does not end with CRLF/],
  ["1\r\nab\r\n", /longer than its size/],
  ["1\r\na\n", /longer than its size/],
  ["1\r\na\rx", /does not end with CRLF/],
  ["0\r\n\rx", /last chunk does not end/],
  ["10000000000000\r\n", /too large/],
  ["ffffffffffffffff\r\n", /too large/],
  [`${"0".repeat(129)}1\r\n`, /too large/],
  ["0\r\nX-A 1\r\n\r\n", /in the trailers/],
  ["0\r\nX-A : 1\r\n\r\n", /in the trailers/],
  ["0\r\nX: 1\r\n folded\r\n\r\n", /in the trailers/],
  ["0\r\nX: 1\nY: 2\r\n\r\n", /in the trailers/],
  ["0\r\nX: \0\r\n\r\n", /in the trailers/],
  ["0\r\nContent-Length: 5\r\n\r\n", /framing/],
  ["0\r\nTRANSFER-ENCODING: chunked\r\n\r\n", /framing/],
  ["0\r\nHost: a\r\n\r\n", /framing/],
];

suite("chunked", () => {
  for (const [text, data, trailers] of good)
    test(`takes ${JSON.stringify(text)}`, () => {
      for (const pieces of deliveries(text)) {
        const decoded = decode(pieces);
        assert.equal(decoded.problem, "", JSON.stringify(pieces));
        assert.deepEqual([decoded.done, decoded.data, decoded.rest], [true, data, ""]);
        assert.deepEqual(decoded.trailers, trailers);
      }
    });

  for (const [text, problem] of bad)
    test(`refuses ${JSON.stringify(text.slice(0, 60))}`, () => {
      for (const pieces of deliveries(text)) {
        const decoded = decode(pieces);
        assert.match(decoded.problem, problem, JSON.stringify(pieces));
        assert.equal(decoded.done, false);
      }
    });

  test("leaves what stands behind the body, and waits for what is missing", () => {
    assert.equal(decode([`1\r\na\r\n${LAST}GET / HTTP/1.1\r\n`]).rest, "GET / HTTP/1.1\r\n");
    const whole = `2;n="v"\r\nab\r\n0\r\nX: y\r\n\r\n`;
    for (let at = 0; at < whole.length; at++) {
      const { done, problem, rest } = decode([whole.slice(0, at)]);
      assert.deepEqual([done, problem, rest], [false, "", ""]);
    }
  });

  test("moves the data of one read together in place", () => {
    const bytes = Buffer.from(`1\r\na\r\n3\r\nbcd\r\n2\r\nef\r\n${LAST}`);
    const decoder = new ChunkedDecoder(DEFAULT_LIMITS);
    assert.equal(decoder.decode(bytes, 0, bytes.length), bytes.length);
    assert.equal(bytes.toString("latin1", decoder.start, decoder.end), "abcdef");
  });

  test("bounds extensions over the whole body, trailers by the limits of a head", () => {
    const extended = `1;${"x".repeat(200)}\r\na\r\n`;
    assert.match(decode([extended.repeat(90)]).problem, /extensions are too long/);
    assert.match(decode([`0\r\n${"X: y\r\n".repeat(101)}\r\n`]).problem, /too many trailers/);
    assert.match(
      decode([`0\r\nX: ${"y".repeat(300)}`], { ...DEFAULT_LIMITS, head: 256 }).problem,
      /trailers are too long/,
    );
  });

  test("leaves out trailers that mean nothing behind a body", () => {
    const { trailers } = decode([
      "0\r\nDate: x\r\nX: 1\r\nCache-Control: y\r\nCookie: z\r\nX_Forwarded_For: a\r\n\r\n",
    ]);
    assert.deepEqual(trailers, [["x", "1"]]);
  });
});
