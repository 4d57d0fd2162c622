import assert from "node:assert/strict";
import { test } from "node:test";
import { Seal } from "./seal.ts";

const OLD = "an old secret of at least thirty-two characters";
const NEW = "a new secret of at least thirty-two characters!";

test("what is sealed opens by the same secret, for the same kind and purpose only", () => {
  const seal = new Seal([OLD], "a");
  const sealed = seal.seal("session", "häß 😀");
  assert.deepEqual(new Seal([OLD], "a").open("session", sealed), { text: "häß 😀", current: true });
  assert.equal(seal.open("login", sealed), undefined);
  assert.equal(new Seal([OLD], "b").open("session", sealed), undefined);
  assert.equal(new Seal([NEW], "a").open("session", sealed), undefined);
  assert.match(sealed, /^[A-Za-z0-9_-]+$/);
  assert.doesNotMatch(Buffer.from(sealed, "base64url").toString("latin1"), /h.*😀/);
});

test("secrets are changed by putting a new one first", () => {
  const before = new Seal([OLD], "a").seal("session", "x");
  const both = new Seal([NEW, OLD], "a");
  assert.deepEqual(both.open("session", before), { text: "x", current: false });
  const after = both.seal("session", "y");
  assert.deepEqual(new Seal([NEW], "a").open("session", after), { text: "y", current: true });
  assert.equal(new Seal([OLD], "a").open("session", after), undefined);
});

test("two seals of one text have nothing in common", () => {
  const seal = new Seal([OLD], "a");
  assert.notEqual(seal.seal("session", "x"), seal.seal("session", "x"));
});

test("a changed, cut or foreign text does not open, whichever octet it is", () => {
  const seal = new Seal([OLD], "a");
  const sealed = Buffer.from(seal.seal("session", "some text"), "base64url");
  for (let at = 0; at < sealed.length; at++) {
    const changed = Buffer.from(sealed);
    changed[at]! ^= 1;
    assert.equal(seal.open("session", changed.toString("base64url")), undefined, `octet ${at}`);
    assert.equal(seal.open("session", sealed.subarray(0, at).toString("base64url")), undefined);
  }
  for (const text of ["", "x", "%%%", "A".repeat(200), `${sealed.toString("base64url")}=`])
    assert.equal(seal.open("session", text), undefined, text);
});
