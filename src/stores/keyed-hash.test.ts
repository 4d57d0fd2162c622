import assert from "node:assert/strict";
import { test } from "node:test";
import { KeyedHash } from "./keyed-hash.ts";

const KEY = Uint8Array.from([0, 1, 2, 3, 4, 5, 6, 7]);

function hashOf(text: string, key = KEY): string {
  const hash = new KeyedHash(key);
  hash.of(text);
  return `${hash.low} ${hash.high}`;
}

test("the same text has the same hash, whichever instance makes it", () => {
  assert.equal(hashOf("consumer a"), hashOf("consumer a"));
  assert.notEqual(
    hashOf("consumer a"),
    hashOf(
      "consumer a",
      KEY.map((byte) => byte ^ 1),
    ),
  );
});

test("texts that differ a little differ much", () => {
  const texts = [
    "",
    "\0",
    "\0\0",
    "a",
    "a\0",
    "\0a",
    "ab",
    "ba",
    "abc",
    "ab\u0100",
    "a".repeat(65_536),
    "a".repeat(65_537),
  ];
  assert.equal(new Set(texts.map((text) => hashOf(text))).size, texts.length);
  const hash = new KeyedHash(KEY);
  const seen = new Set<string>();
  let ones = 0;
  for (let i = 0; i < 50_000; i++) {
    hash.of(`key ${i}`);
    seen.add(`${hash.low} ${hash.high}`);
    ones += (hash.low & 1) + (hash.high & 1) + ((hash.low >>> 31) & 1) + ((hash.high >>> 31) & 1);
  }
  assert.equal(seen.size, 50_000);
  assert.ok(Math.abs(ones / 200_000 - 0.5) < 0.01, `${ones}`);
});

test("it is HalfSipHash-1-3: the same as word by word by its definition", () => {
  for (const text of ["", "a", "ab", "hello, world", "ü\u{1f600}"])
    assert.equal(hashOf(text), reference(text));
});

/** The algorithm as it is defined, with arithmetic of 32 bits by BigInt. */
function reference(text: string): string {
  const mask = 0xffff_ffffn;
  const rotate = (value: bigint, by: bigint): bigint => ((value << by) | (value >> (32n - by))) & mask;
  const view = new DataView(KEY.buffer);
  const [k0, k1] = [BigInt(view.getUint32(0, true)), BigInt(view.getUint32(4, true))];
  let [v0, v1, v2, v3] = [k0, k1 ^ 0xeen, 0x6c796765n ^ k0, 0x74656462n ^ k1];
  const round = (): void => {
    v0 = (v0 + v1) & mask;
    v1 = rotate(v1, 5n) ^ v0;
    v0 = rotate(v0, 16n);
    v2 = (v2 + v3) & mask;
    v3 = rotate(v3, 8n) ^ v2;
    v0 = (v0 + v3) & mask;
    v3 = rotate(v3, 7n) ^ v0;
    v2 = (v2 + v1) & mask;
    v1 = rotate(v1, 13n) ^ v2;
    v2 = rotate(v2, 16n);
  };
  const words: bigint[] = [];
  const whole = text.length - (text.length % 2);
  for (let i = 0; i < whole; i += 2)
    words.push(BigInt(text.charCodeAt(i)) | (BigInt(text.charCodeAt(i + 1)) << 16n));
  const rest = text.length % 2 === 1 ? BigInt(text.charCodeAt(whole)) : 0n;
  words.push(((BigInt(text.length) << 16n) & mask) | rest);
  for (const word of words) {
    v3 ^= word;
    round();
    v0 ^= word;
  }
  v2 ^= 0xeen;
  for (let i = 0; i < 3; i++) round();
  const low = v1 ^ v3;
  v1 ^= 0xddn;
  for (let i = 0; i < 3; i++) round();
  return `${Number(BigInt.asIntN(32, low))} ${Number(BigInt.asIntN(32, v1 ^ v3))}`;
}
