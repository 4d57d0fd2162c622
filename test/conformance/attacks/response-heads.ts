/** Responses whose head is not what RFC 9112 says. */
import {
  FAILED,
  head,
  lie,
  POISON,
  passed,
  passedOrFailed,
  type ResponseCase,
  type ResponseFamily,
  whole,
} from "./response-table.ts";
import { byteRange, CONTROLS, DELIMITERS } from "./table.ts";

const HELLO = "Content-Length: 5";

function line(statusLine: string): ResponseCase[] {
  return lie(JSON.stringify(statusLine).slice(0, 60), head([HELLO], "hello", statusLine), FAILED);
}

/** Heads in which `end` stands for one or more of the line ends. */
function withLineEnds(end: string): ResponseCase[] {
  const rows: Record<string, string> = {
    "after the status line": `HTTP/1.1 200 OK${end}${HELLO}\r\n\r\nhello`,
    "after a field": `HTTP/1.1 200 OK\r\nX: y${end}${HELLO}\r\n\r\nhello`,
    "after the last field": `HTTP/1.1 200 OK\r\n${HELLO}${end}\r\nhello`,
    "as the empty line": `HTTP/1.1 200 OK\r\n${HELLO}\r\n${end}hello`,
    everywhere: `HTTP/1.1 200 OK${end}${HELLO}${end}${end}hello`,
    "inside a value": `HTTP/1.1 200 OK\r\nX: y${end}Set-Cookie: evil=1\r\n${HELLO}\r\n\r\nhello`,
    "inside a value, twice": `HTTP/1.1 200 OK\r\nX: y${end}${end}${POISON}\r\n${HELLO}\r\n\r\nhello`,
    "inside a name": `HTTP/1.1 200 OK\r\nX${end}Y: z\r\n${HELLO}\r\n\r\nhello`,
    "inside the reason": `HTTP/1.1 200 O${end}K: x\r\n${HELLO}\r\n\r\nhello`,
    "before the value": `HTTP/1.1 200 OK\r\nX:${end}y\r\n${HELLO}\r\n\r\nhello`,
    "in the length": `HTTP/1.1 200 OK\r\nContent-Length: 5${end}5\r\n\r\nhello`,
  };
  return Object.entries(rows).flatMap(([place, answer]) =>
    lie(`${JSON.stringify(end)} ${place}`, answer, FAILED),
  );
}

function fieldRow(name: string, field: string): ResponseCase[] {
  return lie(name, head([field, HELLO], "hello"), FAILED);
}

function nameOf(byte: string): string {
  return `0x${byte.charCodeAt(0).toString(16).padStart(2, "0")}`;
}

// biome-ignore format: one line a kind
const statusLines = [
  "HTTP/1.1 20 OK", "HTTP/1.1 2 OK", "HTTP/1.1 2000 OK", "HTTP/1.1 20x OK", "HTTP/1.1 abc OK", "HTTP/1.1 0xc8 OK", "HTTP/1.1 2.0 OK", "HTTP/1.1 -20 OK", "HTTP/1.1 +20 OK", "HTTP/1.1  200 OK", "HTTP/1.1 200OK",
  "HTTP/1.1 000 OK", "HTTP/1.1 099 OK", "HTTP/1.1 2\xb20 OK", "HTTP/1.1 \xb2\xb0\xb0 OK", "HTTP/1.1 OK 200", "HTTP/1.1 OK", "HTTP/1.1", "HTTP/1.1 ", "HTTP/1.1\t200 OK", "HTTP/1.1 200\tOK",
  "200 OK", " 200 OK", "HTTP/2.0 200 OK", "HTTP/2 200 OK", "HTTP/3 200 OK", "HTTP/0.9 200 OK", "HTTP/1 200 OK", "HTTP/1. 200 OK", "HTTP/1.10 200 OK", "HTTP/01.1 200 OK", "HTTP/1,1 200 OK", "HTTP/1.x 200 OK",
  "http/1.1 200 OK", "Http/1.1 200 OK", "HTTPS/1.1 200 OK", "XHTTP/1.1 200 OK", " HTTP/1.1 200 OK", "\tHTTP/1.1 200 OK", "\xef\xbb\xbfHTTP/1.1 200 OK", "ICY 200 OK", "RTSP/1.0 200 OK", "HTTP /1.1 200 OK", "HTTP/1.1200 OK",
  "HTTP/1.1 200 O\0K", "HTTP/1.1 200 O\x01K", "HTTP/1.1 200 O\x0bK", "HTTP/1.1 200 O\x7fK", "HTTP/1.1\0 200 OK", "HTTP/1.1 200\0 OK", "HTTP/1.1 2\x0000 OK", "HTTP/1.1\xa0200 OK", "GET / HTTP/1.1", "X: y", "",
];

const noHead = [
  "hello",
  "hello\r\n\r\n",
  "<html><body>hello</body></html>",
  `<html>\r\n\r\n${POISON}`,
  "SSH-2.0-OpenSSH_9.2\r\n",
  "220 mail.example ESMTP\r\n",
  "\x15\x03\x01\x00\x02\x02\x0a",
  "\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x80",
  "-ERR unknown command\r\n",
  "",
  "\r\n",
  "\r\n\r\n",
  "H",
  "HTTP/1.1",
  "HTTP/1.1 200 OK",
  "HTTP/1.1 200 OK\r\n",
  `HTTP/1.1 200 OK\r\n${HELLO}`,
  `HTTP/1.1 200 OK\r\n${HELLO}\r\n`,
  `HTTP/1.1 200 OK\r\n${HELLO}\r\n\r`,
  "HTTP/1.1 100 Continue\r\n\r\n",
  "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200",
];

/** Families about response heads. */
export const responseHeadFamilies: readonly ResponseFamily[] = [
  {
    name: "status lines",
    rfc: "RFC 9112 4, 2.3",
    rule: "A status line is `HTTP/1.`, a digit, a space, three digits, and a reason that may be missing; else 502.",
    cases: [
      ...statusLines.flatMap(line),
      ...[
        "HTTP/1.1 200 ",
        "HTTP/1.1 200",
        "HTTP/1.1 200 OK",
        "HTTP/1.1 200 Very long reason, with: (signs) and\ttabs",
        "HTTP/1.1 200 \xe4\xf6\xfc",
        "HTTP/1.0 200 OK",
      ].map((statusLine) => ({
        name: `well formed ${JSON.stringify(statusLine)}`,
        answer: head([HELLO], "hello", statusLine),
        expect: passed({ body: "hello" }),
      })),
      ...[299, 400, 404, 418, 451, 500, 503, 599].map((status) => ({
        name: `status ${status}`,
        answer: head([HELLO], "hello", `HTTP/1.1 ${status} X`),
        expect: passed({ status, body: "hello" }),
      })),
      ...[600, 999].map((status) => ({
        name: `status ${status}`,
        answer: head([HELLO], "hello", `HTTP/1.1 ${status} X`),
        expect: passedOrFailed({ status, body: "hello" }),
      })),
      ...lie(
        "higher minor version",
        head([HELLO], "hello", "HTTP/1.2 200 OK"),
        passedOrFailed({ body: "hello" }),
      ),
    ],
  },
  {
    name: "no response at all",
    rfc: "RFC 9112 4, 8; RFC 9110 15.6.3",
    rule: "Bytes without a head, and heads that end early, are 502: HTTP/0.9 is not guessed.",
    cases: noHead.flatMap((answer) =>
      (["end", "reset"] as const).map((after) => ({
        name: `${JSON.stringify(answer.slice(0, 40))}, then ${after}`,
        answer,
        after,
        expect: FAILED,
      })),
    ),
  },
  {
    name: "response bare LF and CR",
    rfc: "RFC 9112 2.2",
    rule: "A line end other than CRLF is 502, since others read such bytes as more or fewer fields.",
    cases: ["\n", "\r", "\r\r\n"].flatMap(withLineEnds),
  },
  {
    name: "response folds",
    rfc: "RFC 9112 5.2",
    rule: "A fold is 502, or becomes spaces in the one value it belongs to.",
    cases: [" ", "\t", "   "].flatMap((fold) => [
      ...lie(
        `${JSON.stringify(fold)} in a value`,
        head([`X: a\r\n${fold}b`, HELLO], "hello"),
        passedOrFailed({ body: "hello" }),
      ),
      ...lie(
        `${JSON.stringify(fold)} with a field in it`,
        head([`X: a\r\n${fold}Set-Cookie: evil=1`, HELLO], "hello"),
        passedOrFailed({ body: "hello", absent: ["set-cookie"] }),
      ),
      ...lie(
        `${JSON.stringify(fold)} with a length in it`,
        head([`X: a\r\n${fold}Content-Length: 1`, HELLO], "hello"),
        passedOrFailed({ body: "hello" }),
      ),
      ...lie(
        `${JSON.stringify(fold)} inside the length`,
        head([`Content-Length: 5\r\n${fold}0`], "hello"),
        FAILED,
      ),
      ...lie(
        `${JSON.stringify(fold)} before the first field`,
        `HTTP/1.1 200 OK\r\n${fold}X: y\r\n${HELLO}\r\n\r\nhello`,
        FAILED,
      ),
    ]),
  },
  {
    name: "response field names",
    rfc: "RFC 9112 5, 5.1; RFC 9110 5.1",
    rule: "A name is a token with the colon behind it; whitespace before the colon is 502 or taken away.",
    cases: [
      ...[...CONTROLS, "\0", ...DELIMITERS, ...byteRange(0x80, 0xff).filter((_, i) => i % 8 === 0)].flatMap(
        (byte) => fieldRow(`${nameOf(byte)} inside`, `X${byte}Y: z`),
      ),
      ...["", " X", "\tX"].flatMap((name) => fieldRow(`name ${JSON.stringify(name)}`, `${name}: y`)),
      ...["X", "X y", "=", "HTTP/1.1 200 OK", "<x>"].flatMap((field) =>
        fieldRow(`no colon in ${field}`, field),
      ),
      ...[" ", "\t", "  "].flatMap((space) => [
        ...lie(
          `${JSON.stringify(space)} before a colon`,
          head([`X${space}: y`, HELLO], "hello"),
          passedOrFailed({ body: "hello", fields: [["x", "y"]] }),
        ),
        ...lie(
          `${JSON.stringify(space)} before the length's colon`,
          head([`Content-Length${space}: 5`], "hello"),
          passedOrFailed({ body: "hello" }),
        ),
        ...lie(
          `${JSON.stringify(space)} before a second length's colon`,
          head([HELLO, `Content-Length${space}: 1`], "hello"),
          FAILED,
        ),
      ]),
    ],
  },
  {
    name: "response field values",
    rfc: "RFC 9110 5.5",
    rule: "A value holds no NUL and no control but tab; bytes above 0x7f stay what they are.",
    cases: [
      ...["\0", ...CONTROLS].flatMap((byte) => fieldRow(`${nameOf(byte)}`, `X: a${byte}b`)),
      ...fieldRow("NUL at the end", "X: a\0"),
      ...fieldRow("NUL in Location", "Location: /x\0y"),
      ...fieldRow("NUL in Set-Cookie", "Set-Cookie: a=b\0; path=/"),
      ...[
        "a\xe5\x98\x8a\xe5\x98\x8dSet-Cookie: evil=1",
        "a\xc4\x8d\xc4\x8aSet-Cookie: evil=1",
        "a%0d%0aSet-Cookie: evil=1",
        "a\\r\\nSet-Cookie: evil=1",
        "a\xe2\x80\xa8b",
        "a\xc2\x85b",
        "\xff\xfe\x80",
      ].map((value) => ({
        name: `stays ${JSON.stringify(value)}`,
        answer: whole("hello", `X: ${value}`),
        expect: passed({ body: "hello", fields: [["x", value]], absent: ["set-cookie"] }),
      })),
    ],
  },
  {
    name: "response head too large",
    rfc: "RFC 9110 5.4, 15.6.3",
    rule: "A head beyond the limits is 502, and costs no more than the limit.",
    cases: [
      ...[40_000, 400_000].flatMap((size) => [
        ...lie(`one value of ${size}`, whole("hello", `X: ${"y".repeat(size)}`), FAILED),
        ...lie(`one name of ${size}`, whole("hello", `${"X".repeat(size)}: y`), FAILED),
        ...lie(`a reason of ${size}`, head([HELLO], "hello", `HTTP/1.1 200 ${"x".repeat(size)}`), FAILED),
        ...lie(`no line end in ${size}`, `HTTP/1.1 200 OK${" ".repeat(size)}`, FAILED),
        ...lie(`garbage of ${size}`, "x".repeat(size), FAILED),
        ...lie(`many fields, ${size} in all`, whole("hello", ...fieldsOf(50, size / 50)), FAILED),
      ]),
      ...[150, 1_000, 5_000].flatMap((count) =>
        lie(`${count} fields`, whole("hello", ...fieldsOf(count, 2)), FAILED),
      ),
      {
        name: "just legal: 20,000 bytes",
        answer: whole("hello", `X: ${"y".repeat(20_000)}`),
        expect: passed({ body: "hello", fields: [["x", "y".repeat(20_000)]] }),
      },
      {
        name: "just legal: 80 fields",
        answer: whole("hello", ...fieldsOf(80, 4)),
        expect: passed({ body: "hello" }),
      },
    ],
  },
];

function fieldsOf(count: number, size: number): string[] {
  return Array.from({ length: count }, (_, i) => `X${i}: ${"y".repeat(size)}`);
}
