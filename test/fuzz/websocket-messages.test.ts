/** Frames of a WebSocket, changed at random, against the ws library. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import * as ws from "ws";
import { direction } from "../support/message-direction.ts";
import { Random } from "../support/random.ts";
import { closing, KEY, type WrittenFrame, written } from "../support/websocket-frames.ts";

const CLOSE = 8;
const PING = 9;

/** A client's frames as a real client may send them, some of them changed afterwards. */
function story(random: Random): Buffer {
  const frames: WrittenFrame[] = [];
  for (let nth = 1 + random.below(6); nth > 0; nth--) {
    const parts = 1 + random.below(3);
    const opcode = 1 + random.below(2);
    for (let part = 0; part < parts; part++) {
      frames.push({
        opcode: part === 0 ? opcode : 0,
        payload: "é".repeat(random.below(80)),
        final: part === parts - 1,
        mask: KEY,
      });
      if (random.below(4) === 0) frames.push({ opcode: PING + random.below(2), payload: "p", mask: KEY });
    }
  }
  if (random.below(2) === 0) frames.push({ opcode: CLOSE, payload: closing(1_000, "end"), mask: KEY });
  return Buffer.concat(frames.map(written));
}

interface Receiving {
  write(bytes: Buffer): void;
  on(event: string, listener: (error: Error & { code?: string }) => void): void;
}
const { Receiver } = ws as unknown as { Receiver: new (options: object) => Receiving };

/** What the ws library finds wrong with bytes from a client. */
async function wrongFor(bytes: Buffer): Promise<Error | undefined> {
  const receiver = new Receiver({ isServer: true, allowSynchronousEvents: true });
  let problem: Error | undefined;
  receiver.on("error", (error) => {
    problem ??= error;
  });
  receiver.write(bytes);
  await turn();
  return problem;
}

test("whatever is changed in a stream: what passes is good for another implementation, and what that refuses does not pass", async () => {
  let refused = 0;
  for (let seed = 0; seed < 1_500; seed++) {
    const random = new Random(seed);
    const bytes = story(random);
    for (let change = random.below(3); change > 0; change--)
      bytes[random.below(bytes.length)] = random.below(256);
    const whole = direction({ rules: { utf8: true } });
    whole.give(bytes);
    const cut = direction({ rules: { utf8: true }, slow: true });
    for (const piece of random.cut(bytes, 9)) cut.give(piece);
    assert.deepEqual(cut.refusals, whole.refusals, `seed ${seed}`);
    assert.ok(cut.passed().equals(whole.passed()), `seed ${seed}`);
    const wrong = await wrongFor(bytes);
    if (wrong !== undefined) {
      refused++;
      assert.equal(whole.refusals.length, 1, `seed ${seed}: ${wrong.message}`);
    }
    const mark = whole.refusals.length === 0 ? 0 : 6;
    const passed = whole.passed();
    assert.equal(await wrongFor(passed.subarray(0, passed.length - mark)), undefined, `seed ${seed}`);
  }
  assert.ok(refused > 300, `${refused} of 1,500`);
});
