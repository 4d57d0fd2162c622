/** Responses whose body breaks, ends early, or goes on after its end. */
import {
  CUT,
  chunks,
  head,
  POISON,
  passed,
  passedOrFailed,
  type ResponseCase,
  type ResponseFamily,
  whole,
} from "./response-table.ts";
import { HOST, ID, head as requestHead } from "./table.ts";

const HEAD_REQUEST = requestHead(`HEAD /${ID} HTTP/1.1`, `Host: ${HOST}`);
const TAIL = "\r\nhello\r\n0\r\n\r\n";

// biome-ignore format: one line a kind of spelling
const badSizes = [
  "", "g", "5g", "x", "+5", "-5", "-0", "0x5", "5_0", "5.0", "5,5", "5 5", " 5", "\t5", "\x0b5", "5\0", "\x005", "5\xa0", "\xb2", "\xef\xbc\x95", "NaN", "5:", "5=", "5\x0b",
  "10000000000000005", "FFFFFFFFFFFFFFFF", "8000000000000000", "20000000000001", "F".repeat(3_000),
];

const badEnds: Record<string, string> = {
  "bare LF after the size": "5\nhello\r\n0\r\n\r\n",
  "bare CR after the size": "5\rhello\r\n0\r\n\r\n",
  "CR CR LF after the size": "5\r\r\nhello\r\n0\r\n\r\n",
  "bare LF after the data": "5\r\nhello\n0\r\n\r\n",
  "bare CR after the data": "5\r\nhello\rX0\r\n\r\n",
  "nothing after the data": "5\r\nhello0\r\n\r\n",
  "two bytes after the data": "5\r\nhelloXX0\r\n\r\n",
  "longer data": "5\r\nhello!\r\n0\r\n\r\n",
  "shorter data": "5\r\nhel\r\n0\r\n\r\n",
  "bare LF as the end": "5\r\nhello\r\n0\r\n\n",
  "bare LF after the last chunk": "5\r\nhello\r\n0\n\r\n",
  "bare CR as the end": "5\r\nhello\r\n0\r\n\rX",
  "bare LF in an extension": "5;a\nb\r\nhello\r\n0\r\n\r\n",
  "bare CR in an extension": "5;a\rb\r\nhello\r\n0\r\n\r\n",
  "NUL in an extension": "5;a\0b\r\nhello\r\n0\r\n\r\n",
  "endless extension": `5;${"a".repeat(200_000)}\r\nhello\r\n0\r\n\r\n`,
  "unterminated quotes": '5;a="b\r\nhello\r\n0\r\n\r\n',
  "text instead of chunks": "hello\r\n\r\n",
  "a second response instead of chunks": POISON,
  "trailer without a colon": "5\r\nhello\r\n0\r\nX\r\n\r\n",
  "trailer with a space in its name": "5\r\nhello\r\n0\r\nX y: z\r\n\r\n",
  "trailer with a bare LF": "5\r\nhello\r\n0\r\nX: y\nZ: z\r\n\r\n",
  "trailer with a NUL": "5\r\nhello\r\n0\r\nX: y\0\r\n\r\n",
  "trailers ended by bare LFs": `5\r\nhello\r\n0\r\nX: y\n\n${POISON}`,
  "endless trailer": `5\r\nhello\r\n0\r\nX: ${"y".repeat(200_000)}\r\n\r\n`,
  "endless trailers": `5\r\nhello\r\n0\r\n${"X: y\r\n".repeat(20_000)}\r\n`,
};

const earlyEnds = [
  head(["Content-Length: 10"], "hello"),
  head(["Content-Length: 10"]),
  head(["Content-Length: 6"], "hello"),
  head(["Content-Length: 100000"], "x".repeat(99_999)),
  chunks(""),
  chunks("5"),
  chunks("5\r\n"),
  chunks("5\r\nhel"),
  chunks("5\r\nhello"),
  chunks("5\r\nhello\r\n"),
  chunks("5\r\nhello\r\n0"),
  chunks("5\r\nhello\r\n0\r\n"),
  chunks("5\r\nhello\r\n0\r\n\r"),
  chunks("5\r\nhello\r\n0\r\nX: y\r\n"),
  chunks(`186a0\r\n${"x".repeat(50_000)}`),
];

const bodiless: readonly [name: string, answer: string, status: number, request?: string][] = [
  ["204", head([], "", "HTTP/1.1 204 No Content"), 204],
  ["304", head(["ETag: x"], "", "HTTP/1.1 304 Not Modified"), 304],
  ["304 with a length", head(["Content-Length: 5"], "", "HTTP/1.1 304 Not Modified"), 304],
  ["304 with chunked", head(["Transfer-Encoding: chunked"], "", "HTTP/1.1 304 Not Modified"), 304],
  ["204 with length 0", head(["Content-Length: 0"], "", "HTTP/1.1 204 No Content"), 204],
  ["204 with a length", head(["Content-Length: 5"], "", "HTTP/1.1 204 No Content"), 204],
  ["204 with chunked", head(["Transfer-Encoding: chunked"], "", "HTTP/1.1 204 No Content"), 204],
  ["HEAD", head(["Content-Length: 5"]), 200, HEAD_REQUEST],
  ["HEAD without framing", head([]), 200, HEAD_REQUEST],
  ["HEAD with chunked", head(["Transfer-Encoding: chunked"]), 200, HEAD_REQUEST],
  ["HEAD and 404", head(["Content-Length: 5"], "", "HTTP/1.1 404 Not Found"), 404, HEAD_REQUEST],
];

const behind = [
  "hello",
  "0\r\n\r\n",
  "5\r\nhello\r\n0\r\n\r\n",
  "\r\n",
  "\0",
  POISON,
  POISON + POISON,
  "x".repeat(100_000),
  "HTTP/1.1 100 Continue\r\n\r\n",
];

/** Families about response bodies. */
export const responseBodyFamilies: readonly ResponseFamily[] = [
  {
    name: "response that ends early",
    rfc: "RFC 9112 8; RFC 9110 15.6.3",
    rule: "The client can tell: its message ends early too, and never with a clean end.",
    cases: earlyEnds
      .flatMap((answer) =>
        (["end", "reset"] as const).map((after) => ({
          name: `after ${JSON.stringify(answer.slice(-25))}, by ${after}`,
          answer,
          after,
          expect: CUT,
        })),
      )
      .concat([
        { name: "reset in a body up to the close", answer: head([], "hello"), after: "reset", expect: CUT },
      ]),
  },
  {
    name: "response chunk sizes and line ends",
    rfc: "RFC 9112 7.1, 7.1.1, 7.1.2",
    rule: "A body that breaks the chunk grammar midway is cut, whatever follows it.",
    cases: [
      ...badSizes.flatMap((size) => [
        broken(`size ${JSON.stringify(size.slice(0, 40))}`, size + TAIL),
        broken(`second size ${JSON.stringify(size.slice(0, 40))}`, `2\r\nab\r\n${size}${TAIL}`),
      ]),
      ...Object.entries(badEnds).map(([name, bytes]) => broken(name, bytes)),
    ].flatMap((row) => [
      { ...row, name: `${row.name}, then closes`, after: "end" as const },
      { ...row, name: `${row.name}, then a second response`, answer: row.answer + POISON },
    ]),
  },
  {
    name: "response chunk extensions and trailers",
    rfc: "RFC 9112 7.1.1, 7.1.2; RFC 9110 6.5.1",
    rule: "Extensions end at the gateway; trailers stay trailers, and none of them frames.",
    cases: [
      ...[";a", ';a="b c"', " ; a = b", ';a="\\""'].map((extension) => ({
        name: `extension ${extension}`,
        answer: chunks(`5${extension}\r\nhello\r\n0${extension}\r\n\r\n`),
        expect: passed({ body: "hello" }),
      })),
      {
        name: "trailer",
        answer: chunks("5\r\nhello\r\n0\r\nX-Trailer: 1\r\nX-Other:2\r\n\r\n"),
        expect: passed({
          body: "hello",
          trailers: [
            ["x-trailer", "1"],
            ["x-other", "2"],
          ],
        }),
      },
      ...[
        "Content-Length: 1",
        "Transfer-Encoding: chunked",
        "Host: x",
        "Connection: close",
        "Trailer: x",
        "Set-Cookie: evil=1",
        "Keep-Alive: x",
        "Upgrade: x",
      ].map((field) => ({
        name: `trailer ${field}`,
        answer: chunks(`5\r\nhello\r\n0\r\n${field}\r\n\r\n`),
        // Set-Cookie is no framing: it may stay a trailer, where user agents do not look for it.
        expect: field.startsWith("Set-Cookie")
          ? passed({ body: "hello", trailers: [["set-cookie", "evil=1"]] })
          : ({ kind: "tail", reading: { body: "hello" } } as const),
      })),
    ],
  },
  {
    name: "responses without a body",
    rfc: "RFC 9112 6.3; RFC 9110 9.3.2, 15.3.5, 15.4.5",
    rule: "After 204, 304 and the answer to HEAD comes the next response: framing fields there frame nothing.",
    cases: bodiless.map(([name, answer, status, request]) => ({
      name,
      ...requestOf(request),
      answer,
      expect: passed({ status }),
    })),
  },
  {
    name: "bytes behind a response without a body",
    rfc: "RFC 9112 6.3, 9.2",
    rule: "What a service sends behind the end is nobody's: its connection serves no other request.",
    cases: bodiless
      .filter(([name]) => ["204", "304", "304 with a length", "204 with a length", "HEAD"].includes(name))
      .flatMap(([name, answer, status, request]) =>
        behind.map((bytes) => ({
          name: `${name}, then ${JSON.stringify(bytes.slice(0, 30))}`,
          ...requestOf(request),
          answer: answer + bytes,
          spent: true,
          expect: passed({ status }),
        })),
      ),
  },
  {
    name: "bytes behind a complete response",
    rfc: "RFC 9112 9.2, 9.3",
    rule: "The connection is not used again, and no client ever sees the bytes.",
    cases: behind.flatMap((bytes) => {
      const shown = JSON.stringify(bytes.slice(0, 30));
      return [
        {
          name: `a length, then ${shown}`,
          answer: whole("hello") + bytes,
          spent: true,
          expect: passed({ body: "hello" }),
        },
        {
          name: `chunks, then ${shown}`,
          answer: chunks("5\r\nhello\r\n0\r\n\r\n") + bytes,
          spent: true,
          expect: passed({ body: "hello" }),
        },
        { name: `length 0, then ${shown}`, answer: whole("") + bytes, spent: true, expect: passed() },
        {
          name: `a length, then ${shown} and a close`,
          answer: whole("hello") + bytes,
          after: "end" as const,
          expect: passed({ body: "hello" }),
        },
      ];
    }),
  },
  {
    name: "bytes on an idle connection",
    rfc: "RFC 9112 9.2, 9.3",
    rule: "A response that nobody asked for is not the answer to the next request.",
    cases: behind.flatMap((late) => {
      const shown = JSON.stringify(late.slice(0, 30));
      return [
        {
          name: `${shown} after a length`,
          answer: whole("hello"),
          late,
          spent: true,
          expect: passed({ body: "hello" }),
        },
        {
          name: `${shown} after chunks`,
          answer: chunks("5\r\nhello\r\n0\r\n\r\n"),
          late,
          spent: true,
          expect: passed({ body: "hello" }),
        },
        {
          name: `${shown} after a HEAD`,
          request: HEAD_REQUEST,
          answer: head(["Content-Length: 5"]),
          late,
          spent: true,
          expect: passed(),
        },
      ];
    }),
  },
  {
    name: "205",
    rfc: "RFC 9110 15.3.6",
    rule: "A 205 has no content; one that has some is framed as it says, or 502.",
    cases: [
      {
        name: "length 0",
        answer: head(["Content-Length: 0"], "", "HTTP/1.1 205 Reset Content"),
        expect: passed({ status: 205 }),
      },
      {
        name: "empty chunks",
        answer: head(["Transfer-Encoding: chunked"], "0\r\n\r\n", "HTTP/1.1 205 Reset Content"),
        expect: passed({ status: 205 }),
      },
      {
        name: "a length",
        answer: head(["Content-Length: 5"], "hello", "HTTP/1.1 205 Reset Content"),
        expect: passedOrFailed({ status: 205, body: "hello" }),
      },
    ],
  },
];

function requestOf(request: string | undefined): { request?: string } {
  return request === undefined ? {} : { request };
}

function broken(name: string, bytes: string): ResponseCase {
  return { name, answer: chunks(bytes), spent: true, expect: CUT };
}
