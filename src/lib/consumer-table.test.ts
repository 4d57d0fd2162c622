import assert from "node:assert/strict";
import { test } from "node:test";
import { ConsumerTable } from "./consumer-table.ts";
import { ConsumerTableBuilder, type NewCredential } from "./consumer-table-builder.ts";

const AT = { source: 0, line: 0 };

function credential(
  kind: NewCredential["kind"],
  by: string,
  more: Partial<NewCredential> = {},
): NewCredential {
  return { kind, by, id: `id of ${by}`, notBefore: -1, expires: 2, proof: "", ...more };
}

function built(fill: (builder: ConsumerTableBuilder) => void): ConsumerTable {
  const builder = new ConsumerTableBuilder();
  fill(builder);
  const { memory, clashes } = builder.build(10);
  assert.deepEqual(clashes, []);
  return new ConsumerTable(memory);
}

test("every one of many is found by its name and its credentials, and nothing else is", () => {
  const count = 20_000;
  const table = built((builder) => {
    for (let i = 0; i < count; i++)
      builder.add(
        `consumer ${i}`,
        i % 2 === 0 ? "" : `{"groups":["${i}"]}`,
        [
          credential("key", `key ${i}`, { expires: i, notBefore: -i }),
          credential("subject", `issuer\0${i}`, { proof: `proof ${i}` }),
        ],
        AT,
      );
  });
  assert.deepEqual([table.count("name"), table.count("key"), table.count("subject")], [count, count, count]);
  for (let i = 0; i < count; i++) {
    const about = i % 2 === 0 ? "" : `{"groups":["${i}"]}`;
    const name = `consumer ${i}`;
    assert.deepEqual(table.consumer(table.find("name", name)), { name, about });
    const { consumer, ...key } = table.credential(table.find("key", `key ${i}`));
    const expected = { kind: "key", id: `id of key ${i}`, notBefore: -i, expires: i, proof: "" };
    assert.deepEqual(key, expected);
    assert.equal(table.consumer(consumer).name, name);
    assert.equal(table.credential(table.find("subject", `issuer\0${i}`)).proof, `proof ${i}`);
  }
  for (let i = 0; i < count; i++) {
    assert.equal(table.find("name", `key ${i}`), 0);
    assert.equal(table.find("basic", `key ${i}`), 0);
    assert.equal(table.find("key", `key ${count + i}`), 0);
  }
});

test("texts beyond ASCII are found as they are, and not by what looks alike", () => {
  const names = ["jörg", "jo\u0308rg", "秘密", "☃", "j\u00c3\u00b6rg", "", "\0", "é".repeat(500)];
  const table = built((builder) => {
    for (const name of names) builder.add(name, "", [credential("basic", name)], AT);
  });
  for (const name of names) {
    assert.equal(table.consumer(table.find("name", name)).name, name);
    assert.equal(table.credential(table.find("basic", name)).id, `id of ${name}`);
  }
  for (const other of ["jorg", "j\xf6rgx", "☂", "秘", "é".repeat(499)])
    assert.equal(table.find("name", other), 0);
});

test("an empty table holds nothing", () => {
  const table = built(() => undefined);
  assert.deepEqual([table.find("name", "a"), table.find("key", ""), [...table.records()]], [0, 0, []]);
});

test("records larger than a piece of memory, and those behind them, are whole", () => {
  const long = "x".repeat(9_000_000);
  const table = built((builder) => {
    builder.add("before", "", [credential("key", "a")], AT);
    builder.add("long", `{"metadata":"${long}"}`, [credential("hmac", "b", { proof: long })], AT);
    builder.add("after", "", [credential("key", "c")], AT);
  });
  assert.equal(table.consumer(table.find("name", "long")).about.length, long.length + 15);
  assert.equal(table.credential(table.find("hmac", "b")).proof, long);
  assert.equal(table.consumer(table.credential(table.find("key", "c")).consumer).name, "after");
});

test("records come in the order in which they were added, each consumer before its credentials", () => {
  const table = built((builder) => {
    builder.add("a", "", [credential("key", "k1"), credential("basic", "u1", { proof: "p" })], AT);
    builder.add("b", "{}", [], AT);
    builder.add("c", "", [credential("certificate", "x")], AT);
  });
  const seen = [...table.records()].map((at) =>
    table.isConsumer(at) ? table.consumer(at).name : `${table.credential(at).kind} ${table.expires(at)}`,
  );
  assert.deepEqual(seen, ["a", "key 2", "basic 2", "b", "c", "certificate 2"]);
  assert.equal(table.credential(table.password).id, "id of u1");
});

test("what stands twice is told with both places, as often as is asked", () => {
  const builder = new ConsumerTableBuilder();
  builder.add("a", "", [credential("key", "k")], { source: 0, line: 3 });
  builder.add("b", "", [credential("key", "k"), credential("basic", "k")], { source: 2, line: 70_000 });
  for (let i = 0; i < 5; i++) builder.add("a", "", [], { source: 1, line: i });
  const { clashes } = builder.build(3);
  const first = { source: 0, line: 3 };
  assert.deepEqual(clashes, [
    { kind: "key", first, second: { source: 2, line: 70_000 } },
    { kind: "name", first, second: { source: 1, line: 0 } },
    { kind: "name", first, second: { source: 1, line: 1 } },
  ]);
});

test("memory that is something else is refused", () => {
  assert.throws(() => new ConsumerTable(new SharedArrayBuffer(64)), RangeError);
});
