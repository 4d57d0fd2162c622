/** Responses whose length can be read in two ways, or in none. */
import { badLengths, hugeLengths } from "./content-length.ts";
import {
  CUT,
  chunks,
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
import { HOST, ID, head as requestHead } from "./table.ts";
import { codingNames, unknownCodings } from "./transfer-encoding.ts";

const HELLO = "5\r\nhello\r\n0\r\n\r\n";
const HELLO_OR_FAILED = passedOrFailed({ body: "hello", absent: ["content-length"] });

const both: ResponseCase[] = ["chunked", "Chunked", "CHUNKED"].flatMap((coding) => [
  ...lie(
    `length of all, then ${coding}`,
    head([`Content-Length: ${HELLO.length}`, `Transfer-Encoding: ${coding}`], HELLO),
    HELLO_OR_FAILED,
  ),
  ...lie(
    `${coding}, then a shorter length`,
    head([`Transfer-Encoding: ${coding}`, "X: y", "Content-Length: 3"], HELLO),
    HELLO_OR_FAILED,
  ),
  ...lie(
    `${coding}, then length 0`,
    head([`transfer-encoding: ${coding}`, "content-length: 0"], HELLO),
    HELLO_OR_FAILED,
  ),
  {
    name: `${coding} ends where a length goes on`,
    answer: head(
      [`Content-Length: ${5 + POISON.length}`, `Transfer-Encoding: ${coding}`],
      `0\r\n\r\n${POISON}`,
    ),
    spent: true,
    expect: passedOrFailed({ absent: ["content-length"] }),
  },
]);

/** Families about the framing of responses. */
export const responseFramingFamilies: readonly ResponseFamily[] = [
  {
    name: "response with Content-Length and Transfer-Encoding",
    rfc: "RFC 9112 6.1, 6.3",
    rule: "The length is dropped and the chunks decide, or the client gets 502; never both fields, never a second response.",
    cases: both,
  },
  {
    name: "response with two lengths",
    rfc: "RFC 9112 6.3",
    rule: "Lengths that differ, or are none, are 502; equal ones become one.",
    cases: [
      ...["5,6", "6,5", "0,5", "5,0", "5,x", "x,5", "5,-5", "5,+5"].flatMap((pair) => {
        const [first, second] = pair.split(",");
        return [
          ...lie(
            `${first} then ${second}`,
            head([`Content-Length: ${first}`, `content-length: ${second}`], "hello"),
            FAILED,
          ),
          ...lie(`list ${first}, ${second}`, head([`Content-Length: ${first}, ${second}`], "hello"), FAILED),
        ];
      }),
      ...lie(
        "5 then 5",
        head(["Content-Length: 5", "Content-Length: 5"], "hello"),
        passedOrFailed({ body: "hello" }),
      ),
      ...lie("list 5, 5", head(["Content-Length: 5, 5"], "hello"), passedOrFailed({ body: "hello" })),
    ],
  },
  {
    name: "response length spellings",
    rfc: "RFC 9112 6.3; RFC 9110 8.6",
    rule: "A Content-Length that is not digits is 502, never a guess.",
    cases: [
      ...badLengths.flatMap((value) =>
        lie(JSON.stringify(value), head([`Content-Length: ${value}`], "hello"), FAILED),
      ),
      ...["005", " 5 ", "\t5"].map((value) => ({
        name: `well formed ${JSON.stringify(value)}`,
        answer: head([`Content-Length:${value}`], "hello"),
        expect: passed({ body: "hello" }),
      })),
      ...hugeLengths.flatMap((value) =>
        lie(value.slice(0, 40), head([`Content-Length: ${value}`], "hello"), FAILED),
      ),
    ],
  },
  {
    name: "response transfer codings",
    rfc: "RFC 9112 6.1, 7; RFC 9110 10.1.4",
    rule: "A coding that nobody asked for cannot be passed on as it is: 502.",
    cases: [
      ...unknownCodings.flatMap((value) => lie(JSON.stringify(value), chunksCoded(value), FAILED)),
      ...["Chunked", "CHUNKED", "chunked ", "\tchunked"].map((value) => ({
        name: `well formed ${JSON.stringify(value)}`,
        answer: chunksCoded(value),
        expect: passed({ body: "hello" }),
      })),
      ...[",chunked", "chunked,", ", chunked ,"].map((value) => ({
        name: `with empty elements ${JSON.stringify(value)}`,
        answer: chunksCoded(value),
        expect: passedOrFailed({ body: "hello" }),
      })),
      ...["chunked", "gzip", "identity", "x"].flatMap((second) => [
        ...lie(
          `chunked, then a line ${second}`,
          head(["Transfer-Encoding: chunked", `Transfer-Encoding: ${second}`], HELLO),
          FAILED,
        ),
        ...lie(
          `a line ${second}, then chunked`,
          head([`Transfer-Encoding: ${second}`, "Transfer-Encoding: chunked"], HELLO),
          FAILED,
        ),
      ]),
      ...lie(
        "behind a fold",
        head(["Transfer-Encoding:\r\n chunked"], HELLO),
        passedOrFailed({ body: "hello" }),
      ),
      ...lie("inside a fold", head(["Transfer-Encoding: chun\r\n ked"], HELLO), FAILED),
    ],
  },
  {
    name: "response Transfer-Encoding name spellings",
    rfc: "RFC 9112 5.1; RFC 9110 5.1",
    rule: "A field name that is no token is 502; whitespace before the colon is 502 or taken away.",
    cases: codingNames.flatMap((name) =>
      lie(
        JSON.stringify(name),
        head(["X: y", `${name}: chunked`, "Content-Length: 5"], "hello"),
        // RFC 9112 5.1 lets a gateway take this whitespace away: then the body is no chunks.
        /^Transfer-Encoding[ \t]+$/.test(name) ? CUT : FAILED,
      ),
    ),
  },
  {
    name: "response Transfer-Encoding in HTTP/1.0",
    rfc: "RFC 9112 6.1",
    rule: "HTTP/1.0 knows no transfer codings: faulty framing is 502.",
    cases: ["chunked", "identity", "gzip"].flatMap((coding) => [
      ...lie(coding, head([`Transfer-Encoding: ${coding}`], HELLO, "HTTP/1.0 200 OK"), FAILED),
      ...lie(
        `${coding} with a length`,
        head([`Transfer-Encoding: ${coding}`, "Content-Length: 5"], HELLO, "HTTP/1.0 200 OK"),
        FAILED,
      ),
    ]),
  },
  {
    name: "responses well framed",
    rfc: "RFC 9112 6.3",
    rule: "Length, chunks and closing each pass with the body they frame, to clients of either version.",
    cases: [
      ...wellFramed("a length", whole("hello"), "keep"),
      ...wellFramed("a length of 0", whole(""), "keep", ""),
      ...wellFramed("chunks", chunks(HELLO), "keep"),
      ...wellFramed("an empty chunked body", chunks("0\r\n\r\n"), "keep", ""),
      ...wellFramed("closing", head([], "hello"), "end"),
      ...wellFramed("closing without a body", head([]), "end", ""),
      ...wellFramed("closing, HTTP/1.0", head([], "hello", "HTTP/1.0 200 OK"), "end"),
      ...wellFramed("a length, HTTP/1.0", head(["Content-Length: 5"], "hello", "HTTP/1.0 200 OK"), "end"),
      ...wellFramed(
        "a length, HTTP/1.0 with keep-alive",
        head(["Content-Length: 5", "Connection: keep-alive"], "hello", "HTTP/1.0 200 OK"),
        "keep",
      ),
      ...wellFramed(
        "a large body in chunks",
        chunks(`186a0\r\n${"x".repeat(100_000)}\r\n0\r\n\r\n`),
        "keep",
        "x".repeat(100_000),
      ),
      ...wellFramed("a large body with a length", whole("x".repeat(300_000)), "keep", "x".repeat(300_000)),
      ...wellFramed(
        "a large body up to the close",
        head([], "x".repeat(300_000)),
        "end",
        "x".repeat(300_000),
      ),
      {
        name: "HTTP/1.0 with a length is not kept",
        answer: head(["Content-Length: 5"], "hello", "HTTP/1.0 200 OK"),
        spent: true,
        expect: passed({ body: "hello" }),
      },
      {
        name: "Connection: close is not kept",
        answer: whole("hello", "Connection: close"),
        spent: true,
        expect: passed({ body: "hello" }),
      },
      {
        name: "Connection: X, Close is not kept",
        answer: whole("hello", "Connection: X, Close"),
        spent: true,
        expect: passed({ body: "hello" }),
      },
    ],
  },
];

function chunksCoded(coding: string): string {
  return head([`Transfer-Encoding:${coding === "" ? "" : ` ${coding}`}`], HELLO);
}

function wellFramed(name: string, answer: string, after: "keep" | "end", body = "hello"): ResponseCase[] {
  return [
    { name, answer, after, expect: passed({ body }) },
    {
      name: `${name}, to an HTTP/1.0 client`,
      request: requestHead(`GET /${ID} HTTP/1.0`, `Host: ${HOST}`),
      answer,
      after,
      expect: passed({ body, absent: ["transfer-encoding"] }),
    },
  ];
}
