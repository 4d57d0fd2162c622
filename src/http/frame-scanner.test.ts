import assert from "node:assert/strict";
import { test } from "node:test";
import { FrameScanner } from "./frame-scanner.ts";

const MASK = [1, 2, 3, 4];

/** A frame's bytes; the payload is all 0x88, which would begin a Close frame. */
function frame(opcode: number, length: number, masked: boolean, fin = true): Buffer {
  const bit = masked ? 0x80 : 0;
  const size: number[] = [];
  if (length < 126) size.push(bit | length);
  else if (length < 65_536) size.push(bit | 126, length >> 8, length & 0xff);
  else
    size.push(
      bit | 127,
      0,
      0,
      0,
      0,
      length >>> 24,
      (length >> 16) & 0xff,
      (length >> 8) & 0xff,
      length & 0xff,
    );
  const head = Buffer.from([(fin ? 0x80 : 0) | opcode, ...size, ...(masked ? MASK : [])]);
  return Buffer.concat([head, Buffer.alloc(length, 0x88)]);
}

const LENGTHS = [0, 1, 2, 125, 126, 127, 200, 65_535, 65_536, 70_000];

for (const masked of [false, true])
  test(`boundaries are found wherever the bytes are cut, ${masked ? "masked" : "plain"}`, () => {
    for (const length of LENGTHS) {
      const bytes = Buffer.concat([
        frame(2, length, masked),
        frame(1, 3, masked, false),
        frame(9, 0, masked),
      ]);
      const ends = [frame(2, length, masked).length];
      ends.push(ends[0]! + frame(1, 3, masked).length, bytes.length);
      for (const step of [1, 3, 7, 1_000, bytes.length]) {
        const scanner = new FrameScanner();
        const found: number[] = [];
        for (let from = 0; from < bytes.length; from += step) {
          let at = from;
          const to = Math.min(from + step, bytes.length);
          while (at < to) {
            at += scanner.follow(bytes.subarray(at, to), true);
            if (scanner.atBoundary) found.push(at);
          }
        }
        assert.deepEqual(found, ends, `${length} bytes in steps of ${step}`);
        assert.equal(scanner.closed, false);
      }
    }
  });

test("a string and bytes are followed alike", () => {
  for (const length of LENGTHS) {
    const bytes = Buffer.concat([frame(2, length, true), frame(1, 5, true).subarray(0, 6)]);
    const [ofBytes, ofText] = [new FrameScanner(), new FrameScanner()];
    assert.equal(ofBytes.follow(bytes, false), bytes.length);
    assert.equal(ofText.follow(bytes.toString("latin1"), false), bytes.length);
    assert.equal(ofText.atBoundary, false);
    assert.equal(ofBytes.follow(Buffer.from("12345"), false), 5);
    assert.equal(ofText.follow("12345", false), 5);
    assert.equal(ofText.atBoundary, true);
    assert.equal(ofBytes.atBoundary, true);
  }
});

test("a Close frame is seen once it is whole", () => {
  const scanner = new FrameScanner();
  const close = frame(8, 2, true);
  scanner.follow(frame(1, 300, true), false);
  scanner.follow(close.subarray(0, close.length - 1), false);
  assert.equal(scanner.closed, false);
  scanner.follow(close.subarray(close.length - 1), false);
  assert.equal(scanner.closed, true);
});

test("it stops at the end of a frame when it is asked to", () => {
  const scanner = new FrameScanner();
  const two = Buffer.concat([frame(2, 10, false), frame(2, 20, false)]);
  assert.equal(scanner.follow(two.subarray(0, 5), true), 5);
  assert.equal(scanner.atBoundary, false);
  assert.equal(scanner.follow(two.subarray(5), true), 7);
  assert.equal(scanner.atBoundary, true);
});
