import assert from "node:assert/strict";
import { test } from "node:test";
import { hashPassword, readPasswordHash, unmatchableHash, verifyPassword } from "./password-hash.ts";

test("a password has its hash, and no other has", async () => {
  const written = await hashPassword("correct horse");
  const read = readPasswordHash(written)!;
  assert.match(written, /^\$scrypt\$ln=15,r=8,p=3\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  assert.equal(await verifyPassword("correct horse", read), true);
  for (const wrong of ["correct hors", "correct horse ", "", "Correct horse"])
    assert.equal(await verifyPassword(wrong, read), false, wrong);
  assert.notEqual(await hashPassword("correct horse"), written, "each has a salt of its own");
});

test("scrypt's example of RFC 7914 §12 is verified", async () => {
  const base64 = (text: string, encoding: BufferEncoding): string =>
    Buffer.from(text, encoding).toString("base64").replace(/=+$/, "");
  const digest =
    "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887";
  const written = `$scrypt$ln=14,r=8,p=1$${base64("SodiumChloride", "latin1")}$${base64(digest, "hex")}`;
  assert.equal(await verifyPassword("pleaseletmein", readPasswordHash(written)!), true);
});

test("what is no hash, and what would cost too much, is not read", () => {
  const salt = "c2FsdHNhbHRzYWx0";
  const digest = "A".repeat(43);
  const good = [
    `$scrypt$ln=15,r=8,p=1$${salt}$${digest}`,
    `$argon2id$v=19$m=19456,t=2,p=1$${salt}$${digest}`,
  ];
  for (const one of good) assert.notEqual(readPasswordHash(one), undefined, one);
  const bad = [
    "secret",
    "",
    `$scrypt$ln=9,r=8,p=1$${salt}$${digest}`,
    `$scrypt$ln=20,r=8,p=1$${salt}$${digest}`,
    `$scrypt$ln=15,r=99,p=1$${salt}$${digest}`,
    `$scrypt$ln=15,r=8,p=0$${salt}$${digest}`,
    `$scrypt$ln=15,r=8,p=99$${salt}$${digest}`,
    `$scrypt$ln=15,r=8,p=1$$${digest}`,
    `$scrypt$ln=15,r=8,p=1$${salt}$AAAA`,
    `$argon2i$v=19$m=19456,t=2,p=1$${salt}$${digest}`,
    `$argon2id$v=16$m=19456,t=2,p=1$${salt}$${digest}`,
    `$argon2id$v=19$m=9999999,t=2,p=1$${salt}$${digest}`,
    `$argon2id$v=19$m=19456,t=99,p=1$${salt}$${digest}`,
    `$argon2id$v=19$m=8,t=1,p=2$${salt}$${digest}`,
    `$2b$12$abcdefghijklmnopqrstuv`,
    `${good[0]}\n`,
  ];
  for (const one of bad) assert.equal(readPasswordHash(one), undefined, one);
});

test("a hash that nobody's password has costs what it is to be like", async () => {
  const like = readPasswordHash(`$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHRzYWx0$${"A".repeat(43)}`)!;
  const made = unmatchableHash(like);
  assert.deepEqual({ ...made, salt: 0, digest: 0 }, { ...like, salt: 0, digest: 0 });
  assert.equal(await verifyPassword("anything", made), false);
  assert.equal(unmatchableHash().algorithm, "scrypt");
});
