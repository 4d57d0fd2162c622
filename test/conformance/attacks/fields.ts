/** Request attacks on field names, field values and the size of the head. */
import {
  byteRange,
  CONTROLS,
  DELIMITERS,
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

/** Names of the bytes that a message would otherwise show as nothing. */
function nameOf(byte: string): string {
  return `0x${byte.charCodeAt(0).toString(16).padStart(2, "0")}`;
}

const HIGH = byteRange(0x80, 0xff);

const nonTokens = ["\x00", ...CONTROLS, "\t", " ", ...DELIMITERS, ...HIGH];

/** Families about fields. */
export const fieldFamilies: readonly RequestFamily[] = [
  {
    name: "whitespace before the colon",
    rfc: "RFC 9112 5.1",
    rule: "No whitespace stands between a field name and its colon: 400, always.",
    cases: [" ", "\t", "  ", "\t ", " \t", "\x0b", "\x0c", "\xa0", "\r", "\r\n "].flatMap((space) =>
      [
        ["X", get(`X${space}: y`)],
        ["Host", head(`GET /${ID} HTTP/1.1`, `Host${space}: ${HOST}`)],
        ["second Host", get(`Host${space}: other.example`)],
        ["Content-Length", post([`Content-Length${space}: ${SMUGGLED.length}`], SMUGGLED)],
        ["Transfer-Encoding", post([`Transfer-Encoding${space}: chunked`], `5\r\nhello\r\n0\r\n\r\n`)],
        ["Connection", get(`Connection${space}: close`)],
        ["Cookie", get(`Cookie${space}: a=b`)],
      ].map(([name, bytes = ""]) => ({
        name: `${name} with ${JSON.stringify(space)}`,
        bytes,
        expect: refused(),
      })),
    ),
  },
  {
    name: "bytes in field names",
    rfc: "RFC 9110 5.1, 5.6.2",
    rule: "A field name is a token: no control, no delimiter, no space, no byte above 0x7f.",
    cases: [
      ...nonTokens.map((byte) => ({
        name: `${nameOf(byte)} inside`,
        bytes: get(`X${byte}Y: z`),
        expect: refused(),
      })),
      ...[...CONTROLS, "\x00", ...DELIMITERS].flatMap((byte) => [
        { name: `${nameOf(byte)} first`, bytes: get("A: b", `${byte}X: y`), expect: refused() },
        { name: `${nameOf(byte)} last`, bytes: get(`X${byte}: y`), expect: refused() },
        { name: `${nameOf(byte)} alone`, bytes: get(`${byte}: y`), expect: refused() },
      ]),
    ],
  },
  {
    name: "NUL",
    rfc: "RFC 9110 5.5; RFC 9112 2.2",
    rule: "A NUL ends a string for some readers: refused wherever it stands in a head.",
    cases: [
      ["in a value", get("X: a\0b")],
      ["as a value", get("X: \0")],
      ["at the start of a value", get("X:\0a")],
      ["at the end of a value", get("X: a\0")],
      ["many", get(`X: ${"\0".repeat(50)}`)],
      ["in a name", get("X\0Y: z")],
      ["in the Host", head(`GET /${ID} HTTP/1.1`, `Host: ${HOST}\0.other`)],
      ["at the end of the Host", head(`GET /${ID} HTTP/1.1`, `Host: ${HOST}\0`)],
      ["in the method", head(`G\0T /${ID} HTTP/1.1`, `Host: ${HOST}`)],
      ["in the target", head(`GET /${ID}\0 HTTP/1.1`, `Host: ${HOST}`)],
      ["in the version", head(`GET /${ID} HTTP/1.1\0`, `Host: ${HOST}`)],
      ["as a line", get("\0")],
      ["after the request line", `GET /${ID} HTTP/1.1\r\n\0\r\nHost: ${HOST}\r\n\r\n`],
      ["in Connection", get("Connection: clo\0se")],
      ["in Cookie", get("Cookie: a=b\0c")],
      ["in Expect", get("Expect: 100-continue\0")],
    ].map(([name = "", bytes = ""]) => ({ name, bytes, expect: refused(400, 417, 501, 505) })),
  },
  {
    name: "controls in values",
    rfc: "RFC 9110 5.5",
    rule: "A field value holds no control but tab.",
    cases: CONTROLS.flatMap((byte) => [
      { name: `${nameOf(byte)} inside`, bytes: get(`X: a${byte}b`), expect: refused() },
      { name: `${nameOf(byte)} first`, bytes: get(`X: ${byte}a`), expect: refused() },
      { name: `${nameOf(byte)} last`, bytes: get(`X: a${byte}`), expect: refused() },
    ]),
  },
  {
    name: "controls in method, target and version",
    rfc: "RFC 9112 3; RFC 3986 2",
    rule: "The request line holds no control, not even a tab.",
    cases: ["\t", ...CONTROLS].flatMap((byte) => [
      {
        name: `${nameOf(byte)} in the method`,
        bytes: head(`G${byte}T /${ID} HTTP/1.1`, `Host: ${HOST}`),
        expect: refused(400, 501),
      },
      {
        name: `${nameOf(byte)} in the path`,
        bytes: head(`GET /${ID}${byte}x HTTP/1.1`, `Host: ${HOST}`),
        expect: refused(),
      },
      {
        name: `${nameOf(byte)} in the query`,
        bytes: head(`GET /${ID}?a=${byte}x HTTP/1.1`, `Host: ${HOST}`),
        expect: refused(),
      },
      {
        name: `${nameOf(byte)} in the version`,
        bytes: head(`GET /${ID} HTTP/${byte}1.1`, `Host: ${HOST}`),
        expect: refused(400, 505),
      },
    ]),
  },
  {
    name: "head too large",
    rfc: "RFC 9110 15.5.15; RFC 6585 5; RFC 9112 3, 2.3",
    rule: "A head beyond the limits is 431 (414 for the target) and costs the service nothing.",
    cases: [
      ...[40_000, 70_000, 300_000].flatMap((size) => [
        { name: `one value of ${size}`, bytes: get(`X: ${"y".repeat(size)}`), expect: refused(431) },
        { name: `one name of ${size}`, bytes: get(`${"X".repeat(size)}: y`), expect: refused(431) },
        { name: `value of ${size} spaces`, bytes: get(`X: ${" ".repeat(size)}`), expect: refused(431) },
        { name: `many values, ${size} in all`, bytes: get(...fieldsOf(40, size / 40)), expect: refused(431) },
        {
          name: `target of ${size}`,
          bytes: head(`GET /${ID}/${"x".repeat(size)} HTTP/1.1`, `Host: ${HOST}`),
          expect: refused(414),
        },
        {
          name: `query of ${size}`,
          bytes: head(`GET /${ID}?${"x".repeat(size)} HTTP/1.1`, `Host: ${HOST}`),
          expect: refused(414),
        },
        {
          name: `method of ${size}`,
          bytes: head(`${"X".repeat(size)} /${ID} HTTP/1.1`, `Host: ${HOST}`),
          expect: refused(400, 405, 414, 431, 501),
        },
        {
          name: `version of ${size}`,
          bytes: head(`GET /${ID} HTTP/1.${"1".repeat(size)}`, `Host: ${HOST}`),
          expect: refused(400, 414, 431, 505),
        },
        { name: `no line end in ${size}`, bytes: "x".repeat(size), expect: refused(400, 414, 431, 501) },
        {
          name: `Host of ${size}`,
          bytes: head(`GET /${ID} HTTP/1.1`, `Host: ${"h".repeat(size)}`),
          expect: refused(400, 431),
        },
      ]),
      {
        name: "target a little too long",
        bytes: head(`GET /${ID}/${"x".repeat(17_000)} HTTP/1.1`, `Host: ${HOST}`),
        expect: refused(414),
      },
      {
        name: "hidden request behind a large head",
        bytes: get(`X: ${"y".repeat(40_000)}`) + SMUGGLED,
        expect: refused(431),
      },
      {
        name: "body behind a large head",
        bytes: post([`X: ${"y".repeat(40_000)}`, `Content-Length: ${SMUGGLED.length}`], SMUGGLED),
        expect: refused(431),
      },
    ],
  },
  {
    name: "too many fields",
    rfc: "RFC 6585 5; RFC 9110 5.4",
    rule: "More fields than the limit are 431.",
    cases: [105, 150, 1_000, 5_000].flatMap((count) => [
      { name: `${count} fields`, bytes: get(...fieldsOf(count, 4)), expect: refused(431) },
      {
        name: `${count} empty fields`,
        bytes: get(...Array.from({ length: count }, (_, i) => `X${i}:`)),
        expect: refused(431),
      },
      {
        name: `${count} fields of one name`,
        bytes: get(...Array.from({ length: count }, () => "X: y")),
        expect: refused(431),
      },
    ]),
  },
  {
    name: "values that turn into line ends elsewhere",
    rfc: "RFC 9110 5.5",
    rule: "Bytes above 0x7f stay the bytes they are: nothing decodes or cuts them into CR or LF.",
    cases: spellings<RequestCase>(
      [
        "a\xe5\x98\x8a\xe5\x98\x8dX-Split: 1",
        "a\xc4\x8d\xc4\x8aX-Split: 1",
        "a%0d%0aX-Split: 1",
        "a\\r\\nX-Split: 1",
        "a\xe2\x80\xa8X-Split: 1",
        "a\xc2\x85X-Split: 1",
        "a\xff\xfe",
      ],
      (value) => ({
        bytes: get(`X: ${value}`),
        expect: forwarded({ fields: [["x", value]], absent: ["x-split"] }),
      }),
    ),
  },
];

function fieldsOf(count: number, size: number): string[] {
  return Array.from({ length: count }, (_, i) => `X${i}: ${"y".repeat(size)}`);
}
