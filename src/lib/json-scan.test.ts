import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { seeded } from "../../test/support/raw.ts";
import { type JsonLimits, scanJson } from "./json-scan.ts";

const M = Number.POSITIVE_INFINITY;
const OPEN: JsonLimits = {
  ...{ depth: M, entries: M, values: M, keyLength: M, stringLength: M, numberLength: M },
  duplicates: false,
};

const faultOf = (text: string | Buffer, limits: Partial<JsonLimits> = {}): string | undefined =>
  scanJson(Buffer.from(text as string), { ...OPEN, ...limits })?.fault;

describe("JSON that is taken", () => {
  for (const text of [
    ...[
      "null",
      " true\r\n\t",
      "false",
      "0",
      "-0",
      "-1.5e+30",
      "1E9",
      '""',
      "{}",
      "[]",
      "[[],{}]",
      ' { "a" : 1 , "b" : [ ] } ',
    ],
    ...[
      '"\\ud83d\\ude00"',
      '"\\u0000\\"\\\\\\/\\b\\f\\n\\r\\t"',
      '"é😀"',
      '{"__proto__":1}',
      "1e999",
      '"\u2028\x7f"',
    ],
  ])
    test(text, () => assert.equal(faultOf(text), undefined));
});

describe("JSON that is refused", () => {
  for (const text of [
    ...[
      "",
      " ",
      "nul",
      "nulll",
      "true false",
      "01",
      "+1",
      "1.",
      ".5",
      "1e",
      "1e+",
      "-",
      "--1",
      "0x1",
      "NaN",
      "Infinity",
    ],
    ...[
      "'a'",
      '"',
      '"\\',
      '"\\x"',
      '"\\u12"',
      '"\\u12g4"',
      '"a\nb"',
      '"\t"',
      "[",
      "]",
      "[1",
      "[1,]",
      "[,1]",
      "[1 2]",
      "[1,,2]",
    ],
    ...[
      "{",
      "}",
      "{,}",
      '{"a"}',
      '{"a":}',
      '{"a":1,}',
      '{"a" 1}',
      "{a:1}",
      "{1:1}",
      '{"a":1 "b":2}',
      '{"a":1]',
      "[1}",
    ],
    ...[
      '"\\ud800"',
      '"\\udc00"',
      '"\\ud800\\u0041"',
      '"\\ud800x"',
      "// a\n1",
      "1 //",
      "/**/1",
      "\ufeff1",
      "\u00a01",
      "1\0",
    ],
  ])
    test(JSON.stringify(text), () => assert.equal(faultOf(text), "malformed"));

  for (const hex of [
    "ff",
    "22c328 22",
    "22c0af22",
    "22eda08022",
    "22f490808022",
    "fffe3100",
    "310000000",
    "00000031",
  ])
    test(`octets ${hex}`, () =>
      assert.equal(faultOf(Buffer.from(hex.replaceAll(" ", ""), "hex")), "malformed"));

  for (const text of [
    '{"a":1,"a":2}',
    '{"a":1,"b":2,"\\u0061":3}',
    '{"x":{"é":1,"\\u00e9":2}}',
    '[{"":0,"":0}]',
  ])
    test(`a name that stands twice: ${text}`, () => {
      assert.equal(faultOf(text), "duplicate");
      assert.equal(faultOf(text, { duplicates: true }), undefined);
    });
  test("not the same name in two objects", () =>
    assert.equal(faultOf('{"a":{"a":1},"b":[{"a":1},{"a":1}]}'), undefined));
});

describe("bounds of JSON", () => {
  for (const [limits, within, beyond, fault] of [
    [{ depth: 2 }, '[{"a":1},[]]', "[[[]]]", "depth"],
    [{ depth: 0 }, "1", "[]", "depth"],
    [{ entries: 2 }, '{"a":[1,2],"b":2}', "[1,2,3]", "entries"],
    [{ entries: 0 }, "[]", '{"a":1}', "entries"],
    [{ values: 3 }, "[1,2]", "[1,2,3]", "values"],
    [{ keyLength: 3 }, '{"abc":"abcd"}', '{"abcd":1}', "key"],
    [{ stringLength: 3 }, '{"abcd":"abc"}', '["abcd"]', "string"],
    [{ numberLength: 3 }, "[-12,1.5,100]", "1000", "number"],
  ] as const)
    test(`${JSON.stringify(limits)}: ${within}, not ${beyond}`, () => {
      assert.equal(faultOf(within, limits), undefined);
      assert.equal(faultOf(beyond, limits), fault);
    });

  test("a million levels exhaust nothing", () => {
    const deep = 1_000_000;
    assert.equal(faultOf("[".repeat(deep) + "]".repeat(deep)), undefined);
    assert.equal(faultOf('{"a":'.repeat(deep)), "malformed");
    assert.equal(faultOf("[".repeat(deep), { depth: 100 }), "depth");
  });

  test("a problem says where it shows", () => {
    assert.deepEqual(scanJson(Buffer.from('{"a":[1,x]}'), OPEN), {
      fault: "malformed",
      at: 8,
      what: "something else is expected",
    });
    assert.equal(scanJson(Buffer.from('{"a":1,"a":2}'), OPEN)?.at, 7);
  });
});

/** Whether JSON.parse takes a text, and nothing in it is what is refused besides. */
function isTaken(bytes: Buffer): boolean {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    JSON.parse(text, function (this: unknown, key, value) {
      if (!key.isWellFormed() || (typeof value === "string" && !value.isWellFormed())) throw new RangeError();
      return value;
    });
  } catch {
    return false;
  }
  return true;
}

type Random = () => number;
const SEEDS = [
  '{"a":[1,-2.5e3,"x\\u00e9\\ud83d\\ude00"],"b":{"c":null,"d":true},"":false}',
  "[[],{},[[1]]]",
  ' "é\\n" ',
];
const PIECES = [
  '"',
  "\\",
  "{",
  "}",
  "[",
  "]",
  ",",
  ":",
  "1",
  "-",
  ".",
  "e",
  "u",
  "true",
  "null",
  " ",
  "\n",
  "\0",
  "é",
  "\\ud800",
  "\\udc00",
];

function generated(random: Random, depth = 0): string {
  const kind = Math.floor(random() * (depth > 4 ? 5 : 7));
  const list = (item: () => string) => Array.from({ length: Math.floor(random() * 4) }, item).join(",");
  if (kind === 0) return ["null", "true", "false"][Math.floor(random() * 3)]!;
  if (kind < 3) return JSON.stringify((random() - 0.5) * 10 ** Math.floor(random() * 40 - 20));
  if (kind < 5)
    return JSON.stringify(String.fromCharCode(...Array.from({ length: 4 }, () => random() * 0x300)));
  if (kind === 5) return `[${list(() => generated(random, depth + 1))}]`;
  return `{${list(() => `${JSON.stringify(String(random()))}: ${generated(random, depth + 1)}`)}}`;
}

function mutated(random: Random, bytes: Buffer): Buffer {
  const at = Math.floor(random() * (bytes.length + 1));
  const piece = Buffer.from(
    random() < 0.2 ? String.fromCharCode(random() * 256) : PIECES[Math.floor(random() * PIECES.length)]!,
    random() < 0.1 ? "latin1" : "utf8",
  );
  const cut = Math.floor(random() * 3);
  return Buffer.concat([
    bytes.subarray(0, at),
    random() < 0.7 ? piece : Buffer.alloc(0),
    bytes.subarray(at + cut),
  ]);
}

test("takes what JSON.parse takes, of what is generated and of what is broken", () => {
  const random = seeded(20_261_123);
  let taken = 0;
  for (let i = 0; i < 60_000; i++) {
    let bytes: Buffer = Buffer.from(i % 3 === 0 ? generated(random) : SEEDS[i % SEEDS.length]!);
    for (let n = Math.floor(random() * 4); n > 0; n--) bytes = mutated(random, bytes);
    const expected = isTaken(bytes);
    const problem = scanJson(bytes, { ...OPEN, duplicates: true });
    assert.equal(problem === undefined, expected, JSON.stringify([bytes.toString("latin1"), problem]));
    if (expected) taken++;
  }
  assert.ok(taken > 10_000 && taken < 50_000, String(taken));
});
