import assert from "node:assert/strict";
import { test } from "node:test";
import type { BodyFailure, BodySink, BodySource, Chunk } from "../lib/body.ts";
import { ReplayBody } from "./replay-body.ts";

/** A source that does what the test says, and notes what it is told. */
class Source implements BodySource {
  readonly length = undefined;
  sink: BodySink | undefined = undefined;
  resumed = 0;
  cancelled = 0;

  start(sink: BodySink): void {
    this.sink = sink;
  }

  resume(): void {
    this.resumed++;
  }

  cancel(): void {
    this.cancelled++;
  }
}

/** A sink that takes, or holds, what it is given. */
class Sink implements BodySink {
  text = "";
  ended = 0;
  failed: BodyFailure | undefined = undefined;
  takes: boolean;

  constructor(takes: boolean) {
    this.takes = takes;
  }

  data(chunk: Chunk): boolean {
    this.text += Buffer.from(chunk as string, "latin1").toString("latin1");
    return this.takes;
  }

  end(): void {
    this.ended++;
  }

  fail(failure: BodyFailure): void {
    this.failed = failure;
  }
}

test("each try gets all of it, from the beginning", () => {
  const source = new Source();
  const body = new ReplayBody(source);
  const first = new Sink(true);
  body.start(first);
  source.sink!.data("abc");
  source.sink!.data(Buffer.from("def"));
  body.cancel();
  const second = new Sink(true);
  body.again().start(second);
  assert.equal(second.text, "abcdef");
  source.sink!.data("ghi");
  source.sink!.end();
  assert.equal(first.text, "abcdef");
  assert.equal(second.text, "abcdefghi");
  assert.equal(second.ended, 1);
});

test("a try that comes behind the end gets the end", () => {
  const source = new Source();
  const body = new ReplayBody(source);
  body.start(new Sink(true));
  source.sink!.data("abc");
  source.sink!.end();
  body.cancel();
  const second = new Sink(false);
  const again = body.again();
  again.start(second);
  assert.deepEqual([second.text, second.ended], ["abc", 0]);
  again.resume();
  assert.equal(second.ended, 1);
});

test("nothing comes while the sink has not done with what was kept", () => {
  const source = new Source();
  const body = new ReplayBody(source);
  body.start(new Sink(true));
  source.sink!.data("abc");
  body.cancel();
  const second = new Sink(false);
  const again = body.again();
  again.start(second);
  assert.equal(source.sink!.data("def"), false);
  assert.equal(second.text, "abc");
  second.takes = true;
  again.resume();
  assert.equal(second.text, "abcdef");
  assert.equal(source.resumed, 1);
});

test("the source waits for whoever still uses its memory, and for nobody else's word", () => {
  const source = new Source();
  const body = new ReplayBody(source);
  body.start(new Sink(false));
  assert.equal(source.sink!.data("abc"), false);
  body.cancel();
  assert.equal(source.resumed, 0);
  const again = body.again();
  again.start(new Sink(false));
  again.resume();
  assert.equal(source.resumed, 0);
  body.resume();
  assert.equal(source.resumed, 1);
  assert.equal(source.sink!.data("def"), false);
  body.resume();
  assert.equal(source.resumed, 1, "the first try has no part in this piece");
  again.resume();
  assert.equal(source.resumed, 2);
});

test("more than is kept cannot be sent again", () => {
  const source = new Source();
  const body = new ReplayBody(source);
  body.start(new Sink(true));
  source.sink!.data(Buffer.alloc(65_536));
  assert.equal(body.whole, true);
  source.sink!.data("a");
  assert.equal(body.whole, false);
  body.cancel();
  assert.equal(source.cancelled, 1);
});

test("when no try will follow, the source is told once", () => {
  const source = new Source();
  const body = new ReplayBody(source);
  body.start(new Sink(true));
  body.cancel();
  assert.equal(source.cancelled, 0);
  body.drop();
  assert.equal(source.cancelled, 1);
});

test("what comes between two tries and is too much to be kept waits for the next", () => {
  const source = new Source();
  const body = new ReplayBody(source);
  body.start(new Sink(true));
  source.sink!.data("a".repeat(40_000));
  body.cancel();
  assert.equal(source.sink!.data("b".repeat(40_000)), false);
  assert.equal(body.whole, true);
  const second = new Sink(true);
  body.again().start(second);
  assert.equal(second.text, "a".repeat(40_000) + "b".repeat(40_000));
  assert.equal(source.resumed, 1);
  assert.equal(body.whole, false);
});

test("a piece that waits between two tries is given back when none follows", () => {
  const source = new Source();
  const body = new ReplayBody(source);
  body.start(new Sink(true));
  source.sink!.data("a".repeat(40_000));
  body.cancel();
  source.sink!.data("b".repeat(40_000));
  body.drop();
  assert.deepEqual([source.resumed, source.cancelled], [1, 1]);
});
