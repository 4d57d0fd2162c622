import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { Fields } from "../lib/fields.ts";
import { contentDigests, oldDigests } from "./body-digest.ts";

/** The body of the examples of RFC 9530 (Appendix B), and that of RFC 9421 (Appendix B.2), which has no line feed. */
const BODY = '{"hello": "world"}\n';
const SHA256 = "RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=";
const SHA512 = "YMAam51Jz/jOATT6/zvHrLVgOYTGFy1d6GJiOHTohq4yP+pgk4vf2aCsyRZOtw8MjkM7iw7yZ/WkppmM44T3qg==";
const SIGNED = "X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=";

const read = (text: string) =>
  contentDigests(Fields.from({ "content-digest": text }))?.map(({ hash }) => hash);
const readOld = (text: string) => oldDigests(Fields.from({ digest: text }))?.map(({ hash }) => hash);

describe("Content-Digest", () => {
  test("is read as the examples of RFC 9530 write it", () => {
    for (const [body, name, value] of [
      [BODY, "sha-256", SHA256],
      [BODY, "sha-512", SHA512],
      [BODY.trim(), "sha-256", SIGNED],
    ] as const) {
      const [digest] = contentDigests(Fields.from({ "content-digest": `${name}=:${value}:` }))!;
      assert.deepEqual(digest?.value, createHash(digest!.hash).update(body).digest());
    }
  });

  for (const [text, expected] of [
    [`sha-256=:${SHA256}:`, ["sha256"]],
    [`sha-512=:${SHA512}:, sha-256=:${SHA256}:`, ["sha512", "sha256"]],
    [`md5=:AAAA:,   sha-256=:${SHA256}:;x=1`, ["sha256"]],
    [`unixsum=1, constructor=1, sha-256=:${SHA256}:`, ["sha256"]],
    ["md5=:AAAA:", undefined],
    ["", undefined],
    [`sha-256=${SHA256}`, undefined],
    ["sha-256=:AAAA:", undefined],
    [`sha-256=("a")`, undefined],
    [`sha-256="${SHA256}"`, undefined],
    [`SHA-256=:${SHA256}:`, undefined],
    [`sha-256=:${SHA256}:, sha-512=:AAAA:`, undefined],
    [`sha-256=:${SHA256}:,`, undefined],
    ["__proto__=1", undefined],
  ] as const)
    test(`${JSON.stringify(text)} says ${expected}`, () => assert.deepEqual(read(text), expected));
});

describe("Digest", () => {
  for (const [text, expected] of [
    [`SHA-256=${SHA256}`, ["sha256"]],
    [`sha-512=${SHA512}, SHA-256=${SHA256}`, ["sha512", "sha256"]],
    [`MD5=HUXZLQLMuI/KZ5KDcJPcOA==,SHA-256=${SHA256}`, ["sha256"]],
    ["MD5=HUXZLQLMuI/KZ5KDcJPcOA==", undefined],
    [`SHA-256=:${SHA256}:`, undefined],
    ["SHA-256=AAAA", undefined],
    ["SHA-256", undefined],
    ["", undefined],
  ] as const)
    test(`${JSON.stringify(text)} says ${expected}`, () => assert.deepEqual(readOld(text), expected));
});
