/** Services that answer too early, not at all, to an upgrade, or with fields for one connection only. */
import {
  CUT,
  chunks,
  FAILED,
  head,
  passed,
  passedOrFailed,
  type ResponseCase,
  type ResponseFamily,
  whole,
} from "./response-table.ts";
import { get, HOST, ID, post, head as requestHead, SMUGGLED } from "./table.ts";

const LENGTH = `Content-Length: ${SMUGGLED.length}`;
const AS_CHUNK = `${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`;

/** Beginnings of a request, and the rest of it, which hides another request. */
const unfinished: readonly [name: string, begun: string, rest: string][] = [
  ["a head with a length", post([LENGTH], ""), SMUGGLED],
  ["a head with chunks", post(["Transfer-Encoding: chunked"], ""), AS_CHUNK],
  ["half a chunk size", post(["Transfer-Encoding: chunked"], AS_CHUNK.slice(0, 1)), AS_CHUNK.slice(1)],
  ["a byte of the body", post([LENGTH], SMUGGLED.slice(0, 1)), SMUGGLED.slice(1)],
  ["all but a byte of the body", post([LENGTH], SMUGGLED.slice(0, -1)), SMUGGLED.slice(-1)],
  [
    "a large body's beginning",
    post([`Content-Length: ${100_000 + SMUGGLED.length}`], "x".repeat(100_000)),
    SMUGGLED,
  ],
  ["Expect with a length", post(["Expect: 100-continue", LENGTH], ""), SMUGGLED],
  ["Expect with chunks", post(["Expect: 100-continue", "Transfer-Encoding: chunked"], ""), AS_CHUNK],
  ["Expect on a GET with a length", get("Expect: 100-continue", LENGTH), SMUGGLED],
];

const earlyAnswers: readonly [name: string, answer: string, status: number][] = [
  ["200", whole("hello"), 200],
  ["401", head(["Content-Length: 5"], "hello", "HTTP/1.1 401 Unauthorized"), 401],
  [
    "413 and close",
    head(["Content-Length: 5", "Connection: close"], "hello", "HTTP/1.1 413 Content Too Large"),
    413,
  ],
  ["417", head(["Content-Length: 5"], "hello", "HTTP/1.1 417 Expectation Failed"), 417],
  ["100, then 200", `HTTP/1.1 100 Continue\r\n\r\n${whole("hello")}`, 200],
];

function early(): ResponseCase[] {
  return unfinished.flatMap(([beginning, request, rest]) =>
    earlyAnswers.flatMap(([name, answer, status]) => {
      const reading = { status, body: "hello", optional: [100] };
      const row = { request, rest, answer, early: true };
      return [
        { ...row, name: `${name} to ${beginning}`, expect: passed(reading) },
        {
          ...row,
          name: `${name} to ${beginning}, then closes`,
          after: "end" as const,
          expect: passedOrFailed(reading),
        },
      ];
    }),
  );
}

function bodyFor(method: string): string[] {
  return [
    requestHead(`${method} /${ID} HTTP/1.1`, `Host: ${HOST}`),
    `${requestHead(`${method} /${ID} HTTP/1.1`, `Host: ${HOST}`, "Content-Length: 5")}hello`,
    `${requestHead(`${method} /${ID} HTTP/1.1`, `Host: ${HOST}`, "Transfer-Encoding: chunked")}5\r\nhello\r\n0\r\n\r\n`,
  ];
}

const websocket = [
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];
const switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

/** Families about whole exchanges. */
export const responseExchangeFamilies: readonly ResponseFamily[] = [
  {
    name: "answers before the request is complete",
    rfc: "RFC 9112 9.3, 9.5; RFC 9110 10.1.1",
    rule: "What is left of the request is read over or the connection closed; it is never the next request, on either side.",
    cases: early(),
  },
  {
    name: "requests that got no answer",
    rfc: "RFC 9110 9.2.2; RFC 9112 9.3.1",
    rule: "A request that is not idempotent and may have been served is never sent twice.",
    cases: ["POST", "PATCH", "LOCK", "X", "post"].flatMap((method) =>
      bodyFor(method).flatMap((request, i) =>
        (["end", "reset"] as const).map((after) => ({
          name: `${method} ${["without a body", "with a length", "with chunks"][i]}, ${after}`,
          request,
          answer: "",
          after,
          once: true,
          expect: FAILED,
        })),
      ),
    ),
  },
  {
    name: "upgrades that did not happen",
    rfc: "RFC 9110 7.8; RFC 6455 4.2.2",
    rule: "Without 101 the connection goes on as HTTP; a 101 is for HTTP/1.1 clients that asked for just that.",
    cases: [
      ...[200, 400, 403, 426, 500, 503].map((status) => ({
        name: `answered with ${status}`,
        request: get(...websocket),
        answer: head(["Content-Length: 5"], "hello", `HTTP/1.1 ${status} X`),
        expect: passed({ status, body: "hello" }),
      })),
      {
        name: "answered with 426 that offers it",
        request: get(...websocket),
        answer: head(
          ["Upgrade: websocket", "Connection: Upgrade", "Content-Length: 5"],
          "hello",
          "HTTP/1.1 426 X",
        ),
        expect: passed({ status: 426, body: "hello" }),
      },
      ...[
        ["not asked for", get()],
        ["asked for without Connection", get(...websocket.slice(1))],
        ["asked for by HTTP/1.0", requestHead(`GET /${ID} HTTP/1.0`, `Host: ${HOST}`, ...websocket)],
        ["of another protocol", get("Connection: Upgrade", "Upgrade: h2c")],
      ].map(([name = "", request = ""]) => ({
        name: `101 ${name}`,
        request,
        answer: `${switching}poison`,
        spent: true,
        expect: FAILED,
      })),
    ],
  },
  {
    name: "response Connection",
    rfc: "RFC 9110 7.6.1",
    rule: "Fields for this connection end at the gateway; naming a framing field there changes no framing.",
    cases: [
      hop(["Connection: X-Secret", "X-Secret: 1"], ["x-secret"]),
      hop(
        ["X-Secret: 1", "X-Other: 2", "Connection: close, x-secret", "Connection: x-other"],
        ["x-secret", "x-other"],
      ),
      hop(["Keep-Alive: timeout=5"], ["keep-alive"]),
      hop(["Proxy-Connection: keep-alive"], ["proxy-connection"]),
      hop(["Connection: Content-Length"], []),
      hop(["Connection: Transfer-Encoding, content-length, connection"], []),
      {
        name: "Transfer-Encoding named",
        answer: chunks("5\r\nhello\r\n0\r\n\r\n", "Connection: Transfer-Encoding"),
        expect: passed({ body: "hello" }),
      },
      {
        name: "Upgrade offered",
        answer: whole("hello", "Upgrade: h2c", "Connection: Upgrade"),
        expect: passed({ body: "hello" }),
      },
    ],
  },
  {
    name: "HTTP/1.0 clients",
    rfc: "RFC 9110 15.2; RFC 9112 6.1",
    rule: "An HTTP/1.0 client gets no chunks and no informational response.",
    cases: [
      {
        name: "early hints",
        request: requestHead(`GET /${ID} HTTP/1.0`, `Host: ${HOST}`),
        answer: `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${whole("hello")}`,
        expect: passed({ body: "hello" }),
      },
      {
        name: "a broken chunk",
        request: requestHead(`GET /${ID} HTTP/1.0`, `Host: ${HOST}`),
        answer: chunks("5\r\nhelloXX"),
        expect: CUT,
      },
    ],
  },
];

function hop(fields: string[], absent: string[]): ResponseCase {
  return {
    name: fields.join(" | "),
    answer: whole("hello", ...fields),
    expect: passed({ body: "hello", absent }),
  };
}
