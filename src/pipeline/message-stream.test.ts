import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { direction, FREE, type Given, many } from "../../test/support/message-direction.ts";
import { Random } from "../../test/support/random.ts";
import { closing, KEY, type WrittenFrame, written } from "../../test/support/websocket-frames.ts";
import type { BodySink, Chunk } from "../lib/body.ts";
import { MessageStream } from "./message-stream.ts";

const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;

const SIZES = [0, 1, 125, 126, 127, 65_535, 65_536, 70_001];
const STEPS = [1, 2, 3, 7, 1_000, 1_000_000];

describe("what keeps to the protocol passes as it came", () => {
  for (const masked of [true, false])
    for (const slow of [false, true])
      test(`${masked ? "of clients" : "of services"}, ${slow ? "to a slow reader" : "to a quick one"}`, () => {
        for (const size of SIZES) {
          const payload = new Random(size).bytes(size);
          const mask = masked ? KEY : undefined;
          const bytes = Buffer.concat([
            written({ opcode: BINARY, payload, mask }),
            written({ opcode: TEXT, payload: "one ", final: false, mask }),
            written({ opcode: PING, payload: "there?", mask }),
            written({ opcode: 0, payload, final: false, mask }),
            written({ opcode: 0, mask }),
            written({ opcode: CLOSE, payload: closing(1_000, "bye"), mask }),
          ]);
          for (const step of STEPS.filter((one) => bytes.length / one < 20_000)) {
            const { give, passed, refusals } = direction({ masked, slow });
            give(bytes, step, step % 2 === 1);
            assert.deepEqual(refusals, []);
            assert.ok(passed().equals(bytes), `${size} bytes in steps of ${step}`);
          }
        }
      });

  test("a piece in which nothing is wrong is handed on itself, not a copy", () => {
    const seen: Chunk[] = [];
    const stream = new MessageStream(
      { now: () => 0, refused: () => assert.fail(), dropped: () => assert.fail() },
      FREE,
      true,
      false,
    );
    let push!: BodySink;
    stream
      .of({
        length: undefined,
        start: (sink) => {
          push = sink;
        },
        resume: () => {},
        cancel: () => {},
      })
      .start({ data: (chunk) => seen.push(chunk) > 0, end: () => {}, fail: () => {} });
    const bytes = many({ opcode: BINARY, payload: "abc" }, { opcode: PING }, { opcode: TEXT, payload: "d" });
    assert.equal(push.data(bytes), true);
    assert.equal(seen[0], bytes);
  });

  test("what comes behind a Close is thrown away", () => {
    const close = many({ opcode: CLOSE, payload: closing(1_000) });
    const { give, passed, refusals } = direction();
    give(Buffer.concat([close, many({ opcode: TEXT, payload: "late" }), Buffer.from("junk")]), 5);
    assert.ok(passed().equals(close));
    assert.deepEqual(refusals, []);
  });

  test("every code that a Close may have passes", () => {
    for (const code of [
      1_000, 1_001, 1_002, 1_003, 1_007, 1_008, 1_009, 1_010, 1_011, 1_012, 1_013, 1_014, 3_000, 4_999,
    ]) {
      const close = many({ opcode: CLOSE, payload: closing(code, "grüße") });
      const { give, passed } = direction();
      give(close, 3);
      assert.ok(passed().equals(close), String(code));
    }
  });

  test("compression marks the first frame of a message, where it was agreed on", () => {
    const bytes = many(
      { opcode: TEXT, payload: "x", reserved: 0x40, final: false },
      { opcode: 0, payload: "y" },
    );
    const { give, passed } = direction({ compressed: true });
    give(bytes, 4);
    assert.ok(passed().equals(bytes));
  });
});

/** What each MUST refuses: frames of a client, behind a good one. */
const REFUSED: readonly [what: string, frames: readonly WrittenFrame[], code: number, given?: Given][] = [
  ["a client's frame without a mask (5.1)", [{ opcode: TEXT, payload: "x", mask: undefined }], 1_002],
  ["reserved bit 1 without compression (5.2)", [{ opcode: TEXT, reserved: 0x40 }], 1_002],
  ["reserved bit 2 (5.2)", [{ opcode: TEXT, reserved: 0x20 }], 1_002, { compressed: true }],
  ["reserved bit 3 (5.2)", [{ opcode: BINARY, reserved: 0x10 }], 1_002, { compressed: true }],
  [
    "reserved bit 1 on a fragment (RFC 7692, 6.1)",
    [
      { opcode: TEXT, final: false },
      { opcode: 0, reserved: 0x40 },
    ],
    1_002,
    { compressed: true },
  ],
  [
    "reserved bit 1 on a control frame (RFC 7692, 6)",
    [{ opcode: PING, reserved: 0x40 }],
    1_002,
    { compressed: true },
  ],
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode): [string, WrittenFrame[], number] => [
    `the opcode ${opcode} (5.2)`,
    [{ opcode }],
    1_002,
  ]),
  ["a length in three octets that fits in one (5.2)", [{ opcode: TEXT, payload: "x", sized: 3 }], 1_002],
  [
    "a length in nine octets that fits in three (5.2)",
    [{ opcode: TEXT, payload: "x".repeat(200), sized: 9 }],
    1_002,
  ],
  ["a length with its first bit set (5.2)", [{ opcode: BINARY, says: 1n << 63n, sized: 9 }], 1_002],
  ["a length that no number holds", [{ opcode: BINARY, says: 1n << 60n, sized: 9 }], 1_009],
  ["a fragment of nothing (5.4)", [{ opcode: 0, payload: "x" }], 1_002],
  ["a message within another (5.4)", [{ opcode: TEXT, final: false }, { opcode: TEXT }], 1_002],
  ["a fragmented ping (5.5)", [{ opcode: PING, final: false }], 1_002],
  ["a control frame of 126 bytes (5.5)", [{ opcode: PING, payload: "x".repeat(126) }], 1_002],
  ["a Close with one octet (5.5.1)", [{ opcode: CLOSE, payload: "x" }], 1_002],
  ...[0, 999, 1_004, 1_005, 1_006, 1_015, 1_016, 2_999, 5_000].map(
    (code): [string, WrittenFrame[], number] => [
      `a Close with ${code} (7.4)`,
      [{ opcode: CLOSE, payload: closing(code) }],
      1_002,
    ],
  ),
  [
    "a Close whose reason is not UTF-8 (5.5.1)",
    [{ opcode: CLOSE, payload: closing(1_000, Buffer.from([0xc3, 0x28])) }],
    1_007,
  ],
  [
    "a text that is not UTF-8 (8.1)",
    [{ opcode: TEXT, payload: Buffer.from([0x61, 0xff]) }],
    1_007,
    { rules: { utf8: true } },
  ],
  [
    "a text of fragments that is not UTF-8 (8.1)",
    [
      { opcode: TEXT, payload: Buffer.from([0xe2, 0x82]), final: false },
      { opcode: 0, payload: "x" },
    ],
    1_007,
    { rules: { utf8: true } },
  ],
  ["a frame that is too large", [{ opcode: TEXT, payload: "12345" }], 1_009, { rules: { maxFrame: 4 } }],
  ["a message that is too large", [{ opcode: TEXT, payload: "12345" }], 1_009, { rules: { maxMessage: 4 } }],
  [
    "a message of fragments that is too large",
    [
      { opcode: BINARY, payload: "123", final: false },
      { opcode: PING, payload: "more than that" },
      { opcode: 0, payload: "45" },
    ],
    1_009,
    { rules: { maxMessage: 4 } },
  ],
  [
    "a held message that is too large",
    [
      { opcode: TEXT, payload: "123", final: false },
      { opcode: 0, payload: "45" },
    ],
    1_009,
    { rules: { maxMessage: 4, utf8: true } },
  ],
  ["a text where none is taken", [{ opcode: TEXT, payload: "x" }], 1_003, { rules: { text: false } }],
  [
    "a binary message where none is taken",
    [{ opcode: BINARY, payload: "x" }],
    1_003,
    { rules: { binary: false } },
  ],
];

describe("what does not is refused, in front of its frame", () => {
  for (const [what, frames, code, given] of REFUSED)
    test(what, () => {
      const good = many({ opcode: given?.rules?.text === false ? BINARY : TEXT, payload: "good" });
      const held = given?.rules?.utf8 === true;
      const before = many(...frames.slice(0, -1));
      const bytes = Buffer.concat([good, before, many(frames.at(-1)!), Buffer.from("what follows")]);
      // Fragments of a held text wait; control frames do not.
      const passes = Buffer.concat([good, held ? Buffer.alloc(0) : before, Buffer.from(`<${code}>`)]);
      for (const slow of [false, true])
        for (const step of STEPS) {
          const { give, passed, refusals } = direction({ ...given, slow });
          give(bytes, step, step % 2 === 1);
          assert.deepEqual(
            refusals.map((refusal) => refusal.code),
            [code],
            `in steps of ${step}`,
          );
          assert.equal(passed().toString("latin1"), passes.toString("latin1"), `in steps of ${step}`);
        }
    });

  test("a service's frame with a mask (5.1)", () => {
    const { give, passed, refusals } = direction({ masked: false });
    give(written({ opcode: TEXT, payload: "x", mask: KEY }), 1);
    assert.equal(refusals[0]?.code, 1_002);
    assert.equal(passed().toString(), "<1002>");
  });
});

describe("texts that are held", () => {
  const utf8 = { utf8: true };

  test("pass as they came once they are whole; what comes between their fragments passes before", () => {
    const first = many({ opcode: TEXT, payload: Buffer.from([0xe2, 0x82]), final: false });
    const ping = many({ opcode: PING, payload: "p" });
    const rest = many({ opcode: 0, payload: Buffer.from([0xac]) });
    for (const step of STEPS) {
      const { give, passed, refusals } = direction({ rules: utf8 });
      give(Buffer.concat([first, ping, rest]), step);
      assert.deepEqual(refusals, []);
      assert.ok(passed().equals(Buffer.concat([ping, first, rest])));
    }
  });

  test("of every size", () => {
    for (const size of SIZES) {
      const bytes = many(
        { opcode: TEXT, payload: "é".repeat(size) },
        { opcode: BINARY, payload: Buffer.from([0xff]) },
      );
      for (const step of [5, 1_000, 1_000_000].filter((one) => size / one < 5_000)) {
        const { give, passed } = direction({ rules: utf8, slow: step === 5 });
        give(bytes, step);
        assert.ok(passed().equals(bytes), `${size} in steps of ${step}`);
      }
    }
  });

  test("are at most 1 MiB where nothing else is said", () => {
    const { push, refusals } = direction({ rules: utf8 });
    assert.equal(push.data(many({ opcode: TEXT, says: 1_048_577n, sized: 9 })), true);
    assert.equal(refusals[0]?.code, 1_009);
    const next = direction({ rules: utf8 });
    next.push.data(many({ opcode: TEXT, says: 1_048_576n, sized: 9 }));
    assert.deepEqual(next.refusals, []);
  });

  test("in ever more fragments of nothing are refused", () => {
    const { push, refusals } = direction({ rules: { ...utf8, maxMessage: 1_000 } });
    push.data(many({ opcode: TEXT, final: false }));
    for (let round = 0; round < 1_000 && refusals.length === 0; round++)
      push.data(many({ opcode: 0, final: false }));
    assert.equal(refusals[0]?.code, 1_009);
  });

  test("that do not keep to what is asked are refused, or left out", () => {
    const check = (text: string): string | undefined => (text === "bad" ? "is bad" : undefined);
    const [good, bad] = [many({ opcode: TEXT, payload: "good" }), many({ opcode: TEXT, payload: "bad" })];
    const bytes = Buffer.concat([good, bad, good]);
    for (const step of STEPS) {
      const closes = direction({ rules: { check } });
      closes.give(bytes, step);
      assert.deepEqual(closes.refusals, [{ code: 1_008, reason: "invalid", detail: "is bad" }]);
      assert.equal(closes.passed().toString("latin1"), `${good.toString("latin1")}<1008>`);
      const drops = direction({ rules: { check, drops: true } });
      drops.give(bytes, step);
      assert.deepEqual(drops.refusals, []);
      assert.equal(drops.dropped.length, 1);
      assert.ok(drops.passed().equals(Buffer.concat([good, good])));
    }
  });
});
