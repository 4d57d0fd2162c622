import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { authorityOf, isHost, parseAbsolute } from "./host.ts";

const hosts = [
  "a",
  "a.example",
  "A.Example:8080",
  "a_b-c.example.",
  "127.0.0.1:0",
  "[::1]",
  "[::1]:443",
  "[::ffff:10.0.0.1]:65535",
  "[v1.a:b]",
  "a:",
  "a%2Db",
  "!$&'()*+;=~",
];

const none = [
  "",
  " ",
  "a b",
  "a/b",
  "a@b",
  "a?b",
  "a#b",
  "a,b",
  "a\\b",
  "a:b",
  "a:65536",
  "a:99999999999999999999",
  "a:1:2",
  "::1",
  "[::1",
  "[]",
  "[:]",
  "[1.2.3.4]",
  "[::1]x",
  "[::1%25eth0]",
  "a%2",
  "a%zz",
  "caf\xe9",
  ":80",
  "a".repeat(256),
];

/** Asked before any other host was seen. */
const emptyAtFirst = isHost("");

suite("hosts", () => {
  test("an empty one is none, whatever was asked before", () => assert.equal(emptyAtFirst, false));

  for (const host of hosts)
    test(`${host} is one`, () => {
      assert.equal(isHost(host), true);
      assert.equal(isHost(host), true, "the second time");
    });

  for (const host of none)
    test(`${JSON.stringify(host.slice(0, 30))} is none`, () => {
      assert.equal(isHost(host), false);
      isHost("a.example");
      assert.equal(isHost(host), false, "after another");
    });

  test("an authority is compared without case and without the scheme's own port", () => {
    assert.equal(authorityOf("A.Example:80", "http"), "a.example");
    assert.equal(authorityOf("a.example:443", "http"), "a.example:443");
    assert.equal(authorityOf("a.example:443", "https"), "a.example");
    assert.equal(authorityOf("[::1]:80", "http"), "[::1]");
    assert.equal(authorityOf("a.example:", "http"), "a.example");
    assert.equal(authorityOf("a.example:8080", "http"), "a.example:8080");
  });

  test("absolute targets are taken apart", () => {
    for (const [target, authority, path, query] of [
      ["http://a.example", "a.example", "/", ""],
      ["HTTP://a.example:1/b/c?d?e", "a.example:1", "/b/c", "?d?e"],
      ["http://[::1]?x", "[::1]", "/", "?x"],
    ] as const)
      assert.deepEqual(parseAbsolute(target, "http"), { scheme: "http", authority, path, query });
    for (const target of [
      "/a",
      "a.example",
      "http:/a",
      "http://",
      "http:///a",
      "http://u:p@a/",
      "http://:80/",
      "ftp://a/",
      "http://a b/",
    ])
      assert.equal(parseAbsolute(target, "http"), undefined, target);
    assert.equal(parseAbsolute("https://a/", "http"), undefined);
    assert.equal(parseAbsolute("https://a/", "https")?.authority, "a");
  });
});
