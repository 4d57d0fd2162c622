import assert from "node:assert/strict";
import type { BodySink, BodySource } from "../../src/lib/body.ts";
import type { MessageRules, Refusal } from "../../src/lib/websocket-rules.ts";
import { MessageStream } from "../../src/pipeline/message-stream.ts";
import { testClock } from "../../src/testing/index.ts";
import { KEY, type WrittenFrame, written } from "./websocket-frames.ts";

/** Rules that allow all that the protocol does. */
export const FREE: MessageRules = {
  maxMessage: 0,
  maxFrame: 0,
  text: true,
  binary: true,
  rate: undefined,
  utf8: false,
  check: undefined,
  drops: false,
};

/** What a direction is made of. */
export interface Given {
  readonly rules?: Partial<MessageRules>;
  /** Whether the frames are a client's (default true). */
  readonly masked?: boolean;
  readonly compressed?: boolean;
  /** Whether the sink takes each piece only when it is asked again. */
  readonly slow?: boolean;
}

/** One direction, and what came of it. */
export interface Direction {
  readonly clock: ReturnType<typeof testClock>;
  readonly stream: MessageStream;
  /** What its source pushes into. */
  readonly push: BodySink;
  /** What its source and its sink were told, in order. */
  readonly told: readonly string[];
  readonly refusals: readonly Refusal[];
  readonly dropped: readonly Refusal[];
  /** What came out. */
  passed(): Buffer;
  /** Gives bytes in pieces, and takes as slowly as the sink does. */
  give(bytes: Buffer, size?: number, asText?: boolean): void;
}

/** A direction whose source and sink are the test's own; a refusal ends it with its code. */
export function direction({ rules, masked = true, compressed = false, slow = false }: Given = {}): Direction {
  const clock = testClock();
  const out: Buffer[] = [];
  const told: string[] = [];
  const refusals: Refusal[] = [];
  const dropped: Refusal[] = [];
  let push: BodySink | undefined;
  const source: BodySource = {
    length: undefined,
    start: (sink) => {
      push = sink;
    },
    resume: () => void told.push("resume"),
    cancel: () => void told.push("cancel"),
  };
  const stream: MessageStream = new MessageStream(
    {
      now: () => clock.now(),
      refused: (refusal) => {
        refusals.push(refusal);
        stream.endWith(Buffer.from(`<${refusal.code}>`));
      },
      dropped: (refusal) => void dropped.push(refusal),
    },
    { ...FREE, ...rules },
    masked,
    compressed,
  );
  stream.of(source).start({
    data: (chunk) => {
      out.push(typeof chunk === "string" ? Buffer.from(chunk, "latin1") : Buffer.from(chunk));
      return !slow;
    },
    end: () => void told.push("end"),
    fail: ({ code }) => void told.push(code),
  });
  return {
    clock,
    stream,
    push: push!,
    told,
    refusals,
    dropped,
    passed: () => Buffer.concat(out),
    give: (bytes, size = bytes.length, asText = false) => {
      for (let at = 0; at < bytes.length; at += size) {
        const piece = bytes.subarray(at, at + size);
        const before = told.length;
        if (push!.data(asText ? piece.toString("latin1") : piece)) continue;
        for (let round = 0; told.length === before && round < 10_000; round++) stream.resume();
        assert.equal(told[before], "resume", "the piece was never done with");
      }
    },
  };
}

/** A client's frames, one behind the other. */
export const many = (...frames: readonly WrittenFrame[]): Buffer =>
  Buffer.concat(frames.map((frame) => written({ mask: KEY, ...frame })));
