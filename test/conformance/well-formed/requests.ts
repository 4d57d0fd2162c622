/** Requests that RFC 9112 allows, each with the one reading that must reach the service. */
import { seeded } from "../../support/raw.ts";
import {
  byteRange,
  forwarded,
  get,
  HOST,
  head,
  ID,
  post,
  type Reading,
  type RequestCase,
  type RequestFamily,
} from "../attacks/table.ts";
import { asRead, Parts, TOKEN_BYTES, VALUE_BYTES } from "./parts.ts";

const HOST_LINE = `Host: ${HOST}`;

/** What RFC 3986 allows in a path segment, percent signs aside. */
const PATH_BYTES = [
  ..."-._~!$&'()*+,;=:@/",
  ...byteRange(0x30, 0x39),
  ...byteRange(0x41, 0x5a),
  ...byteRange(0x61, 0x7a),
];

/** What browsers leave as it is beyond that (WHATWG URL: path and query percent-encode sets). */
const ODD_IN_PATH = [..."|[]^"];
const ODD_IN_QUERY = [..."|{}^[]`\\'"];

// biome-ignore format: a list
const HOSTS = [
  HOST, HOST.toUpperCase(), `${HOST}.`, `${HOST}:80`, `${HOST}:8080`, `${HOST}:65535`, `${HOST}:1`, "localhost", "a", "a.b", "127.0.0.1", "127.0.0.1:9", "0.0.0.0", "a_b.example", "xn--mnchen-3ya.example",
  "[::1]", "[::1]:8080", "[::]", "[2001:db8::1]", "[2001:DB8::A]:443", "[1:2:3:4:5:6:7:8]", "[::ffff:192.0.2.1]", "[fe80::1]", `${"a".repeat(63)}.example`, "1", "a-b-c.example", "A.EXAMPLE",
];

function row(
  name: string,
  bytes: string,
  reading: Reading = {},
  more: Partial<RequestCase> = {},
): RequestCase {
  return { name, bytes, expect: forwarded(reading), ...more };
}

function target(path: string): RequestCase {
  return row(`target ${JSON.stringify(path).slice(0, 40)}`, head(`GET ${path} HTTP/1.1`, HOST_LINE), {
    target: path,
  });
}

const methods = [
  ...TOKEN_BYTES.map((byte) => `M${byte}`),
  ...TOKEN_BYTES,
  "GET",
  "POST",
  "PUT",
  "DELETE",
  "PATCH",
  "OPTIONS",
  "PROPFIND",
  "REPORT",
  "BASELINE-CONTROL",
  "get",
].map((method) => row(`method ${method}`, head(`${method} /${ID} HTTP/1.1`, HOST_LINE), { method }));

const names = TOKEN_BYTES.filter((byte) => byte !== "_").flatMap((byte) => [
  row(`name X${byte}Y`, get(`X${byte}Y: z`), { fields: [[`x${byte.toLowerCase()}y`, "z"]] }),
  row(`name ${byte}`, get(`${byte}:z`), { fields: [[byte.toLowerCase(), "z"]] }),
]);

const values = VALUE_BYTES.map((byte) =>
  row(`value ${JSON.stringify(byte)}`, get(`X: ${byte}`, `Y:a ${byte}\tb `), {
    fields: [
      ["x", byte],
      ["y", `a ${byte}\tb`],
    ],
  }),
);

const targets = [
  ...[...PATH_BYTES, ...ODD_IN_PATH].map((byte) => target(`/${ID}/a${byte}b`)),
  ...[...PATH_BYTES, "?", ...ODD_IN_QUERY].map((byte) => target(`/${ID}?a${byte}b`)),
  ...byteRange(1, 255)
    .filter((_, i) => i % 5 === 0)
    .map((byte) => byte.charCodeAt(0).toString(16).padStart(2, "0"))
    // In a path, octets above 0x7f must be UTF-8.
    .map((digits) => target(`/${ID}/x${digits < "80" ? `%${digits}` : "%c3%a4"}?%${digits.toUpperCase()}`)),
  target(`/?${ID}`),
  target(`/${ID}?`),
  target(`/${ID}??`),
  target(`/${ID}?a=1&b=2;c=3&&=&a`),
  target(`/${ID}?q={"a":[1,2]}`.replaceAll('"', "%22")),
  target(`/${ID}//a///b//`),
  target(`//${ID}`),
  target(`/${ID};v=1/a;b=c`),
  target(`/${ID}/:80/@x`),
  target(`/${ID}/http://other.example/?x=http://y.example`),
  target(`/${ID}/*`),
  target(`/${ID}?${"x".repeat(15_000)}`),
  target(`/${ID}/${"y/".repeat(7_000)}`),
];

const hosts = HOSTS.flatMap((host) => [
  row(`host ${host}`.slice(0, 40), head(`GET /${ID} HTTP/1.1`, `Host: ${host}`), { host }),
  row(`host ${host}`.slice(0, 40), head(`GET http://${host}/${ID} HTTP/1.1`, `Host:${host}`), { host }),
]);

const heads: RequestCase[] = [
  row("95 fields", get(...Array.from({ length: 95 }, (_, i) => `X-${i}: y`)), { fields: [["x-94", "y"]] }),
  row("95 fields of one name", get(...Array.from({ length: 95 }, (_, i) => `X: ${i}`)), {
    fields: Array.from({ length: 95 }, (_, i) => ["x", String(i)]),
  }),
  row("a value of 30,000", get(`X: ${"y".repeat(30_000)}`), { fields: [["x", "y".repeat(30_000)]] }),
  row("a name of 10,000", get(`${"n".repeat(10_000)}: y`), { fields: [["n".repeat(10_000), "y"]] }),
  row(
    "30,000 bytes in 60 fields",
    get(...Array.from({ length: 60 }, (_, i) => `X-${i}: ${"y".repeat(490)}`)),
    { fields: [["x-59", "y".repeat(490)]] },
  ),
  row("much whitespace around a value", get(`X:${" \t".repeat(2_000)}y${"\t ".repeat(2_000)}`), {
    fields: [["x", "y"]],
  }),
  row("only whitespace as a value", get("X: \t "), { fields: [["x", ""]] }),
  row("empty values", get("X:", "Y: ", "Z:\t"), {
    fields: [
      ["x", ""],
      ["y", ""],
      ["z", ""],
    ],
  }),
  row("fields before Host", head(`GET /${ID} HTTP/1.1`, "X: y", "Accept: */*", HOST_LINE), {
    fields: [
      ["x", "y"],
      ["accept", "*/*"],
    ],
  }),
  row("Host in upper case, no space", head(`GET /${ID} HTTP/1.1`, `HOST:${HOST}`)),
  row("a CRLF before", `\r\n${get()}`),
  row("Connection: keep-alive", get("Connection: keep-alive")),
  row("Connection: close", get("Connection: close"), {}, { last: true }),
  row(
    "Connection: Close, in a list",
    get("Connection: x , Close", "X: y"),
    { absent: ["x"] },
    { last: true },
  ),
  row("HTTP/1.0", head(`GET /${ID} HTTP/1.0`, HOST_LINE), {}, { last: true }),
  row(
    "HTTP/1.0 with a body",
    `${head(`POST /${ID} HTTP/1.0`, HOST_LINE, "Content-Length: 5")}hello`,
    { method: "POST", body: "hello" },
    { last: true },
  ),
  row(
    "a browser's fields",
    get(
      "User-Agent: Mozilla/5.0 (X11; Linux x86_64) a(b)c",
      'sec-ch-ua: "Not)A;Brand";v="24"',
      "Accept: text/html;q=0.9,*/*;q=0.8",
      'Cookie: a=b; c={"d":[1]}; e=\xe4',
      'If-None-Match: W/"x", "y"',
      "Range: bytes=0-1,-5",
    ),
    {
      fields: [
        ["sec-ch-ua", '"Not)A;Brand";v="24"'],
        ["cookie", 'a=b; c={"d":[1]}; e=\xe4'],
        ["if-none-match", 'W/"x", "y"'],
        ["range", "bytes=0-1,-5"],
      ],
    },
  ),
  row("Authorization", get("Authorization: Basic dXNlcjpwYXNz", "Proxy-Authorization-X: 1"), {
    fields: [["authorization", "Basic dXNlcjpwYXNz"]],
  }),
  row("an empty body", post(["Content-Length: 0"], ""), { method: "POST" }),
  row("an empty chunked body", post(["Transfer-Encoding: chunked"], "0\r\n\r\n"), { method: "POST" }),
  row("a POST without framing", post([], ""), { method: "POST" }),
  row("a large body", post(["Content-Length: 300000"], "z".repeat(300_000)), {
    method: "POST",
    body: "z".repeat(300_000),
  }),
  row("one-byte chunks", post(["Transfer-Encoding: chunked"], `${"1\r\nz\r\n".repeat(2_000)}0\r\n\r\n`), {
    method: "POST",
    body: "z".repeat(2_000),
  }),
];

/** Requests mixed from all of these by a seed. */
function mixed(seed: number): RequestCase {
  const parts = new Parts(seeded(seed));
  const method = parts.of(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", parts.text(TOKEN_BYTES, 6)]);
  const path = `/${ID}/${parts.text([...PATH_BYTES, "%41", "%c3%a4", ...ODD_IN_PATH], parts.between(0, 60)).replace(/\.+/g, "x")}`;
  const query = parts.chance(0.5)
    ? `?${parts.text([...PATH_BYTES, "?", "%20", ...ODD_IN_QUERY], parts.between(0, 60))}`
    : "";
  const host = parts.of(HOSTS);
  const fields = parts.fields(parts.between(0, 12));
  const trailers = parts.chance(0.3) ? parts.fields(parts.between(1, 3)) : [];
  const framing = parts.of(["none", "length", "chunked"]);
  const body = framing === "none" ? "" : parts.content();
  const lines = parts.lines(fields);
  const hostLine = `${parts.of(["Host", "host", "HOST"])}:${parts.ows()}${host}${parts.ows()}`;
  lines.splice(parts.between(0, lines.length), 0, hostLine);
  if (framing === "length")
    lines.push(
      `${parts.of(["Content-Length", "content-length"])}:${parts.ows()}${parts.of(["", "0", "00"])}${body.length}`,
    );
  if (framing === "chunked")
    lines.splice(
      0,
      0,
      `${parts.of(["Transfer-Encoding", "transfer-encoding"])}: ${parts.of(["chunked", "Chunked"])}`,
    );
  const origin = parts.chance(0.8) ? "" : `http://${host}`;
  const sent = framing === "chunked" ? parts.chunked(body, trailers) : body;
  return row(
    `mixed ${seed}`,
    (parts.chance(0.1) ? "\r\n" : "") + head(`${method} ${origin}${path}${query} HTTP/1.1`, ...lines) + sent,
    { method, target: path + query, host, fields: asRead(fields), body, trailers: asRead(trailers) },
  );
}

/** Well-formed requests, in families by what varies. */
export const wellFormedRequests: readonly RequestFamily[] = [
  ["methods", "RFC 9110 9.1", methods],
  ["field names", "RFC 9110 5.1", names],
  ["field values", "RFC 9110 5.5", values],
  ["targets", "RFC 9112 3.2, RFC 3986 3", targets],
  ["hosts", "RFC 9110 7.2, RFC 3986 3.2.2", hosts],
  ["heads and bodies", "RFC 9112", heads],
  ["mixed", "RFC 9112", Array.from({ length: 250 }, (_, i) => mixed(1_000 + i))],
].map(([name, rfc, cases]) => ({
  name: name as string,
  rfc: rfc as string,
  rule: "arrives as it was sent",
  cases: cases as RequestCase[],
}));
