/** What one direction of a WebSocket makes wait, and what is put into it. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { direction, many } from "../../test/support/message-direction.ts";
import { written } from "../../test/support/websocket-frames.ts";
import { closeFrame } from "../lib/websocket-frame.ts";

const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;

describe("the pace", () => {
  const message = many({ opcode: TEXT, payload: "m" });
  const rate = { perSecond: 10, burst: 2, delays: false };

  test("too many messages are refused; fragments and Close count nothing, pings and empty fragments count", () => {
    const quick = direction({ rules: { rate } });
    quick.give(
      Buffer.concat([
        message,
        many({ opcode: TEXT, final: false }, { opcode: 0, payload: "x", final: false }, { opcode: 0 }),
        many({ opcode: CLOSE }),
      ]),
      3,
    );
    assert.deepEqual(quick.refusals, []);
    for (const third of [message, many({ opcode: PING })]) {
      const { give, refusals, passed } = direction({ rules: { rate } });
      give(Buffer.concat([message, message, third]));
      assert.deepEqual([refusals[0]?.code, refusals[0]?.reason], [1_008, "rate"]);
      assert.equal(
        passed().toString("latin1"),
        `${Buffer.concat([message, message]).toString("latin1")}<1008>`,
      );
    }
    const empty = direction({ rules: { rate } });
    empty.give(
      many({ opcode: TEXT, final: false }, { opcode: 0, final: false }, { opcode: 0, final: false }),
    );
    assert.equal(empty.refusals[0]?.reason, "rate");
  });

  test("time lets more through", () => {
    const { give, refusals, clock } = direction({ rules: { rate } });
    give(Buffer.concat([message, message]));
    for (let round = 0; round < 5; round++) {
      clock.advance(100);
      give(message);
    }
    assert.equal(refusals.length, 0);
    clock.advance(50);
    give(message);
    assert.equal(refusals[0]?.reason, "rate");
  });

  test("what is too much waits, and its source with it", async () => {
    const { push, passed, told, clock, refusals, stream } = direction({
      rules: { rate: { ...rate, delays: true } },
    });
    assert.equal(push.data(Buffer.concat([message, message, message, message])), false);
    assert.equal(passed().length, message.length * 2);
    clock.advance(100);
    while (passed().length < message.length * 3) await sleep(5);
    assert.deepEqual(told, []);
    push.end();
    clock.advance(100);
    while (told.length < 2) await sleep(5);
    assert.equal(passed().length, message.length * 4);
    assert.deepEqual([told, refusals], [["end", "resume"], []]);
    stream.close();
  });

  test("a header that was cut waits as well", async () => {
    for (const cut of [1, 2, 5, 6]) {
      const { push, passed, told, clock, stream } = direction({
        rules: { rate: { ...rate, burst: 1, delays: true } },
      });
      const both = Buffer.concat([message, message]);
      assert.equal(push.data(both.subarray(0, message.length + cut)), cut < 6);
      if (cut < 6) assert.equal(push.data(both.subarray(message.length + cut)), false);
      assert.equal(passed().length, message.length);
      clock.advance(100);
      while (told.length === 0) await sleep(5);
      if (cut === 6) assert.equal(push.data(both.subarray(message.length + cut)), true);
      assert.ok(passed().equals(both));
      stream.close();
    }
  });

  test("one that waits is given up with its exchange, and its piece given back", () => {
    for (const end of ["fail", "cancel"] as const) {
      const { push, told, stream } = direction({ rules: { rate: { ...rate, burst: 1, delays: true } } });
      assert.equal(push.data(Buffer.concat([message, message])), false);
      if (end === "fail") push.fail({ code: "body_cut" });
      else stream.cancel();
      assert.deepEqual(told, [end === "fail" ? "body_cut" : "cancel", "resume"]);
    }
  });

  test("a Close of the gateway's own does not wait", () => {
    const { push, passed, told, stream } = direction({
      rules: { rate: { ...rate, burst: 1, delays: true } },
    });
    assert.equal(push.data(Buffer.concat([message, message])), false);
    stream.endWith(closeFrame(1_001, "", true));
    assert.equal(passed().length, message.length + 8);
    assert.deepEqual(told, ["resume"]);
  });
});

describe("what is put in", () => {
  const note = Buffer.from("<note>");

  test("a message stands between two messages, a Close between two frames", () => {
    const parts = [
      written({ opcode: TEXT, payload: "abc", final: false }),
      written({ opcode: 0, payload: "def" }),
      written({ opcode: BINARY, payload: "ghi" }),
    ];
    const bytes = Buffer.concat(parts);
    for (let cut = 0; cut <= bytes.length; cut++) {
      for (const slow of [false, true]) {
        const put = direction({ masked: false, slow });
        put.give(bytes.subarray(0, cut));
        put.stream.insert(note);
        put.stream.resume();
        put.give(bytes.subarray(cut));
        const ends = [0, parts[0]!.length + parts[1]!.length, bytes.length];
        // A header that is not whole has not passed yet.
        const headers = [0, parts[0]!.length + parts[1]!.length].map((at) => at + 1);
        const at = headers.includes(cut) ? cut - 1 : ends.find((end) => end >= cut)!;
        const whole = Buffer.concat([bytes.subarray(0, at), note, bytes.subarray(at)]);
        assert.equal(put.passed().toString("latin1"), whole.toString("latin1"), `at ${cut}`);

        const last = direction({ masked: false, slow });
        last.give(bytes.subarray(0, cut));
        last.stream.endWith(note);
        last.stream.resume();
        last.give(bytes.subarray(cut));
        let end = 0;
        for (const part of parts) if (cut > end + 1) end += part.length;
        const ended = Buffer.concat([bytes.subarray(0, end), note]);
        assert.equal(last.passed().toString("latin1"), ended.toString("latin1"), `at ${cut}`);
      }
    }
  });

  test("nothing is put in behind the last frame, and not more than eight messages wait", () => {
    const { stream, passed, push } = direction({ masked: false });
    push.data(written({ opcode: TEXT, final: false }));
    const before = passed().length;
    for (let nth = 0; nth < 20; nth++) stream.insert(note);
    push.data(written({ opcode: 0 }));
    assert.equal(passed().length, before + 2 + 8 * note.length);
    stream.endWith(Buffer.from("!"));
    stream.insert(note);
    stream.endWith(Buffer.from("?"));
    assert.equal(passed().at(-1), 0x21);
  });

  test("the end waits for what the sink has not taken", () => {
    const { stream, push, told, passed } = direction({ masked: false, slow: true });
    stream.insert(note);
    assert.equal(push.data(written({ opcode: TEXT, payload: "x" })), false);
    assert.equal(passed().length, note.length);
    push.end();
    assert.deepEqual(told, []);
    stream.resume();
    stream.resume();
    assert.deepEqual(told, ["end", "resume"]);
    assert.equal(passed().length, note.length + 3);
  });
});
