/** Request attacks on Content-Length, and bodies that end early or stand where few expect one. */
import {
  chunked,
  either,
  forwarded,
  get,
  HOST,
  head,
  ID,
  post,
  type RequestCase,
  type RequestExpectation,
  type RequestFamily,
  refused,
  SMUGGLED,
  spellings,
} from "./table.ts";

const HELLO = forwarded({ method: "POST", body: "hello" });
const HELLO_OR_REFUSED = either({ method: "POST", body: "hello" });
const EARLY_END: RequestExpectation = { kind: "cut", statuses: [400, 408], silent: true };

// biome-ignore format: one line a kind of spelling
/** Spellings of a length that are none. */
export const badLengths: readonly string[] = [
  "+5", "-5", "-0", "+0", "++5", "5-", "5+", "0x5", "0X5", "0b101", "0o5", "x5", "h", "5h", "five", "5n", "NaN", "Infinity", "-Infinity", "null", "undefined", "true",
  "5.", "5.0", ".5", "05.", "5.5", "1e1", "5e0", "5E0", "5_0", "0_5", "5'000", "1,000",
  "5 5", "5\t5", "", "5;", "5;a=b", "5 ;", '"5"', "'5'", "(5)", "[5]", "5/1", "5:", "$5", "5%", "bytes=5", "5 bytes",
  "5\x00", "\x005", "5\x0b", "\x0b5", "5\x0c", "\x0c5", "5\x01", "5\x7f", "5\r", "\r5", "5\r5", "5\rX: y",
  "5\xa0", "\xa05", "5\x85", "\x855", "\xb2", "\xb9", "\xef\xbc\x95", "\xd9\xa5", "\xe2\x81\xb5", "\xef\xbb\xbf5", "5\xe2\x80\x8b",
];

/** Lengths beyond what a number holds exactly. */
export const hugeLengths: readonly string[] = [
  "9007199254740993",
  "9223372036854775807",
  "9223372036854775808",
  "9223372036854775813",
  "18446744073709551615",
  "18446744073709551616",
  "18446744073709551621",
  "99999999999999999999",
  "340282366920938463463374607431768211461",
  "1".repeat(400),
  "9".repeat(4_000),
];

const earlyEnds = [
  post(["Content-Length: 10"], "hello"),
  post(["Content-Length: 10"], ""),
  post(["Content-Length: 6"], "hello"),
  post(["Content-Length: 100000"], "hello".repeat(19_999)),
  chunked(""),
  chunked("5"),
  chunked("5\r"),
  chunked("5\r\n"),
  chunked("5\r\nhel"),
  chunked("5\r\nhello"),
  chunked("5\r\nhello\r"),
  chunked("5\r\nhello\r\n"),
  chunked("5\r\nhello\r\n0"),
  chunked("5\r\nhello\r\n0\r\n"),
  chunked("5\r\nhello\r\n0\r\n\r"),
  chunked("5\r\nhello\r\n0\r\nX-Trailer: 1"),
  chunked("5\r\nhello\r\n0\r\nX-Trailer: 1\r\n"),
  chunked("5\r\nhello\r\n0\r\nX-Trailer: 1\r\n\r"),
];

/** Families about Content-Length. */
export const contentLengthFamilies: readonly RequestFamily[] = [
  {
    name: "Content-Length given twice",
    rfc: "RFC 9112 6.3; RFC 9110 8.6",
    rule: "Different lengths are refused; equal ones are refused or become one.",
    cases: [
      ...["5,6", "6,5", "0,5", "5,0", "5,+5", "5,x", "x,5", "5,-1", "5,5x", "5,0x5"].flatMap((pair) =>
        different(pair),
      ),
      ...["5, 5", "5,5", "5 , 5", "5,\t5", "5, 5, 5", "5,", ",5", "5 ,"].map((value) => ({
        name: `list ${JSON.stringify(value)}`,
        bytes: post([`Content-Length: ${value}`], "hello"),
        expect: HELLO_OR_REFUSED,
      })),
      ...["5", "05", ""].map((second) => ({
        name: `5 then ${JSON.stringify(second)}`,
        bytes: post(["Content-Length: 5", `Content-Length: ${second}`], "hello"),
        expect: HELLO_OR_REFUSED,
      })),
      {
        name: "5 then 5 on a GET",
        bytes: `${get("Content-Length: 5", "Content-Length: 5")}hello`,
        expect: either({ body: "hello" }),
      },
      { name: "0 then 0 on a GET", bytes: get("Content-Length: 0", "Content-Length: 0"), expect: either() },
    ],
  },
  {
    name: "Content-Length spellings",
    rfc: "RFC 9110 8.6; RFC 9112 6.3",
    rule: "Content-Length is digits and nothing else; leading zeros are digits.",
    cases: [
      ...spellings<RequestCase>(badLengths, (value) => ({
        bytes: post([`Content-Length: ${value}`], "hello"),
        expect: refused(),
      })),
      ...spellings<RequestCase>(
        [
          "Content-Length ",
          "Content-Length\t",
          "Content-Length\x00",
          "Content-Length\x0b",
          "Content-Length\xa0",
          "Content-Length;",
        ],
        (name) => ({ bytes: post([`${name}: 5`], "hello"), expect: refused() }),
      ),
      { name: "behind a fold", bytes: post(["Content-Length:\r\n 5"], "hello"), expect: HELLO_OR_REFUSED },
      { name: "before a fold", bytes: post(["Content-Length: 5\r\n "], "hello"), expect: HELLO_OR_REFUSED },
      { name: "split by a fold", bytes: post(["Content-Length: 1\r\n 0"], "hello67890"), expect: refused() },
      ...spellings<RequestCase>(["5", "05", "005", "0000000005", " 5 ", "\t5\t", "5   "], (value) => ({
        bytes: post([`Content-Length:${value}`], "hello"),
        expect: HELLO,
      })),
      { name: "00", bytes: post(["Content-Length: 00"], ""), expect: forwarded({ method: "POST" }) },
    ],
  },
  {
    name: "Content-Length beyond all integers",
    rfc: "RFC 9110 8.6",
    rule: "A length that the gateway cannot count exactly is refused, never wrapped or rounded.",
    cases: hugeLengths.map((value) => ({
      name: value.length > 40 ? `${value.length} digits` : value,
      bytes: post([`Content-Length: ${value}`], "hello"),
      expect: refused(400, 413),
    })),
  },
  {
    name: "body that ends early",
    rfc: "RFC 9112 8",
    rule: "A connection that ends inside a body leaves no complete request at the service.",
    cases: earlyEnds.map((bytes) => ({
      name: `after ${JSON.stringify(bytes.slice(-30))}`,
      bytes,
      end: true,
      expect: EARLY_END,
    })),
  },
  {
    name: "body where few expect one",
    rfc: "RFC 9110 9.3.1; RFC 9112 6",
    rule: "Framing does not depend on the method: a body goes on with its framing.",
    cases: ["GET", "HEAD", "DELETE", "OPTIONS", "PROPFIND", "get"].flatMap((method) => bodied(method)),
  },
];

function different(pair: string): RequestCase[] {
  const [first, second] = pair.split(",");
  return [
    {
      name: `${first} then ${second}`,
      bytes: post([`Content-Length: ${first}`, `Content-Length: ${second}`], "hello"),
      expect: refused(),
    },
    {
      name: `${first} then ${second}, apart, in other cases`,
      bytes: post([`content-length: ${first}`, "X: y", `CONTENT-LENGTH: ${second}`], "hello"),
      expect: refused(),
    },
    {
      name: `list ${first}, ${second}`,
      bytes: post([`Content-Length: ${first}, ${second}`], "hello"),
      expect: refused(),
    },
  ];
}

function bodied(method: string): RequestCase[] {
  const line = `${method} /${ID} HTTP/1.1`;
  const chunk = `${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`;
  return [
    {
      name: `${method} with Content-Length`,
      bytes: head(line, `Host: ${HOST}`, `Content-Length: ${SMUGGLED.length}`) + SMUGGLED,
      expect: forwarded({ method, body: SMUGGLED }),
    },
    {
      name: `${method} with chunks`,
      bytes: head(line, `Host: ${HOST}`, "Transfer-Encoding: chunked") + chunk,
      expect: forwarded({ method, body: SMUGGLED }),
    },
    {
      name: `${method} with Content-Length: 0`,
      bytes: head(line, `Host: ${HOST}`, "Content-Length: 0"),
      expect: forwarded({ method }),
    },
  ];
}
