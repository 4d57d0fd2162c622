import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Failure } from "../errors/failure.ts";
import { DEFAULT_LIMITS, type HeadLimits } from "../lib/limits.ts";
import { SHARED } from "./buffers.ts";
import { CHUNKED, UNTIL_CLOSE } from "./framing.ts";
import { type ResponseHead, readResponseHead, responseRead } from "./response-reader.ts";

/** Reads a head from memory of its own and from the shared buffer, which must agree. */
function ask(
  text: string,
  method = "GET",
  limits: HeadLimits = DEFAULT_LIMITS,
): ResponseHead | string | undefined {
  SHARED.fill("a", 0, text.length + 64);
  SHARED.write(text, 0, "latin1");
  const results = [Buffer.from(text, "latin1"), SHARED].map((bytes) => {
    const head = readResponseHead(bytes, 0, text.length, limits, method);
    return head instanceof Failure ? `${head.code}: ${head.detail ?? ""}` : head;
  });
  assert.deepEqual(plain(results[0]), plain(results[1]));
  return results[0];
}

function plain(head: ResponseHead | string | undefined): unknown {
  if (head === undefined || typeof head === "string") return head;
  return { ...head, fields: [...head.fields.entries()], ...responseRead };
}

function accept(text: string, method = "GET"): ResponseHead {
  const head = ask(text, method);
  assert.ok(typeof head === "object", `${String(head)} of ${JSON.stringify(text)}`);
  return head;
}

function lines(line: string, ...fields: string[]): string {
  return [line, ...fields, "", ""].join("\r\n");
}

const good: readonly (readonly [line: string, status: number, phrase: string | undefined])[] = [
  ["HTTP/1.1 200 OK", 200, undefined],
  ["HTTP/1.0 404 Not Found", 404, undefined],
  ["HTTP/1.1 200 ", 200, ""],
  ["HTTP/1.1 200", 200, ""],
  ["HTTP/1.1 299 Odd\tpl\xe9ase", 299, "Odd\tpl\xe9ase"],
  ["HTTP/1.1 999 ", 999, ""],
];

const bad: readonly string[] = [
  "HTTP/1.1 20 OK",
  "HTTP/1.1 2000 OK",
  "HTTP/1.1 099 OK",
  "HTTP/1.1  200 OK",
  "HTTP/1.1\t200 OK",
  "HTTP/2.0 200 OK",
  "HTTP/1.2 200 OK",
  "http/1.1 200 OK",
  " HTTP/1.1 200 OK",
  "HTTP/1.1 200OK",
  "HTTP/1.1 200 O\0K",
  "HTTP/1.1 200 O\rK",
  "HTTP/1.1 +20 OK",
  "ICY 200 OK",
  `HTTP/1.1 200 ${"x".repeat(4_000)}`,
];

/** Framing and persistence by the response's fields. */
const framings: readonly (readonly [line: string, fields: string[], method: string, framing: number])[] = [
  ["HTTP/1.1 200 OK", [], "GET", UNTIL_CLOSE],
  ["HTTP/1.1 200 OK", ["Content-Length: 5"], "GET", 5],
  ["HTTP/1.1 200 OK", ["Transfer-Encoding: Chunked"], "GET", CHUNKED],
  ["HTTP/1.1 200 OK", ["Content-Length: 5"], "HEAD", 0],
  ["HTTP/1.1 200 OK", ["Transfer-Encoding: chunked"], "HEAD", 0],
  ["HTTP/1.1 204 No Content", [], "GET", 0],
  ["HTTP/1.1 304 Not Modified", ["Content-Length: 5"], "GET", 0],
  ["HTTP/1.1 100 Continue", ["Content-Length: 5"], "GET", 0],
];

const connections: readonly (readonly [fields: string[], eleven: boolean, ten: boolean])[] = [
  [[], true, false],
  [["Connection: keep-alive"], true, true],
  [["Connection: Close"], false, false],
  [["Connection: keep-alive", "Connection: close"], false, false],
  [["Connection: keep-alive, close"], false, false],
  [["Connection: x-close, x-keep-alive"], true, false],
];

suite("response heads", () => {
  for (const [line, status, phrase] of good)
    test(`takes ${JSON.stringify(line)}`, () => {
      const head = accept(lines(line));
      assert.deepEqual([head.status, head.phrase], [status, phrase]);
    });

  for (const line of bad)
    test(`refuses ${JSON.stringify(line.slice(0, 40))}`, () =>
      assert.match(String(ask(lines(line))), /^response_malformed/));

  for (const [line, fields, method, framing] of framings)
    test(`frames ${method} ${line} ${fields.join()}`, () =>
      assert.equal(accept(lines(line, ...fields), method).framing, framing));

  for (const [fields, eleven, ten] of connections)
    test(`persists or not with ${fields.join(" and ") || "no Connection"}`, () => {
      assert.equal(accept(lines("HTTP/1.1 204 No Content", ...fields)).persistent, eleven, "HTTP/1.1");
      assert.equal(accept(lines("HTTP/1.0 204 No Content", ...fields)).persistent, ten, "HTTP/1.0");
    });

  test("refuses what could be framed in two ways", () => {
    for (const fields of [
      ["Content-Length: 5", "Transfer-Encoding: chunked"],
      ["Content-Length: 5", "Content-Length: 5"],
      ["Content-Length: 5, 5"],
      ["Transfer-Encoding: gzip, chunked"],
      ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
    ])
      assert.match(String(ask(lines("HTTP/1.1 200 OK", ...fields))), /^response_malformed/, fields.join());
    assert.match(String(ask(lines("HTTP/1.0 200 OK", "Transfer-Encoding: chunked"))), /^response_malformed/);
  });

  test("refuses line ends and field lines that are not strict", () => {
    for (const text of [
      "HTTP/1.1 200 OK\nA: b\n\n",
      "HTTP/1.1 200 OK\r\nA: b\nC: d\r\n\r\n",
      "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
      "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
      "\r\nHTTP/1.1 200 OK\r\n\r\n",
      "HTTP/1.1\0",
    ])
      assert.match(String(ask(text)), /^response_malformed/, JSON.stringify(text));
  });

  test("waits for missing bytes, and reads one head at a time", () => {
    const whole = lines("HTTP/1.1 103 Early Hints", "Link: </a>");
    for (let to = 0; to < whole.length; to++) assert.equal(ask(whole.slice(0, to)), undefined, String(to));
    accept(`${whole}HTTP/1.1 200 OK\r\n\r\n`);
    assert.equal(responseRead.end, whole.length);
  });

  test("does not take one status line for another that begins alike", () => {
    assert.equal(accept(lines("HTTP/1.1 200 OK")).phrase, undefined);
    assert.equal(accept(lines("HTTP/1.1 200 OK OK")).phrase, "OK OK");
    assert.equal(accept(lines("HTTP/1.0 200 OK OK")).persistent, false);
    assert.equal(accept(lines("HTTP/1.1 404 OK OK")).status, 404);
    assert.match(String(ask("HTTP/1.1 404 OK OK\n\r\n")), /^response_malformed/);
  });

  test("keeps to its limits", () => {
    const limits = { head: 300, fields: 2, target: 20 };
    const code = /^response_head_too_large/;
    assert.equal(typeof ask(lines("HTTP/1.1 200 OK", "a: 1", "b: 2"), "GET", limits), "object");
    assert.match(String(ask(lines("HTTP/1.1 200 OK", "a: 1", "b: 2", "c: 3"), "GET", limits)), code);
    assert.match(String(ask(lines("HTTP/1.1 200 OK", `a: ${"b".repeat(300)}`), "GET", limits)), code);
    assert.match(String(ask(`HTTP/1.1 200 OK\r\na: ${"b".repeat(300)}`, "GET", limits)), code);
  });

  test("reads for how long a service keeps an idle connection", () => {
    for (const [value, seconds] of [
      ["timeout=5", 5],
      ["max=3, Timeout = 7", 7],
      ['timeout="9"', 9],
      ["xtimeout=5", undefined],
      ["max=5", undefined],
    ] as const)
      assert.equal(
        accept(lines("HTTP/1.1 204 No Content", `Keep-Alive: ${value}`)).keepAlive,
        seconds,
        value,
      );
  });
});
