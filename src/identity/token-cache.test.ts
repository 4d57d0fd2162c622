import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Remembered, TokenCache, TokenMemory } from "./token-cache.ts";

interface Entry extends Remembered {
  readonly n: number;
}

const entry = (token: string, n = 0): Entry => ({ token, n, used: false, place: 0 });

describe("remembered tokens", () => {
  test("are found by all of their text", () => {
    const cache = new TokenCache<Entry>();
    const end = "s".repeat(40);
    cache.add(entry(`a.${end}`, 1));
    assert.equal(cache.get(`a.${end}`)?.n, 1);
    assert.equal(cache.get(`b.${end}`), undefined);
    cache.add(entry(`b.${end}`, 2));
    assert.deepEqual([cache.get(`a.${end}`), cache.get(`b.${end}`)?.n, cache.size], [undefined, 2, 1]);
    cache.add(entry("short", 3));
    assert.equal(cache.get("short")?.n, 3);
  });

  test("are forgotten when there are too many, those first that nobody asked for", () => {
    const cache = new TokenCache<Entry>(undefined, 100);
    for (let i = 0; i < 100; i++) cache.add(entry(`t${i}`));
    for (let i = 0; i < 10; i++) cache.get(`t${i}`);
    for (let i = 100; i < 190; i++) cache.add(entry(`t${i}`));
    assert.equal(cache.size, 100);
    for (let i = 0; i < 10; i++) assert.ok(cache.get(`t${i}`) !== undefined, `t${i}`);
    for (let i = 10; i < 100; i++) assert.equal(cache.get(`t${i}`), undefined);
  });

  test("are none where none are to be remembered", () => {
    const cache = new TokenCache<Entry>(undefined, 0);
    cache.add(entry("t"));
    assert.deepEqual([cache.get("t"), cache.size, cache.bytes], [undefined, 0, 0]);
  });

  test("never take more than their bytes", () => {
    const cache = new TokenCache<Entry>(new TokenMemory(100_000));
    for (let i = 0; i < 100; i++) cache.add(entry(`${i}`.padStart(4_000, "x")));
    assert.ok(cache.size >= 1 && cache.size * 9_024 <= 100_000, String(cache.size));
    assert.ok(cache.get("99".padStart(4_000, "x")) !== undefined);
  });

  test("of several share one memory: the largest gives way, and what is closed gives all back", () => {
    const memory = new TokenMemory(1_000_000);
    const large = new TokenCache<Entry>(memory);
    const small = new TokenCache<Entry>(memory);
    for (let i = 0; i < 200; i++) large.add(entry(`${i}`.padStart(4_000, "x")));
    assert.equal(large.size, 110);
    for (let i = 0; i < 3; i++) large.add(entry(`${i}`.padStart(40_000, "w")));
    for (let i = 0; i < 3; i++) assert.ok(large.get(`${i}`.padStart(40_000, "w")) !== undefined);
    assert.ok(large.bytes <= 1_000_000 && large.bytes > 900_000, String(large.bytes));
    for (let i = 200; i < 600; i++) large.add(entry(`${i}`.padStart(4_000, "x")));
    assert.equal(large.size, 110);
    for (let i = 0; i < 20; i++) small.add(entry(`${i}`.padStart(4_000, "y")));
    assert.deepEqual([large.size, small.size], [90, 20]);
    large.close();
    for (let i = 0; i < 200; i++) small.add(entry(`${i}`.padStart(4_000, "z")));
    assert.deepEqual([large.size, small.size], [0, 110]);
  });

  test("stay what a plain map would hold, whatever is added and forgotten", () => {
    const cache = new TokenCache<Entry>(undefined, 50);
    const model = new Map<string, Entry>();
    let seed = 7;
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return seed % below;
    };
    for (let i = 0; i < 20_000; i++) {
      const token = `token-${random(120)}`;
      const found = cache.get(token);
      if (found === undefined) {
        const made = entry(token, i);
        cache.add(made);
        model.set(token, made);
      } else {
        assert.equal(found, model.get(token));
        if (random(4) === 0) cache.forget(found);
      }
      assert.ok(cache.size <= 50);
    }
    cache.close();
    assert.deepEqual([cache.size, cache.get("token-1")], [0, undefined]);
  });
});
