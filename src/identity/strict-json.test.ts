import assert from "node:assert/strict";
import { test } from "node:test";
import { strictObject } from "./strict-json.ts";

const read = (text: string): unknown => strictObject(Buffer.from(text));

test("one JSON object is read as JSON.parse reads it", () => {
  const texts = [
    "{}",
    ' {"a": [1, {"a": "}]{["}], "b\\"c": "\\u0041"} \n',
    '{"a":{"b":1},"c":{"b":2}}',
    '{"":1,"\\u0000":2,"é":3}',
    `{"a":${"[".repeat(30)}${"]".repeat(30)}}`,
  ];
  for (const text of texts) assert.deepEqual(read(text), JSON.parse(text));
});

test("what two readers could read in two ways is not read", () => {
  const texts = [
    '{"a":1,"a":1}',
    '{"a":1,"\\u0061":2}',
    '{"a":1, "a" \t\r\n:2}',
    '[{"a":1}]',
    '{"b":[{"a":1,"a":2}]}',
    '{"__proto__":1}',
    '{"a":{"__proto__":{}}}',
    '{"a":1}x',
    '{"a":1,}',
    "{a:1}",
    "{'a':1}",
    '{"a":01}',
    '{"a":NaN}',
    '{"a":"\n"}',
    '{"a',
    "",
    "1",
    "null",
    '"a"',
    `{"a":${"[".repeat(40)}${"]".repeat(40)}}`,
    `${"[".repeat(100_000)}`,
    "\ufeff{}",
  ];
  for (const text of texts) assert.equal(read(text), undefined, text.slice(0, 40));
  assert.equal(strictObject(Buffer.from('{"a":"\xff"}', "latin1")), undefined);
});
