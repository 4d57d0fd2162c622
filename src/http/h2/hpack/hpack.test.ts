import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HpackDecoder } from "./decoder.ts";
import { HpackEncoder } from "./encoder.ts";
import { encodeHuffman, huffmanLength } from "./huffman.ts";
import { CODE_LENGTHS } from "./huffman-code.ts";

/** Decodes a block written in hexadecimal into "name: value" lines, or what is wrong with it. */
function decode(decoder: HpackDecoder, hex: string): string[] | string {
  const block = Buffer.from(hex.replaceAll(" ", ""), "hex");
  const lines: string[] = [];
  const problem = decoder.decode(block, 0, block.length, (name, value) => lines.push(`${name}: ${value}`));
  return problem === "" ? lines : problem;
}

const REQUESTS = [
  [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"],
  [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com", "cache-control: no-cache"],
  [
    ":method: GET",
    ":scheme: https",
    ":path: /index.html",
    ":authority: www.example.com",
    "custom-key: custom-value",
  ],
];
const COOKIE = "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1";
const RESPONSES = [
  [
    ":status: 302",
    "cache-control: private",
    "date: Mon, 21 Oct 2013 20:13:21 GMT",
    "location: https://www.example.com",
  ],
  [
    ":status: 307",
    "cache-control: private",
    "date: Mon, 21 Oct 2013 20:13:21 GMT",
    "location: https://www.example.com",
  ],
  [
    ":status: 200",
    "cache-control: private",
    "date: Mon, 21 Oct 2013 20:13:22 GMT",
    "location: https://www.example.com",
    "content-encoding: gzip",
    `set-cookie: ${COOKIE}`,
  ],
];

interface Example {
  readonly section: string;
  readonly table: number;
  readonly blocks: readonly { hex: string; fields: readonly string[] | undefined; size: number }[];
}

const EXAMPLES: readonly Example[] = [
  {
    section: "C.2.1",
    table: 4096,
    blocks: [
      {
        hex: "400a637573746f6d2d6b65790d637573746f6d2d686561646572",
        fields: ["custom-key: custom-header"],
        size: 55,
      },
    ],
  },
  {
    section: "C.2.2",
    table: 4096,
    blocks: [{ hex: "040c2f73616d706c652f70617468", fields: [":path: /sample/path"], size: 0 }],
  },
  {
    section: "C.2.3",
    table: 4096,
    blocks: [{ hex: "100870617373776f726406736563726574", fields: ["password: secret"], size: 0 }],
  },
  { section: "C.2.4", table: 4096, blocks: [{ hex: "82", fields: [":method: GET"], size: 0 }] },
  {
    section: "C.3",
    table: 4096,
    blocks: [
      { hex: "828684410f7777772e6578616d706c652e636f6d", fields: REQUESTS[0], size: 57 },
      { hex: "828684be58086e6f2d6361636865", fields: REQUESTS[1], size: 110 },
      { hex: "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565", fields: REQUESTS[2], size: 164 },
    ],
  },
  {
    section: "C.4",
    table: 4096,
    blocks: [
      { hex: "828684418cf1e3c2e5f23a6ba0ab90f4ff", fields: REQUESTS[0], size: 57 },
      { hex: "828684be5886a8eb10649cbf", fields: REQUESTS[1], size: 110 },
      { hex: "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf", fields: REQUESTS[2], size: 164 },
    ],
  },
  {
    section: "C.5",
    table: 256,
    blocks: [
      {
        hex:
          "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d54" +
          "6e1768747470733a2f2f7777772e6578616d706c652e636f6d",
        fields: RESPONSES[0],
        size: 222,
      },
      { hex: "4803333037c1c0bf", fields: RESPONSES[1], size: 222 },
      {
        hex:
          "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d" +
          "4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b20766572" +
          "73696f6e3d31",
        fields: RESPONSES[2],
        size: 215,
      },
    ],
  },
  {
    section: "C.6",
    table: 256,
    blocks: [
      {
        hex:
          "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b" +
          "97c8e9ae82ae43d3",
        fields: RESPONSES[0],
        size: 222,
      },
      { hex: "4883640effc1c0bf", fields: RESPONSES[1], size: 222 },
      {
        hex:
          "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdf" +
          "cd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
        fields: RESPONSES[2],
        size: 215,
      },
    ],
  },
];

describe("HPACK, decoding", () => {
  for (const { section, table, blocks } of EXAMPLES)
    test(`the examples of RFC 7541 ${section}`, () => {
      const decoder = new HpackDecoder(table);
      for (const { hex, fields, size } of blocks) {
        assert.deepEqual(decode(decoder, hex), fields);
        assert.equal(decoder.tableBytes, size);
      }
    });

  const broken: readonly (readonly [what: string, hex: string, problem: RegExp])[] = [
    ["index 0", "80", /names no entry/],
    ["an index behind both tables", "be", /names no entry/],
    ["a name's index behind both tables", "7e00", /names no entry/],
    ["an index that is cut", "ff", /in the middle/],
    ["an index that never ends", "ffffffffffff", /too large/],
    ["an index of five octets behind the prefix", "ff8080808000", /too large/],
    ["a literal without its value", "4001 61", /in the middle/],
    ["a literal without its name", "40", /in the middle/],
    ["a string longer than the block", "0005 6162", /in the middle/],
    ["a length that never ends", "007fffffffffff", /too large/],
    ["padding of a whole octet", "0081 ff 00", /Huffman/],
    ["padding of eight bits behind a symbol", "0082 1fff 00", /Huffman/],
    ["padding that is not ones", "0081 18 00", /Huffman/],
    ["EOS in a string", "0084 ffffffff 00", /Huffman/],
    ["EOS in a string behind a symbol", "0085 1fffffffff 00", /Huffman/],
    ["a size update above the limit", "3fe21f", /exceeds the limit/],
    ["a size update behind a field", "8220", /where none may/],
    ["three size updates", "20203f0182", /where none may/],
    ["a size update that is cut", "3f", /in the middle/],
  ];
  for (const [what, hex, problem] of broken)
    test(`refuses ${what}`, () => {
      const result = decode(new HpackDecoder(), hex);
      assert.equal(typeof result, "string");
      assert.match(result as string, problem);
    });

  test("takes size updates at a block's start, down to nothing and up again", () => {
    const decoder = new HpackDecoder();
    assert.deepEqual(decode(decoder, "4001 61 01 62"), ["a: b"]);
    assert.deepEqual(decode(decoder, "be"), ["a: b"]);
    assert.deepEqual(decode(decoder, "20 3fe11f 82"), [":method: GET"]);
    assert.equal(decoder.tableBytes, 0);
    assert.match(decode(decoder, "be") as string, /names no entry/);
  });

  test("an entry larger than the table empties it and is handed on all the same", () => {
    const decoder = new HpackDecoder(64);
    assert.deepEqual(decode(decoder, "4001 61 01 62"), ["a: b"]);
    assert.deepEqual(decode(decoder, `4001 61 28 ${"62".repeat(40)}`), [`a: ${"b".repeat(40)}`]);
    assert.equal(decoder.tableBytes, 0);
  });

  test("a name may come from the entry that its own field drives out", () => {
    const decoder = new HpackDecoder(68);
    assert.deepEqual(decode(decoder, "4002 6162 02 6364"), ["ab: cd"]);
    assert.deepEqual(decode(decoder, "7e 04 65656565"), ["ab: eeee"]);
    assert.deepEqual(decode(decoder, "be"), ["ab: eeee"]);
  });

  test("never holds more than the limit, whatever is added", () => {
    const decoder = new HpackDecoder(4096);
    for (let i = 0; i < 2_000; i++) {
      decode(decoder, `4004 ${Buffer.from(String(1000 + i)).toString("hex")} 03 616263`);
      assert.ok(decoder.tableBytes <= 4096);
    }
    assert.deepEqual(decode(decoder, "be"), ["2999: abc"]);
  });
});

/** Fields as they come in traffic: some repeat, some change, some are secret. */
function randomFields(random: () => number): string[] {
  const fields: string[] = [":status", pick(["200", "204", "404", "503"])];
  const count = Math.floor(random() * 20);
  for (let i = 0; i < count; i++) {
    const name = pick([
      "content-type",
      "x-a",
      "set-cookie",
      "cookie",
      "date",
      "authorization",
      `x-${i}`,
      "vary",
    ]);
    fields.push(name, random() < 0.5 ? pick(["", "a", "text/html", "gzip, deflate"]) : text());
  }
  return fields;

  function pick(list: readonly string[]): string {
    return list[Math.floor(random() * list.length)]!;
  }

  function text(): string {
    const length = Math.floor(random() ** 4 * 2_000);
    return Array.from({ length }, () => String.fromCharCode(Math.floor(random() * 256))).join("");
  }
}

/** A generator that gives the same numbers in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

describe("HPACK, encoding", () => {
  test("what is encoded is decoded again, block after block, with tables of any size", () => {
    for (let seed = 1; seed <= 30; seed++) {
      const random = seeded(seed);
      const encoder = new HpackEncoder();
      const decoder = new HpackDecoder();
      for (let i = 0; i < 40; i++) {
        if (random() < 0.1) encoder.setMaxTableBytes(Math.floor(random() * 5_000));
        const fields = randomFields(random);
        const block = encoder.encode(fields);
        const got: string[] = [];
        assert.equal(
          decoder.decode(block, 0, block.length, (name, value) => got.push(name, value)),
          "",
        );
        assert.deepEqual(got, fields);
      }
    }
  });

  test("the code is complete, so every string of octets can be written in it", () => {
    let sum = 0;
    for (const length of CODE_LENGTHS) sum += 2 ** -length;
    assert.equal(sum, 1);
    const all = String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i));
    const out = Buffer.alloc(1_000);
    assert.equal(encodeHuffman(all, out, 0), huffmanLength(all));
  });

  test("strings are Huffman-coded as in RFC 7541 C.4.1, unless that is longer", () => {
    const block = new HpackEncoder().encode([":authority", "www.example.com", "x", "\x01\x02"]);
    assert.equal(block.toString("hex"), "018cf1e3c2e5f23a6ba0ab90f4ff000178020102");
  });

  test("a field that repeats takes one octet from the third time on; one that changes is never indexed", () => {
    const encoder = new HpackEncoder();
    const sizes: number[] = [];
    for (let i = 0; i < 4; i++) sizes.push(encoder.encode(["server", "some-server/1.0"]).length);
    assert.equal(sizes[2], 1);
    assert.equal(sizes[3], 1);
    const decoder = new HpackDecoder();
    for (let i = 0; i < 100; i++) {
      const block = encoder.encode(["x-request-id", `id-${i}`]);
      decoder.decode(block, 0, block.length, () => {});
    }
    assert.equal(decoder.tableBytes, 0);
  });

  test("secrets are written so that no hop may index them; date and content-length are not indexed", () => {
    const encoder = new HpackEncoder();
    for (const name of ["authorization", "proxy-authorization", "set-cookie", "cookie"])
      for (let i = 0; i < 3; i++) assert.equal(encoder.encode([name, "a=b"])[0]! & 0xf0, 0x10, name);
    for (const name of ["date", "content-length"])
      for (let i = 0; i < 3; i++) assert.equal(encoder.encode([name, "12"])[0]! & 0xf0, 0x00, name);
  });

  test("a smaller table is announced at the next block's start, the smallest and the last size", () => {
    const encoder = new HpackEncoder();
    encoder.setMaxTableBytes(0);
    encoder.setMaxTableBytes(100);
    assert.equal(encoder.encode([":method", "GET"]).toString("hex"), "203f4582");
    assert.equal(encoder.encode([":method", "GET"]).toString("hex"), "82");
    encoder.setMaxTableBytes(1_000_000);
    encoder.setMaxTableBytes(4_096);
    assert.equal(encoder.encode([":method", "GET"]).toString("hex"), "3fe11f82");
  });

  test("more names than are remembered are sent all the same", () => {
    const encoder = new HpackEncoder();
    const decoder = new HpackDecoder();
    const fields = Array.from({ length: 1_000 }, (_, i) => [`x-${i}`, "v"]).flat();
    for (let round = 0; round < 3; round++) {
      const block = encoder.encode(fields);
      const got: string[] = [];
      decoder.decode(block, 0, block.length, (name, value) => got.push(name, value));
      assert.deepEqual(got, fields);
    }
  });
});
