import assert from "node:assert/strict";
import { test } from "node:test";
import { Fields } from "../lib/fields.ts";
import { basicCredentials } from "./basic-credentials.ts";

function read(...values: readonly string[]): unknown {
  return basicCredentials(Fields.from(values.map((value) => ["authorization", value] as const)));
}

function basic(text: string | Buffer): string {
  return Buffer.from(text).toString("base64");
}

test("a user and a password are read as RFC 7617 writes them", () => {
  assert.deepEqual(read("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), { user: "Aladdin", password: "open sesame" });
  assert.deepEqual(read("Basic dGVzdDoxMjPCow=="), { user: "test", password: "123£" });
  assert.deepEqual(read(`bAsIc   ${basic("a:b:c")}`), { user: "a", password: "b:c" });
  assert.deepEqual(read(`Basic ${basic("a:")}`), { user: "a", password: "" });
  assert.deepEqual(read(`Basic ${basic("e\u0301:x")}`), { user: "\u00e9", password: "x" });
});

test("other schemes, and no field at all, are nothing", () => {
  for (const values of [[], ["Bearer x"], ["Basicx"], ["Negotiate Basic"], [""]])
    assert.equal(read(...values), undefined);
});

test("what is not one user and one password is malformed", () => {
  const cases = [
    ["Basic"],
    ["Basic !"],
    [`Basic ${basic("a:b")} ${basic("c:d")}`],
    [`Basic ${basic("a:b")}, Basic ${basic("c:d")}`],
    [`Basic ${basic("nocolon")}`],
    [`Basic ${basic(":nobody")}`],
    [`Basic ${basic("a:\n")}`],
    [`Basic ${basic("a\0:b")}`],
    [`Basic ${basic(Buffer.from([0x61, 0x3a, 0xff]))}`],
    [`Basic ${basic(`a:${"x".repeat(3_000)}`)}`],
    [`Basic ${basic("a:b")}`, `Basic ${basic("a:b")}`],
    [`Basic ${basic("a:b")}`, "Bearer x"],
    ["Bearer x", `Basic ${basic("a:b")}`],
  ];
  for (const values of cases) assert.equal(read(...values), "malformed", values.join(" + "));
});
