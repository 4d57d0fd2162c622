import assert from "node:assert/strict";
import { suite, test } from "node:test";
import {
  type BodyFailure,
  type BodySink,
  type BodySource,
  Collector,
  HeldBody,
  ownedCopy,
  startBody,
} from "./body.ts";
import { Fields } from "./fields.ts";

/** A source that pushes what the test says and notes what it is told. */
class Source implements BodySource {
  readonly length = undefined;
  readonly told: string[] = [];
  sink: BodySink | undefined;

  start(sink: BodySink): void {
    this.told.push("start");
    this.sink = sink;
  }

  resume(): void {
    this.told.push("resume");
  }

  cancel(): void {
    this.told.push("cancel");
  }
}

function collect(max: number): { source: Source; results: (HeldBody | BodyFailure)[] } {
  const source = new Source();
  const results: (HeldBody | BodyFailure)[] = [];
  startBody(source, new Collector(source, max, (result) => results.push(result)));
  return { source, results };
}

suite("bodies", () => {
  test("a held one is the same bytes from a string and from memory", () => {
    for (const content of ["a\xff\0", Buffer.from([0x61, 0xff, 0])]) {
      const body = new HeldBody(content);
      assert.equal(body.length, 3);
      assert.deepEqual([...body.bytes()], [0x61, 0xff, 0]);
    }
    assert.equal(HeldBody.fromText("é").length, 2);
  });

  test("a held one is pushed whole, its trailers behind it; an empty one brings no piece", () => {
    for (const content of ["ab", ""]) {
      const seen: unknown[] = [];
      const trailers = new Fields();
      startBody(new HeldBody(content, trailers), {
        data: (chunk) => seen.push(chunk) > 0,
        end: (fields) => seen.push(fields),
        fail: () => assert.fail("it cannot fail"),
      });
      assert.deepEqual(seen, content === "" ? [trailers] : [content, trailers]);
    }
  });

  test("an owned copy does not change with its original", () => {
    const memory = Buffer.from("ab");
    const copy = ownedCopy(memory);
    memory.fill("x");
    assert.equal(Buffer.from(copy).toString(), "ab");
    assert.deepEqual([...ownedCopy("\xff")], [0xff]);
  });

  test("a collector joins the pieces, which may be overwritten behind it", () => {
    const { source, results } = collect(5);
    const memory = Buffer.from("ab");
    assert.equal(source.sink?.data(memory), true);
    memory.fill("x");
    source.sink?.data("c\xe9");
    const trailers = Fields.from({ "x-a": "1" });
    source.sink?.end(trailers);
    assert.equal(results.length, 1);
    const [body] = results;
    assert.ok(body instanceof HeldBody);
    assert.equal(Buffer.from(body.bytes()).toString("latin1"), "abc\xe9");
    assert.equal(body.trailers, trailers);
    assert.deepEqual(source.told, ["start"]);
  });

  test("a collector takes exactly its most, and gives up one byte past it, once", () => {
    const exact = collect(3);
    exact.source.sink?.data("abc");
    exact.source.sink?.end();
    assert.ok(exact.results[0] instanceof HeldBody);

    const past = collect(3);
    past.source.sink?.data("abc");
    past.source.sink?.data("d");
    past.source.sink?.data("e");
    past.source.sink?.end();
    past.source.sink?.fail({ code: "body_cut" });
    assert.deepEqual(past.results, [{ code: "body_too_large", detail: "more than 3 bytes" }]);
    assert.deepEqual(past.source.told, ["start", "cancel"]);
  });

  test("a collector hands a failure on", () => {
    const { source, results } = collect(3);
    source.sink?.data("a");
    source.sink?.fail({ code: "body_cut" });
    source.sink?.end();
    assert.deepEqual(results, [{ code: "body_cut" }]);
  });
});
