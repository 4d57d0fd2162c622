/** Request attacks with fields that a gateway acts on: Connection, Upgrade, Expect, forwarded fields and look-alikes. */
import type { Field } from "../../support/strict-parser.ts";
import {
  either,
  forwarded,
  get,
  HOST,
  head,
  ID,
  post,
  type RequestCase,
  type RequestFamily,
  refused,
  SMUGGLED,
  spellings,
} from "./table.ts";

const LIE = "203.0.113.66";

/** What the service sees of where a request came from, whatever the client claimed. */
const TRUTH: readonly Field[] = [
  ["x-forwarded-for", "127.0.0.1"],
  ["x-forwarded-proto", "http"],
  ["x-forwarded-host", HOST],
];

// biome-ignore format: one line a kind
const spoofed = [
  `X-Forwarded-For: ${LIE}`, `x-forwarded-for: ${LIE}`, `X-FORWARDED-FOR: ${LIE}`, `X-Forwarded-For: ${LIE}, 127.0.0.1`, `X-Forwarded-For:\t${LIE}\t`,
  `X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-For: ${LIE}`, `X-Forwarded-For: \r\nX-Forwarded-For: ${LIE}`,
  `X-Forwarded-Host: ${LIE}`, `x-forwarded-host: ${LIE}`, `X-Forwarded-Host: ${HOST}, ${LIE}`, `X-Forwarded-Proto: https${LIE}`, `X-Forwarded-Proto: ${LIE}`,
  `Forwarded: for=${LIE}`, `forwarded: for=${LIE};proto=https;host=x`, `Forwarded: for="[2001:db8::${LIE}]"`, `Forwarded: for=127.0.0.1\r\nForwarded: for=${LIE}`,
  `X-Request-Id: ${LIE}`, `x-request-id: ${LIE}`, `X-Request-Id: a\r\nX-Request-Id: ${LIE}`,
];

const lookAlikes = [
  "content_length: 5",
  "Content_Length: 5",
  "transfer_encoding: chunked",
  "Transfer_Encoding: chunked",
  "TRANSFER_ENCODING: chunked",
  `x_forwarded_for: ${LIE}`,
  `X_Forwarded_For: ${LIE}`,
  `X-Forwarded_For: ${LIE}`,
  `x_forwarded-for: ${LIE}`,
  `x_forwarded_host: ${LIE}`,
  `x_forwarded_proto: ${LIE}`,
  `x_request_id: ${LIE}`,
  `X_Request-Id: ${LIE}`,
];

// biome-ignore format: a list
const listed = [
  "host", "Host", "content-length", "transfer-encoding", "connection", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "via", "x-request-id",
  "close, host", "keep-alive, Content-Length", "host, content-length, transfer-encoding, connection", "connection, connection", "te", "trailer", ",host,", "host\t,\tcontent-length",
];

/** Families about fields with a meaning. */
export const meaningFamilies: readonly RequestFamily[] = [
  {
    name: "Connection that names framing and gateway fields",
    rfc: "RFC 9110 7.6.1",
    rule: "What Connection names is not passed on, but Host, framing and what the gateway itself says stay right.",
    cases: listed.flatMap((value) => {
      const last = /close/i.test(value);
      return [
        {
          name: `${value} on a GET`,
          bytes: get(`Connection: ${value}`),
          last,
          expect: forwarded({ fields: TRUTH }),
        },
        {
          name: `${value} with Content-Length`,
          bytes: post([`Connection: ${value}`, `Content-Length: ${SMUGGLED.length}`], SMUGGLED),
          last,
          expect: forwarded({ method: "POST", body: SMUGGLED, fields: TRUTH }),
        },
        {
          name: `${value} with chunks`,
          bytes: post(["Transfer-Encoding: chunked", `Connection: ${value}`], `5\r\nhello\r\n0\r\n\r\n`),
          last,
          expect: forwarded({ method: "POST", body: "hello", fields: TRUTH }),
        },
      ];
    }),
  },
  {
    name: "hop-by-hop fields",
    rfc: "RFC 9110 7.6.1, 7.8",
    rule: "Fields for this connection, and those that Connection names, end at the gateway.",
    cases: [
      hop(["Connection: x-secret", "X-Secret: 1"], ["x-secret"]),
      hop(["X-Secret: 1", "Connection: X-SECRET"], ["x-secret"]),
      hop(["Connection: a, x-secret", "X-Secret: 1", "A: 2"], ["x-secret", "a"]),
      hop(["Connection: a", "Connection: x-secret", "X-Secret: 1", "A: 2"], ["x-secret", "a"]),
      hop(["Connection:a,,\t,x-secret ,", "X-Secret: 1"], ["x-secret"]),
      hop(["Keep-Alive: timeout=5"], ["keep-alive"]),
      hop(["Proxy-Connection: keep-alive"], ["proxy-connection"]),
      hop(["TE: trailers", "Connection: TE"], []),
      hop(["TE: gzip;q=1, chunked"], []),
      hop(
        ["Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"],
        ["upgrade", "http2-settings"],
      ),
      hop(["Upgrade: h2c", "Connection: upgrade"], ["upgrade"]),
      hop(["Upgrade: h2c"], ["upgrade"]),
      hop(["Upgrade: H2C", "Connection: UPGRADE"], ["upgrade"]),
    ],
  },
  {
    name: "Expect",
    rfc: "RFC 9110 10.1.1",
    rule: "100-continue is understood in any case; any other expectation is 417.",
    cases: [
      ...[
        "x",
        "200-ok",
        "100-continue, x",
        "x, 100-continue",
        "100-continue-not",
        "100",
        "continue",
        "100-continue;q=1",
        '"100-continue"',
      ].flatMap((value) => [
        { name: `${value} on a GET`, bytes: get(`Expect: ${value}`), expect: refused(417, 400) },
        {
          name: `${value} with a body`,
          bytes: post([`Expect: ${value}`, `Content-Length: ${SMUGGLED.length}`], SMUGGLED),
          expect: refused(417, 400),
        },
      ]),
      ...["100-continue", "100-Continue", "100-CONTINUE", " 100-continue "].flatMap((value) => [
        {
          name: `${value} with Content-Length`,
          bytes: post([`Expect:${value}`, "Content-Length: 5"], "hello"),
          expect: forwarded({ method: "POST", body: "hello" }),
        },
        {
          name: `${value} with chunks`,
          bytes: post(["Transfer-Encoding: chunked", `Expect:${value}`], "5\r\nhello\r\n0\r\n\r\n"),
          expect: forwarded({ method: "POST", body: "hello" }),
        },
        { name: `${value} without a body`, bytes: get(`Expect:${value}`), expect: forwarded() },
      ]),
      { name: "empty", bytes: get("Expect:"), expect: either({}, [400, 417]) },
    ],
  },
  {
    name: "underscores",
    rfc: "RFC 9110 5.1, 17.10",
    rule: "A name that a CGI-like service confuses with a framing or forwarded field does not reach it.",
    cases: lookAlikes.flatMap((field) => {
      const reading = {
        absent: [field.slice(0, field.indexOf(":")).toLowerCase()],
        never: [LIE],
        fields: TRUTH,
      };
      return [
        { name: `${field} on a GET`, bytes: get(field), expect: either(reading) },
        {
          name: `${field} with a body`,
          bytes: post([field, `Content-Length: ${SMUGGLED.length}`], SMUGGLED),
          expect: either({ ...reading, method: "POST", body: SMUGGLED }),
        },
      ];
    }),
  },
  {
    name: "forwarded fields from a stranger",
    rfc: "RFC 7239 8.1; RFC 9110 17",
    rule: "What an untrusted peer says about earlier hops is dropped; the service sees what the gateway saw.",
    cases: [
      ...spellings<RequestCase>(spoofed, (field) => ({
        bytes: get(field),
        expect: forwarded({ never: [LIE], fields: TRUTH }),
      })),
      ...spellings<RequestCase>(spoofed, (field) => ({
        bytes: get("Connection: x-forwarded-for, forwarded, x-forwarded-host, x-request-id", field),
        expect: forwarded({ never: [LIE], fields: TRUTH }),
      })).map((row) => ({ ...row, name: `${row.name} named by Connection` })),
    ],
  },
  {
    name: "TRACE",
    rfc: "RFC 9110 9.3.8",
    rule: "TRACE is passed on or refused; a TRACE with a body does not change what follows.",
    cases: [
      {
        name: "plain",
        bytes: head(`TRACE /${ID} HTTP/1.1`, `Host: ${HOST}`),
        keep: true,
        expect: either({ method: "TRACE" }, [400, 405, 501]),
      },
      {
        name: "with a body",
        bytes:
          head(`TRACE /${ID} HTTP/1.1`, `Host: ${HOST}`, `Content-Length: ${SMUGGLED.length}`) + SMUGGLED,
        keep: true,
        expect: either({ method: "TRACE", body: SMUGGLED }, [400, 405, 501]),
      },
    ],
  },
];

function hop(fields: string[], absent: string[]): RequestCase {
  return { name: fields.join(" | "), bytes: get(...fields), expect: forwarded({ absent }) };
}
