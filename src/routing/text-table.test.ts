import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Random } from "../../test/support/random.ts";
import { hashOf, TextTable } from "./text-table.ts";

suite("a table of texts", () => {
  test("does what a map does", () => {
    const random = new Random(5);
    const table = new TextTable<number>({});
    const map = new Map<string, number>();
    for (let i = 0; i < 20_000; i++) {
      const key = `k${random.below(400)}`;
      if (random.below(3) === 0) {
        table.delete(key);
        map.delete(key);
      } else {
        table.set(key, i);
        map.set(key, i);
      }
      const other = `k${random.below(400)}`;
      assert.equal(table.get(other), map.get(other));
      assert.equal(table.size, map.size);
    }
    assert.deepEqual(new Map(table.entries()), map);
  });

  test("finds a piece of a text", () => {
    const table = new TextTable<number>({});
    table.set("orders", 1);
    table.set("order", 2);
    table.set("", 3);
    const text = "/orders/7";
    assert.equal(table.find(text, 1, 7, hashOf("orders")), 1);
    assert.equal(table.find(text, 1, 6, hashOf("order")), 2);
    assert.equal(table.find(text, 1, 1, hashOf("")), 3);
    assert.equal(table.find(text, 1, 5, hashOf("orde")), undefined);
  });

  test("another edit changes a copy", () => {
    const edit = {};
    const table = new TextTable<number>(edit);
    table.set("a", 1);
    assert.equal(table.editable(edit), table);
    const copy = table.editable({});
    copy.set("a", 2);
    copy.set("b", 3);
    copy.delete("a");
    assert.deepEqual([...table.entries()], [["a", 1]]);
    assert.deepEqual([...copy.entries()], [["b", 3]]);
  });
});
