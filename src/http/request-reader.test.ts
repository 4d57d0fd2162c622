import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Failure } from "../errors/failure.ts";
import { DEFAULT_LIMITS, type HeadLimits } from "../lib/limits.ts";
import type { RequestHead } from "../lib/request.ts";
import { SHARED } from "./buffers.ts";
import { read, readRequestHead } from "./request-reader.ts";

/** Reads a head from memory of its own and from the shared buffer, which must agree. */
function ask(
  text: string,
  limits: HeadLimits = DEFAULT_LIMITS,
  scheme = "http",
): RequestHead | string | undefined {
  SHARED.fill("a", 0, text.length + 64);
  SHARED.write(text, 0, "latin1");
  const results = [Buffer.from(text, "latin1"), SHARED].map((bytes) => {
    const head = readRequestHead(bytes, 0, text.length, limits, scheme);
    return head instanceof Failure ? `${head.code}: ${head.detail ?? ""}` : head;
  });
  assert.deepEqual(plain(results[0]), plain(results[1]));
  return results[0];
}

function plain(head: RequestHead | string | undefined): unknown {
  if (head === undefined || typeof head === "string") return head;
  return { ...head, fields: [...head.fields.entries()], ...read };
}

function accept(text: string): RequestHead {
  const head = ask(text);
  assert.ok(typeof head === "object", `${String(head)} of ${JSON.stringify(text)}`);
  return head;
}

/** A head with this line and these fields, Host among them. */
function lines(line: string, ...fields: string[]): string {
  return [line, "Host: a.example", ...fields, "", ""].join("\r\n");
}

const targets: readonly (readonly [target: string, path: string, query: string, authority?: string])[] = [
  ["/", "/", ""],
  ["/a/b;c=d", "/a/b;c=d", ""],
  ["/a?b=c?d", "/a", "?b=c?d"],
  ["/?", "/", "?"],
  ["//a/..//b", "//a/..//b", ""],
  ["/%2F%41", "/%2F%41", ""],
  ['/"<>[\\]^`{|}?"{', "/%22%3C%3E%5B%5C%5D%5E%60%7B%7C%7D", "?%22%7B"],
  ["/a?100%", "/a", "?100%"],
  ["http://a.example", "/", ""],
  ["http://A.EXAMPLE:80/x?y", "/x", "?y", "A.EXAMPLE:80"],
  ["HTTP://a.example?q", "/", "?q"],
];

const refused: readonly (readonly [text: string, code: RegExp])[] = [
  [lines("GET /a b HTTP/1.1"), /^request_malformed/],
  [lines("GET  / HTTP/1.1"), /^request_malformed/],
  [lines("GET /  HTTP/1.1"), /^request_malformed/],
  [lines("GET\t/ HTTP/1.1"), /^request_malformed/],
  [lines(" GET / HTTP/1.1"), /^request_malformed/],
  [lines("G(T / HTTP/1.1"), /^request_malformed/],
  [lines(`${"G".repeat(33)} / HTTP/1.1`), /^request_malformed: the method is too long/],
  [lines("GET /# HTTP/1.1"), /^request_malformed/],
  [lines("GET /\x80 HTTP/1.1"), /^request_malformed/],
  [lines("GET /% HTTP/1.1"), /^request_malformed: a percent/],
  [lines("GET /%4g HTTP/1.1"), /^request_malformed: a percent/],
  [lines("GET a HTTP/1.1"), /^request_malformed/],
  [lines("GET * HTTP/1.1"), /^request_malformed/],
  [lines("GET https://a.example/ HTTP/1.1"), /^request_malformed/],
  [lines("GET http://u@a.example/ HTTP/1.1"), /^request_malformed/],
  [lines("GET http:///x HTTP/1.1"), /^request_malformed/],
  [lines("GET http://b.example/ HTTP/1.1"), /^host_invalid/],
  [lines("CONNECT a.example:80 HTTP/1.1"), /^connect_unsupported/],
  [lines("CONNECT / HTTP/1.1"), /^connect_unsupported/],
  [lines("GET / HTTP/2.0"), /^version_unsupported/],
  [lines("GET / HTTP/1.2"), /^version_unsupported/],
  [lines("GET / http/1.1"), /^request_malformed/],
  [lines("GET / HTTP/1.1 "), /^request_malformed/],
  [lines("GET /"), /^request_malformed/],
  ["GET / HTTP/1.1\nHost: a\n\n", /^request_malformed/],
  ["\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", /^request_malformed/],
  ["\rGET / HTTP/1.1\r\n", /^request_malformed/],
  ["GET / HTTP/1.1\r\n\r\n", /^host_invalid: Host is missing/],
  [lines("GET / HTTP/1.1", "Host: a.example"), /^host_invalid: Host stands twice/],
  ["GET / HTTP/1.1\r\nHost:\r\n\r\n", /^host_invalid/],
  ["GET / HTTP/1.1\r\nHost: a b\r\n\r\n", /^host_invalid/],
  [lines("GET / HTTP/1.1", "Expect: 200-ok"), /^expectation_unknown/],
  [lines("POST / HTTP/1.1", "Content-Length: 1", "Transfer-Encoding: chunked"), /^framing_ambiguous/],
];

/** Fields of Connection, and whether the connection goes on in HTTP/1.1 and in HTTP/1.0. */
const connections: readonly (readonly [fields: string[], eleven: boolean, ten: boolean])[] = [
  [[], true, false],
  [["Connection: keep-alive"], true, true],
  [["Connection: Keep-Alive"], true, true],
  [["Connection: close"], false, false],
  [["Connection: x, CLOSE"], false, false],
  [["Connection: keep-alive", "Connection: close"], false, false],
  [["Connection: keep-alive, close"], false, false],
  [["Connection: keep-alive,"], true, true],
  [["Connection: xclose, keep-alivex"], true, false],
  [["Connection: cl ose, keep -alive"], true, false],
];

suite("request heads", () => {
  for (const [target, path, query, authority = "a.example"] of targets)
    test(`takes the target ${target}`, () => {
      const head = accept(lines(`GET ${target} HTTP/1.1`));
      assert.deepEqual([head.path, head.query, head.authority], [path, query, authority]);
    });

  for (const [text, code] of refused)
    test(`refuses ${JSON.stringify(text.slice(0, 70))}`, () => assert.match(String(ask(text)), code));

  for (const [fields, eleven, ten] of connections)
    test(`persists or not with ${fields.join(" and ") || "no Connection"}`, () => {
      accept(lines("GET / HTTP/1.1", ...fields));
      assert.equal(read.persistent, eleven, "HTTP/1.1");
      accept(lines("GET / HTTP/1.0", ...fields));
      assert.equal(read.persistent, ten, "HTTP/1.0");
    });

  test("waits for missing bytes, and says the same of a head that comes in two parts", () => {
    const whole = lines("POST /a?b HTTP/1.1", "Content-Length: 3");
    for (let to = 0; to < whole.length; to++) assert.equal(ask(whole.slice(0, to)), undefined, String(to));
    accept(`${whole}abc`);
    assert.deepEqual([read.end, read.framing], [whole.length, 3]);
    const line = "GET / HTTP/2.0\r\n";
    for (let to = 0; to < line.length; to++) assert.equal(ask(line.slice(0, to)), undefined, String(to));
  });

  test("lets one empty line pass", () => {
    accept("\r\nGET / HTTP/1.0\r\n\r\n");
    assert.equal(read.end, 20);
  });

  test("keeps to its limits", () => {
    const limits = { head: 300, fields: 3, target: 20 };
    assert.equal(typeof ask(lines(`GET /${"a".repeat(19)} HTTP/1.1`), limits), "object");
    assert.match(String(ask(`GET /${"a".repeat(20)}`, limits)), /^target_too_long/);
    assert.equal(typeof ask(lines("GET / HTTP/1.1", "a: 1", "b: 2"), limits), "object");
    assert.match(String(ask(lines("GET / HTTP/1.1", "a: 1", "b: 2", "c: 3"), limits)), /^fields_too_many/);
    assert.match(String(ask(lines("GET / HTTP/1.1", `a: ${"b".repeat(300)}`), limits)), /^head_too_large/);
    assert.match(String(ask(`GET / HTTP/1.1\r\na: ${"b".repeat(300)}`, limits)), /^head_too_large/);
  });

  test("tells of upgrade, expectation and trailers", () => {
    const upgrade = ["Upgrade: WebSocket", "Connection: keep-alive, Upgrade"];
    assert.equal(accept(lines("GET / HTTP/1.1", ...upgrade)).upgrade, "websocket");
    assert.equal(accept(lines("GET / HTTP/1.1", "Upgrade: websocket")).upgrade, undefined);
    assert.equal(accept(lines("GET / HTTP/1.1", "Upgrade: h2c", "Connection: Upgrade")).upgrade, undefined);
    assert.equal(accept(lines("POST / HTTP/1.1", ...upgrade)).upgrade, undefined);
    assert.equal(accept(lines("GET / HTTP/1.1", "Content-Length: 1", ...upgrade)).upgrade, undefined);
    const expect = ["Expect: 100-Continue", "Content-Length: 1"];
    assert.equal(accept(lines("POST / HTTP/1.1", ...expect)).expectsContinue, true);
    assert.equal(accept(lines("POST / HTTP/1.0", ...expect)).expectsContinue, false);
    assert.equal(accept(lines("POST / HTTP/1.1", "Expect: 100-continue")).expectsContinue, false);
    assert.equal(accept(lines("GET / HTTP/1.1", "TE: gzip, trailers")).takesTrailers, true);
    assert.equal(accept(lines("GET / HTTP/1.1", "TE: xtrailers")).takesTrailers, false);
  });

  test("ignores Upgrade in HTTP/1.0 (RFC 9110 §7.8)", () => {
    const head = accept(lines("GET / HTTP/1.0", "Upgrade: websocket", "Connection: Upgrade"));
    assert.equal(head.upgrade, undefined);
  });

  test("keeps fields in their order, and leaves out lookalikes", () => {
    const head = accept(lines("GET / HTTP/1.1", "X-A:1", "Content_Length: 5", "x-a:\t 2\t"));
    assert.deepEqual(
      [...head.fields.entries()],
      [
        ["host", "a.example"],
        ["x-a", "1"],
        ["x-a", "2"],
      ],
    );
  });
});
