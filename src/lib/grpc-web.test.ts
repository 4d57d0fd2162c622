import assert from "node:assert/strict";
import { test } from "node:test";
import type { BodyFailure, BodySink, BodySource, Chunk } from "./body.ts";
import { HeldBody } from "./body.ts";
import { Fields } from "./fields.ts";
import { decodeHeldText, TextRequestBody, WebAnswerBody } from "./grpc-web.ts";

/** Pushes what it is told to, and notes what it is told. */
class Source implements BodySource {
  readonly length = undefined;
  sink!: BodySink;
  resumed = 0;
  cancelled = false;

  start(sink: BodySink): void {
    this.sink = sink;
  }

  resume(): void {
    this.resumed++;
  }

  cancel(): void {
    this.cancelled = true;
  }
}

/** Takes pieces, one at a time where `slow`. */
class Sink implements BodySink {
  readonly pieces: Buffer[] = [];
  slow = false;
  ended = 0;
  trailers: Fields | undefined = undefined;
  failure: BodyFailure | undefined = undefined;

  data(chunk: Chunk): boolean {
    this.pieces.push(typeof chunk === "string" ? Buffer.from(chunk, "latin1") : Buffer.from(chunk));
    return !this.slow;
  }

  end(trailers?: Fields): void {
    this.ended++;
    this.trailers = trailers;
  }

  fail(failure: BodyFailure): void {
    this.failure = failure;
  }

  get text(): string {
    return Buffer.concat(this.pieces).toString("latin1");
  }
}

function through(make: (source: BodySource) => BodySource): { source: Source; sink: Sink; body: BodySource } {
  const source = new Source();
  const sink = new Sink();
  const body = make(source);
  body.start(sink);
  return { source, sink, body };
}

const CONTENT = Buffer.from("\x00\x00\x00\x00\x0bhello world and more", "latin1");

test("base64 is decoded however it is cut, with padding behind any group", () => {
  const texts = [CONTENT.toString("base64")];
  texts.push([CONTENT.subarray(0, 7), CONTENT.subarray(7)].map((part) => part.toString("base64")).join(""));
  texts.push([...CONTENT].map((octet) => Buffer.from([octet]).toString("base64")).join(""));
  for (const text of texts)
    for (const step of [1, 2, 3, 4, 5, 7, text.length]) {
      const { source, sink } = through((from) => new TextRequestBody(from));
      for (let at = 0; at < text.length; at += step) assert.ok(source.sink.data(text.slice(at, at + step)));
      source.sink.end(Fields.from({ "x-end": "1" }));
      assert.equal(sink.text, CONTENT.toString("latin1"), `${step} of ${text}`);
      assert.equal(sink.trailers?.get("x-end"), "1");
    }
  for (const text of texts)
    assert.deepEqual(Buffer.from(decodeHeldText(new HeldBody(text))!.bytes()), CONTENT);
});

test("what is not base64 breaks the body, and its source is told", () => {
  for (const text of ["ab*d", "=abc", "a===", "abc", "ab=c", "a b c d "]) {
    const { source, sink } = through((from) => new TextRequestBody(from));
    source.sink.data(Buffer.from(text));
    source.sink.end();
    assert.equal(sink.failure?.code, "body_malformed", text);
    assert.equal(sink.ended, 0);
    assert.equal(decodeHeldText(new HeldBody(text)), undefined, text);
  }
});

test("an answer ends with its trailers as a frame, at once or when the sink has taken the last piece", () => {
  for (const slow of [false, true]) {
    const { source, sink, body } = through((from) => new WebAnswerBody(from, false));
    sink.slow = slow;
    assert.equal(source.sink.data(CONTENT), !slow);
    source.sink.end(Fields.from({ "grpc-status": "0" }));
    assert.equal(sink.ended, slow ? 0 : 1);
    sink.slow = false;
    if (slow) body.resume();
    assert.deepEqual([sink.ended, source.resumed], [1, slow ? 1 : 0]);
    assert.equal(sink.text, `${CONTENT.toString("latin1")}\x80\x00\x00\x00\x0fgrpc-status:0\r\n`);
    assert.equal(sink.trailers, undefined);
  }
});

test("an answer in text is base64 whose every piece can be read by itself", () => {
  const { source, sink } = through((from) => new WebAnswerBody(from, true));
  source.sink.data(CONTENT.subarray(0, 7));
  source.sink.data(CONTENT.toString("latin1", 7));
  assert.deepEqual(
    sink.pieces.map((piece) => Buffer.from(piece.toString(), "base64").toString("latin1")),
    [CONTENT.toString("latin1", 0, 7), CONTENT.toString("latin1", 7)],
  );
  source.sink.end(Fields.from({ "grpc-status": "13" }));
  const last = Buffer.from(sink.pieces.at(-1)!.toString(), "base64");
  assert.equal(last.toString("latin1"), "\x80\x00\x00\x00\x10grpc-status:13\r\n");
});

test("a failure and a client that leaves pass through", () => {
  for (const make of [
    (from: BodySource) => new WebAnswerBody(from, true),
    (from: BodySource) => new TextRequestBody(from),
  ]) {
    const failing = through(make);
    failing.source.sink.fail({ code: "body_cut" });
    assert.equal(failing.sink.failure?.code, "body_cut");
    const leaving = through(make);
    leaving.body.cancel();
    assert.equal(leaving.source.cancelled, true);
    assert.equal(leaving.source.sink.data("abcd"), true);
    leaving.source.sink.end();
    assert.deepEqual([leaving.sink.pieces.length, leaving.sink.ended], [0, 0]);
  }
});
