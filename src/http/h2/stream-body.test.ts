import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure } from "../../errors/failure.ts";
import type { BodyFailure, BodySink, Chunk } from "../../lib/body.ts";
import { Fields } from "../../lib/fields.ts";
import { StreamBody } from "./stream-body.ts";

class Books {
  consumed_ = 0;
  dropped = 0;

  consumed(octets: number): void {
    this.consumed_ += octets;
  }

  bodyDropped(): void {
    this.dropped++;
  }
}

/** Takes as much as it is told to before it is busy. */
class Sink implements BodySink {
  readonly told: string[] = [];
  busy = false;

  data(chunk: Chunk): boolean {
    this.told.push(typeof chunk === "string" ? chunk : Buffer.from(chunk).toString("latin1"));
    return !this.busy;
  }

  end(trailers?: Fields): void {
    this.told.push(`end ${trailers?.get("x-t") ?? ""}`);
  }

  fail({ code }: BodyFailure): void {
    this.told.push(`fail ${code}`);
  }
}

function push(body: StreamBody, text: string, reused = true): void {
  const bytes = Buffer.from(text);
  body.push(bytes, 0, bytes.length, reused);
  if (reused) bytes.fill(0);
}

test("what comes before its taker is kept, and room is given for what was taken only", () => {
  const books = new Books();
  const body = new StreamBody(books, undefined);
  const sink = new Sink();
  push(body, "one ");
  push(body, "two");
  assert.equal(books.consumed_, 0);
  assert.equal(body.blocked, true);
  body.start(sink);
  assert.equal(books.consumed_, 7);
  sink.busy = true;
  push(body, "three");
  push(body, "four");
  body.end(Fields.from({ "x-t": "1" }));
  assert.equal(books.consumed_, 7);
  sink.busy = false;
  body.resume();
  assert.equal(books.consumed_, 16);
  assert.deepEqual(sink.told, ["one ", "two", "three", "four", "end 1"]);
});

test("a body that is all here before it is taken is held", () => {
  const books = new Books();
  const body = new StreamBody(books, 7);
  push(body, "one ");
  assert.equal(body.whole(), undefined);
  push(body, "two", false);
  body.end(undefined);
  assert.equal(Buffer.from(body.whole()!.bytes()).toString(), "one two");
  assert.equal(books.consumed_, 7);
  assert.equal(body.contradicts, false);
});

test("content that is more or less than announced contradicts", () => {
  const more = new StreamBody(new Books(), 3);
  push(more, "four");
  assert.equal(more.contradicts, true);
  const less = new StreamBody(new Books(), 5);
  push(less, "four");
  assert.equal(less.contradicts, false);
  less.end(undefined);
  assert.equal(less.contradicts, true);
});

test("a body that is cancelled or fails gives all room back, once", () => {
  for (const over of [
    (body: StreamBody): void => body.cancel(),
    (body: StreamBody): void => body.fail(new Failure("client_left")),
  ]) {
    const books = new Books();
    const body = new StreamBody(books, undefined);
    const sink = new Sink();
    sink.busy = true;
    body.start(sink);
    push(body, "held");
    push(body, "ahead");
    over(body);
    push(body, "late");
    assert.equal(books.consumed_, 9);
    body.resume();
    body.resume();
    assert.equal(books.consumed_, 13);
    assert.equal(sink.told.includes("ahead"), false);
  }
});

test("a failure reaches a taker that comes later", () => {
  const body = new StreamBody(new Books(), undefined);
  push(body, "something");
  body.fail(new Failure("client_left"));
  const sink = new Sink();
  body.start(sink);
  assert.deepEqual(sink.told, ["fail client_left"]);
});
