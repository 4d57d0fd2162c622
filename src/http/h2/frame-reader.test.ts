import assert from "node:assert/strict";
import { test } from "node:test";
import { type DataSink, FrameReader, type FrameSink } from "./frame-reader.ts";
import { ErrorCode, FRAME_MAX } from "./protocol.ts";

/** Keeps what it is told, content of one DATA frame as one. */
class Kept implements FrameSink, DataSink {
  readonly told: string[] = [];
  #content = "";

  frame(type: number, flags: number, stream: number, bytes: Buffer, from: number, to: number): void {
    this.told.push(`frame ${type} ${flags} ${stream} ${bytes.toString("latin1", from, to)}`);
  }

  dataBegins(stream: number, flags: number, length: number): void {
    this.told.push(`data ${stream} ${flags} ${length}`);
    this.#content = "";
  }

  data(bytes: Buffer, from: number, to: number): void {
    this.#content += bytes.toString("latin1", from, to);
  }

  dataEnds(padding: number): void {
    this.told.push(`content ${this.#content} and ${padding}`);
  }

  broken(code: number): void {
    this.told.push(`broken ${code}`);
  }
}

function frame(
  type: number,
  flags: number,
  stream: number,
  payload: string,
  length = payload.length,
): string {
  const head = Buffer.alloc(9);
  head.writeUIntBE(length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return head.toString("latin1") + payload;
}

function read(bytes: string, cut: number): string[] {
  const kept = new Kept();
  const reader = new FrameReader(kept, kept);
  for (let at = 0; at < bytes.length; at += cut) {
    // The memory is another's as soon as the read is over.
    const piece = Buffer.from(`..${bytes.slice(at, at + cut)}`, "latin1");
    reader.read(piece, 2, piece.length, true);
    piece.fill(0x2a);
  }
  assert.equal(reader.inFrame, false);
  return kept.told;
}

const MANY = [
  frame(4, 0, 0, ""),
  frame(1, 5, 1, "a header block"),
  frame(0, 0, 1, "content"),
  frame(0, 1, 1, ""),
  frame(0, 9, 3, "\x03padded\0\0\0"),
  frame(0, 9, 5, "\x02\0\0"),
  frame(0, 8, 7, "\0x"),
  frame(6, 0, 0, "8 octets"),
  frame(0xee, 0xff, 0xffff_ffff, "unknown"),
].join("");

test("frames are the same however they are cut", () => {
  const whole = read(MANY, MANY.length);
  assert.deepEqual(whole, [
    "frame 4 0 0 ",
    "frame 1 5 1 a header block",
    "data 1 0 7",
    "content content and 0",
    "data 1 1 0",
    "content  and 0",
    "data 3 9 10",
    "content padded and 4",
    "data 5 9 3",
    "content  and 3",
    "data 7 8 2",
    "content x and 1",
    "frame 6 0 0 8 octets",
    "frame 238 255 2147483647 unknown",
  ]);
  for (let cut = 1; cut < 40; cut++) assert.deepEqual(read(MANY, cut), whole, `cut after ${cut}`);
});

test("what is too large, or padded by more than there is, is not read", () => {
  assert.deepEqual(read(frame(1, 4, 1, "", FRAME_MAX + 1), 9), [`broken ${ErrorCode.frameSize}`]);
  assert.deepEqual(read(frame(0, 8, 1, ""), 9), [`broken ${ErrorCode.frameSize}`]);
  assert.equal(read(frame(0, 8, 1, "\x02a"), 99).at(-1), `broken ${ErrorCode.protocol}`);
});

test("a reader that was stopped reads nothing more", () => {
  const kept = new Kept();
  const reader = new FrameReader(kept, kept);
  reader.stopped = true;
  const bytes = Buffer.from(MANY, "latin1");
  reader.read(bytes, 0, bytes.length, false);
  assert.deepEqual(kept.told, []);
});
