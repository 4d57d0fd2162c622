import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Kind } from "../lib/field-kinds.ts";
import { SHARED } from "./buffers.ts";
import { countControls } from "./count-controls.ts";
import { INCOMPLETE, REFUSED, scanFields, scanFieldsInShared, scanned } from "./scan-fields.ts";

/** Octets that a scan could stumble on. */
const OCTETS = [0x00, 0x09, 0x0a, 0x0d, 0x1f, 0x20, 0x3a, 0x41, 0x5f, 0x61, 0x7e, 0x7f, 0x80, 0xa0, 0xff];

/** What stands in the shared buffer behind the bytes that were read. */
const STALE = ["a", ":", "\r", "\n", "\0"];

const good: readonly (readonly [text: string, fields: number])[] = [
  ["\r\n", 0],
  ["a:\r\n\r\n", 1],
  ["A: b\r\nc:\td \r\n\r\n", 2],
  ["x: \x80\xff caf\xe9\r\n\r\n", 1],
  ["!#$%&'*+-.^_`|~09: x:y\r\n\r\n", 1],
];

const bad: readonly (readonly [text: string, problem: RegExp])[] = [
  ["\n", /line feed stands alone/],
  ["\rx", /carriage return stands alone/],
  ["a: b\n", /line feed stands alone/],
  ["a: b\rc\r\n", /carriage return stands alone/],
  ["a: \0\r\n", /control/],
  ["a: \x7f\r\n", /control/],
  ["a : b\r\n", /white space stands before a colon/],
  ["a\t: b\r\n", /white space stands before a colon/],
  [" a: b\r\n", /white space stands before the first field/],
  ["a: b\r\n c\r\n", /folded/],
  ["a: b\r\n\tc\r\n", /folded/],
  [": b\r\n", /no name/],
  ["ab\r\n", /no colon/],
  ["a(: b\r\n", /no token/],
  ["caf\xe9: b\r\n", /no token/],
];

function scan(text: string): number {
  const bytes = Buffer.from(text, "latin1");
  return scanFields(bytes, 0, bytes.length, 0);
}

function scanShared(text: string, stale: string, at = 0): number {
  SHARED.fill(stale);
  SHARED.write(text, at, "latin1");
  return scanFieldsInShared(text, at, at);
}

function found(): { marks: number[]; kinds: number; twice: number } {
  const { marks, kinds, twice } = scanned;
  return { marks, kinds, twice };
}

suite("field sections", () => {
  for (const [text, fields] of good)
    test(`takes ${JSON.stringify(text)}`, () => {
      assert.equal(scan(`${text}GET /`), text.length);
      assert.equal(scanned.marks.length, fields * 3 + 1);
      const { marks } = scanned;
      for (const stale of STALE) {
        const end = scanShared(text, stale);
        // The fast way may leave to the other what is rare.
        if (end !== REFUSED) assert.deepEqual([end, scanned.marks], [text.length, marks]);
      }
      for (let to = 0; to < text.length; to++) assert.equal(scan(text.slice(0, to)), INCOMPLETE);
    });

  for (const [text, problem] of bad)
    test(`refuses ${JSON.stringify(text)}`, () => {
      assert.equal(scan(text), REFUSED);
      assert.match(scanned.problem, problem);
      assert.equal(scan(`${text}\r\n`), REFUSED);
      for (const stale of STALE) assert.equal(scanShared(`${text}\r\n\r\n`, stale), REFUSED);
    });

  test("the fast way takes what is plain, and what it takes the other way takes alike", () => {
    assert.equal(scanShared("a: b\r\n\r\n", "\0", 5), 5 + 8);
    let taken = 0;
    for (const one of OCTETS)
      for (const two of OCTETS)
        for (const shape of ["a: 12\r\n\r\n", "12: b\r\n\r\n", "a:b\r\n12\r\n\r\n", "a:b12\r\n\r\n"]) {
          const text = shape.replace("1", String.fromCharCode(one)).replace("2", String.fromCharCode(two));
          const end = scanShared(text, "a", 3);
          if (end === REFUSED) continue;
          const fast = found();
          taken++;
          const bytes = Buffer.from(`123${text}`, "latin1");
          assert.equal(scanFields(bytes, 3, bytes.length, 3), end, JSON.stringify(text));
          assert.deepEqual(fast, found());
        }
    assert.ok(taken > 100);
  });

  test("ends where the bytes do, whatever stands behind them", () => {
    for (const stale of STALE)
      for (const text of ["", "a", "a:", "a: b", "a: b\r", "a: b\r\n", "a: b\r\nc", "a: b\r\n\r"])
        assert.equal(scanShared(text, stale), REFUSED, JSON.stringify([text, stale]));
  });

  test("knows the fields that matter, their lookalikes, and what stands twice", () => {
    scan("HOST: a\r\nhost: b\r\nContent_Length: 1\r\ncontent-lengthy: 2\r\ntE: x\r\n\r\n");
    assert.deepEqual(
      scanned.marks.filter((_, i) => i % 3 === 2),
      [Kind.host, Kind.host, Kind.lookalike, 0, Kind.te],
    );
    assert.equal(scanned.twice, Kind.host);
    assert.equal(scanned.kinds, Kind.host | Kind.lookalike | Kind.te);
  });
});

suite("controls", () => {
  test("are counted like one by one, at every alignment", () => {
    for (let i = 0; i < SHARED.length; i++) SHARED[i] = OCTETS[(i * 7 + (i >> 4)) % OCTETS.length]!;
    for (const [from, length] of [
      [0, 0],
      [0, 5_000],
      [65_500, 36],
    ] as const)
      for (let shift = 0; shift < 5; shift++)
        for (let cut = 0; cut < 5; cut++) {
          const to = Math.min(SHARED.length, Math.max(from + shift, from + length - cut));
          const expected = SHARED.subarray(from + shift, to).filter(
            (octet) => octet < 0x20 || octet === 0x7f,
          );
          assert.equal(countControls(from + shift, to), expected.length, `${from + shift} to ${to}`);
        }
  });

  test("are each of 0 to 31 and 127, and no other octet", () => {
    for (let octet = 0; octet < 256; octet++) {
      SHARED.fill(octet, 0, 4_096);
      assert.equal(countControls(0, 4_096), octet < 0x20 || octet === 0x7f ? 4_096 : 0, String(octet));
    }
  });
});
