/** Responses that RFC 9112 allows, each with the one reading that must reach the client. */
import { seeded } from "../../support/raw.ts";
import {
  chunks,
  head,
  passed,
  type ResponseCase,
  type ResponseFamily,
  type ResponseReading,
  whole,
} from "../attacks/response-table.ts";
import { HOST, ID, head as requestHead } from "../attacks/table.ts";
import { asRead, Parts, TOKEN_BYTES, VALUE_BYTES } from "./parts.ts";

const EARLY = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n";

function row(
  name: string,
  answer: string,
  reading: ResponseReading,
  more: Partial<ResponseCase> = {},
): ResponseCase {
  return { name, answer, expect: passed(reading), ...more };
}

const names = TOKEN_BYTES.map((byte) =>
  row(`name X${byte}Y`, whole("hello", `X${byte}Y:z`), {
    body: "hello",
    fields: [[`x${byte.toLowerCase()}y`, "z"]],
  }),
);

const values = VALUE_BYTES.map((byte) =>
  row(`value ${JSON.stringify(byte)}`, whole("hello", `X: ${byte} `, `Y:a ${byte}\tb`), {
    body: "hello",
    fields: [
      ["x", byte],
      ["y", `a ${byte}\tb`],
    ],
  }),
);

const statuses = [
  200, 201, 202, 203, 206, 207, 226, 299, 300, 301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 409, 410,
  412, 416, 418, 422, 428, 429, 451, 499, 500, 501, 502, 503, 504, 511, 599,
].map((status) =>
  row(
    `status ${status}`,
    head(["Content-Length: 5"], "hello", `HTTP/1.1 ${status} ${status === 499 ? "" : "Reason (of) \xe4"}`),
    { status, body: "hello" },
  ),
);

const heads: ResponseCase[] = [
  row(
    "Set-Cookie lines keep their order",
    whole("", "Set-Cookie: a=1; Path=/", "X: y", "set-cookie: b=2, c", 'Set-Cookie: d="3"'),
    {
      fields: [
        ["set-cookie", "a=1; Path=/"],
        ["set-cookie", "b=2, c"],
        ["set-cookie", 'd="3"'],
      ],
    },
  ),
  row(
    "WWW-Authenticate twice",
    head(
      ['WWW-Authenticate: Basic realm="a, b"', "WWW-Authenticate: Negotiate", "Content-Length: 0"],
      "",
      "HTTP/1.1 401 Unauthorized",
    ),
    {
      status: 401,
      fields: [
        ["www-authenticate", 'Basic realm="a, b"'],
        ["www-authenticate", "Negotiate"],
      ],
    },
  ),
  row(
    "an absolute Location",
    head(["Location: https://other.example/a?b=c#d", "Content-Length: 0"], "", "HTTP/1.1 302 Found"),
    { status: 302, fields: [["location", "https://other.example/a?b=c#d"]] },
  ),
  row("90 fields", whole("hello", ...Array.from({ length: 90 }, (_, i) => `X-${i}: y`)), {
    body: "hello",
    fields: [["x-89", "y"]],
  }),
  row("a value of 28,000", whole("hello", `X: ${"y".repeat(28_000)}`), {
    body: "hello",
    fields: [["x", "y".repeat(28_000)]],
  }),
  row("empty values", whole("hello", "X:", "Y: \t"), {
    body: "hello",
    fields: [
      ["x", ""],
      ["y", ""],
    ],
  }),
  row("no fields, closing", head([], "hello"), { body: "hello" }, { after: "end" }),
  row("no fields, no body, closing", head([]), {}, { after: "end" }),
  row("one-byte chunks", chunks(`${"1\r\nz\r\n".repeat(2_000)}0\r\n\r\n`), { body: "z".repeat(2_000) }),
  row("1 MB with a length", whole("z".repeat(1_000_000)), { body: "z".repeat(1_000_000) }),
  row("1 MB in chunks", chunks(`${`10000\r\n${"z".repeat(65_536)}\r\n`.repeat(16)}0\r\n\r\n`), {
    body: "z".repeat(1_048_576),
  }),
  row("early hints", EARLY + whole("hello"), { body: "hello", interim: [103] }),
  row("Connection: keep-alive", whole("hello", "Connection: keep-alive", "Keep-Alive: timeout=5, max=100"), {
    body: "hello",
    absent: ["keep-alive"],
  }),
  row("Connection: close", whole("hello", "Connection: close"), { body: "hello" }, { after: "end" }),
];

/** Responses mixed from all of these by a seed. */
function mixed(seed: number): ResponseCase {
  const parts = new Parts(seeded(seed));
  const head10 = parts.chance(0.1);
  const method = parts.of(["GET", "GET", "GET", "HEAD"]);
  const status = parts.of([200, 200, 200, 404, 500, 204, 304]);
  const bare = status === 204 || status === 304 || method === "HEAD";
  const framing = head10 ? parts.of(["length", "close"]) : parts.of(["length", "chunked", "close"]);
  const fields = parts.fields(parts.between(0, 12));
  const body = parts.content();
  const trailers = parts.chance(0.3) && framing === "chunked" ? parts.fields(2) : [];
  const lines = parts.lines(fields);
  if (status !== 204 && framing === "length")
    lines.splice(
      parts.between(0, lines.length),
      0,
      `Content-Length:${parts.ows()}${parts.of(["", "0"])}${body.length}`,
    );
  if (status !== 204 && framing === "chunked")
    lines.push(`TRANSFER-ENCODING: ${parts.of(["chunked", "Chunked"])}`);
  const line = `HTTP/1.${head10 ? 0 : 1} ${status}${parts.of([" OK", " ", "", " A long (odd) reason: \xe4\t!"])}`;
  const content = bare ? "" : framing === "chunked" ? parts.chunked(body, trailers) : body;
  const early = !head10 && parts.chance(0.2) ? EARLY : "";
  return row(
    `mixed ${seed}`,
    early + head(lines, content, line),
    {
      status,
      fields: asRead(fields),
      body: bare ? "" : body,
      trailers: bare ? [] : asRead(trailers),
      interim: early === "" ? [] : [103],
    },
    {
      request: requestHead(`${method} /${ID} HTTP/1.1`, `Host: ${HOST}`),
      after: head10 || framing === "close" ? "end" : "keep",
    },
  );
}

/** Well-formed responses, in families by what varies. */
export const wellFormedResponses: readonly ResponseFamily[] = [
  ["response field names", "RFC 9110 5.1", names],
  ["response field values", "RFC 9110 5.5", values],
  ["response statuses", "RFC 9110 15", statuses],
  ["response heads and bodies", "RFC 9112", heads],
  ["mixed responses", "RFC 9112", Array.from({ length: 200 }, (_, i) => mixed(5_000 + i))],
].map(([name, rfc, cases]) => ({
  name: name as string,
  rfc: rfc as string,
  rule: "arrives as it was sent",
  cases: cases as ResponseCase[],
}));
