import assert from "node:assert/strict";
import { test } from "node:test";
import { accepts, mediaTypeSet, parseMediaType } from "./media-type.ts";

test("media types are read with their parameters", () => {
  const read = (text: string): unknown => {
    const found = parseMediaType(text);
    return found && [found.type, Object.fromEntries(found.parameters)];
  };
  assert.deepEqual(read("Application/JSON"), ["application/json", {}]);
  assert.deepEqual(read("text/html;charset=UTF-8"), ["text/html", { charset: "UTF-8" }]);
  assert.deepEqual(read('text/html ; Charset="utf-8" ; x=1'), ["text/html", { charset: "utf-8", x: "1" }]);
  assert.deepEqual(read('a/b; x="\\"q\\\\"'), ["a/b", { x: '"q\\' }]);
  assert.deepEqual(read("a/b;"), ["a/b", {}]);
  assert.deepEqual(read("a/b; ;x=1"), ["a/b", { x: "1" }]);
  for (const wrong of [
    "",
    "json",
    "a/b/c",
    "a/",
    "/b",
    "a b/c",
    "a/b, c/d",
    "a/b; x",
    "a/b; x=1; X=2",
    "a/b x=1",
  ])
    assert.equal(read(wrong), undefined, wrong);
  assert.equal(read('a/b; x="open'), undefined);
});

test("sets of media types know wild cards", () => {
  const has = mediaTypeSet(["application/json", "image/*", "application/*+json"]);
  for (const type of ["application/json", "image/png", "application/problem+json"])
    assert.ok(has(type), type);
  for (const type of ["application/xml", "image/", "application/+json", "text/json", "ximage/png"])
    assert.ok(!has(type), type);
  assert.ok(mediaTypeSet(["*/*"])("a/b"));
});

test("Accept is read with its weights, the most specific range first", () => {
  const json = ["application/json"];
  assert.ok(accepts("application/json", json));
  assert.ok(accepts("text/html, */*;q=0.1", json));
  assert.ok(accepts("application/*", json));
  assert.ok(accepts("Application/JSON ; q=1", json));
  assert.ok(!accepts("text/html", json));
  assert.ok(!accepts("*/*, application/json;q=0", json));
  assert.ok(!accepts("application/*;q=0, */*", json));
  assert.ok(accepts("text/csv", ["application/json", "text/csv"]));
  assert.ok(!accepts("nonsense", json));
});
