/** Request attacks inside chunked bodies: sizes, line ends, extensions, trailers. */
import type { Field } from "../../support/strict-parser.ts";
import {
  CONTROLS,
  chunked,
  cut,
  either,
  forwarded,
  type RequestCase,
  type RequestExpectation,
  type RequestFamily,
  SMUGGLED,
  spellings,
} from "./table.ts";

const TAIL = "\r\nhello\r\n0\r\n\r\n";
const HELLO = forwarded({ method: "POST", body: "hello" });
const HELLO_OR_CUT = either({ method: "POST", body: "hello" }, [400, 413, 431]);
const BAD = cut(400, 413);

// biome-ignore format: one line a kind of spelling
const badSizes = [
  "", "g", "5g", "g5", "h5", "x", "five", "+5", "-5", "-0", "+0", "--5", "0x5", "0X5", "x5", "5x", "5h", "#5", "$5", "5_", "_5", "0_5", "5.0", "5.", ".5", "5,", "5,5", "5 5", "5 a", "5 hello",
  " 5", "\t5", "  5", "\x0b5", "\x0c5", "5\x0b", "5\x0c", "5\x00", "\x005", "5\x01", "5\x7f", "5\xa0", "\xa05", "5\x85", "\xb2", "\xef\xbc\x95", "\xd9\xa5", '"5"', "'5'", "(5)", "{5}", "5:", "5=", "5/", "5-", "5+", "0x", "NaN", "Infinity", "null",
];

const overflows = [
  "10000000000000005",
  "100000000000000005",
  "1000000000000000000000000000000005",
  "FFFFFFFFFFFFFFFFF",
  "FFFFFFFFFFFFFFFF",
  "FFFFFFFFFFFFFFFB",
  "8000000000000000",
  "8000000000000005",
  "7FFFFFFFFFFFFFFF",
  "20000000000005",
  "20000000000001",
  `1${"0".repeat(200)}5`,
  "F".repeat(5_000),
];

/** Bodies whose line ends are not those that framing asks for. */
const badEnds: Record<string, string> = {
  "bare LF after the size": "5\nhello\r\n0\r\n\r\n",
  "bare CR after the size": "5\rhello\r\n0\r\n\r\n",
  "CR CR LF after the size": "5\r\r\nhello\r\n0\r\n\r\n",
  "LF CR after the size": "5\n\rhello\r\n0\r\n\r\n",
  "CR x after the size": "5\rXhello\r\n0\r\n\r\n",
  "bare LF after the data": "5\r\nhello\n0\r\n\r\n",
  "bare CR after the data": "5\r\nhello\r0\r\n\r\n",
  "CR x after the data": "5\r\nhello\rX0\r\n\r\n",
  "x LF after the data": "5\r\nhelloX\n0\r\n\r\n",
  "nothing after the data": "5\r\nhello0\r\n\r\n",
  "two bytes instead of CRLF": "5\r\nhelloXX0\r\n\r\n",
  "CRLF twice after the data": "5\r\nhello\r\n\r\n0\r\n\r\n",
  "data longer by one": "5\r\nhelloX\r\n0\r\n\r\n",
  "data longer by a hidden request": `5\r\nhello${SMUGGLED}\r\n0\r\n\r\n`,
  "data shorter by one": "5\r\nhell\r\n0\r\n\r\n",
  "data shorter by two": "5\r\nhel\r\n0\r\n\r\n",
  "bare LF everywhere": "5\nhello\n0\n\n",
  "bare LF after the last chunk": "5\r\nhello\r\n0\n\r\n",
  "bare LF as the end": "5\r\nhello\r\n0\r\n\n",
  "bare CR as the end": "5\r\nhello\r\n0\r\n\rX",
  "CR CR LF as the end": "5\r\nhello\r\n0\r\n\r\r\n",
  "bare LF twice after the last chunk": "5\r\nhello\r\n0\n\n",
  "no chunk at all": "\r\n\r\n",
  "text instead of chunks": "hello\r\n\r\n",
  "the hidden request instead of chunks": SMUGGLED,
  "last chunk of 0x": "5\r\nhello\r\n0x\r\n\r\n",
  "last chunk of -0": "5\r\nhello\r\n-0\r\n\r\n",
  "space before the last chunk": "5\r\nhello\r\n 0\r\n\r\n",
  "bare LF in a second size": "5\r\nhello\r\n5\nhello\r\n0\r\n\r\n",
  "hidden size behind a bare LF": `2\nxx;\r\n${SMUGGLED}0\r\n\r\n`,
};

// biome-ignore format: one line a kind
const goodExtensions = [
  ";a", ";a=b", ";a=1", ';a="b"', ';a="b c"', ';a=""', ';a="b;c"', ';a="\\""', ';a="\\\\"', ';a="b\tc"', ';a="\xe4"', ';a="\\\xe4"', ";a;b", ";a=b;c=d", ';a="b";c;d=e',
  " ;a", "\t;a", "; a", ";a =b", ";a= b", " \t; \ta \t= \tb", ' ; a = "b c"', ";!#$%&'*+-.^_`|~09=x", ";a=b ;c=d", ';a="0\\r\\n"', `;${"a".repeat(200)}`,
];

/** Not the grammar, yet with one reading: dropped with the rest of the line, or refused. */
const oddExtensions = [
  ";",
  ";;",
  ";a;",
  ";=b",
  ";a=",
  ";a==b",
  ";a b",
  ";a=b c",
  ";a,b",
  ";(",
  ";a=\xe4",
  ";\xe4",
  ';a="b"c',
  " ",
  "\t",
  "   ",
];

const quoteTricks = ['";a="b', ';a="', ';a="b', ';a="\\"', ';a="b\\'];

function trailer(lines: readonly string[], expect: RequestExpectation): RequestCase {
  return {
    name: JSON.stringify(lines.join("\r\n")).slice(0, 70),
    bytes: chunked(["5\r\nhello\r\n0", ...lines, "", ""].join("\r\n")),
    expect,
  };
}

function passing(lines: readonly string[], trailers: readonly Field[] = []): RequestCase {
  return trailer(lines, forwarded({ method: "POST", body: "hello", trailers }));
}

// biome-ignore format: a list
const forbidden = [
  "Content-Length: 5", "content-length: 0", "Transfer-Encoding: chunked", "Transfer-Encoding: gzip", "Host: other.example", "Connection: close", "Connection: x-trailer",
  "Trailer: x", "TE: trailers", "Expect: x", "Upgrade: h2c", "Keep-Alive: x", "X-Forwarded-For: 203.0.113.66", "X-Forwarded-Host: x", "Authorization: x",
];

/** Families about chunked bodies. */
export const chunkFamilies: readonly RequestFamily[] = [
  {
    name: "chunk sizes",
    rfc: "RFC 9112 7.1",
    rule: "A chunk size is hexadecimal digits and nothing else.",
    cases: [
      ...spellings<RequestCase>(badSizes, (size) => ({ bytes: chunked(size + TAIL), expect: BAD })),
      ...badSizes.map((size) => ({
        name: `second chunk ${JSON.stringify(size)}`,
        bytes: chunked(`2\r\nab\r\n${size}${TAIL}`),
        expect: BAD,
      })),
      ...spellings<RequestCase>(["5", "05", "0005", "00000005"], (size) => ({
        bytes: chunked(size + TAIL),
        expect: HELLO,
      })),
      ...spellings<RequestCase>([`${"0".repeat(16)}5`, `${"0".repeat(300)}5`], (size) => ({
        bytes: chunked(size + TAIL),
        expect: HELLO_OR_CUT,
      })),
    ],
  },
  {
    name: "chunk sizes beyond all integers",
    rfc: "RFC 9112 7.1",
    rule: "A size that the gateway cannot count exactly is refused, never wrapped or rounded.",
    cases: overflows.flatMap((size) => [
      { name: `${size.slice(0, 40)}`, bytes: chunked(size + TAIL), expect: BAD },
      {
        name: `${size.slice(0, 40)} as second chunk`,
        bytes: chunked(`2\r\nab\r\n${size}${TAIL}`),
        expect: BAD,
      },
    ]),
  },
  {
    name: "chunk line ends",
    rfc: "RFC 9112 7.1, 2.2",
    rule: "CRLF ends the size, the data and the body; a size that lies about its data is never repaired.",
    cases: Object.entries(badEnds).map(([name, body]) => ({ name, bytes: chunked(body), expect: BAD })),
  },
  {
    name: "chunk extensions, well formed",
    rfc: "RFC 9112 7.1.1",
    rule: "Extensions that nobody here knows are read over and not passed on.",
    cases: [
      ...spellings<RequestCase>(goodExtensions, (extension) => ({
        bytes: chunked(`5${extension}${TAIL}`),
        expect: HELLO,
      })),
      ...goodExtensions.map((extension) => ({
        name: `last chunk ${JSON.stringify(extension).slice(0, 40)}`,
        bytes: chunked(`5\r\nhello\r\n0${extension}\r\n\r\n`),
        expect: HELLO,
      })),
    ],
  },
  {
    name: "chunk extensions, malformed",
    rfc: "RFC 9112 7.1.1, 2.2",
    rule: "No control and no lone CR or LF hides in an extension, nothing in one is read as framing, and none is endless.",
    cases: [
      ...["\n", "\r", "\r\r", "\n\r", "\0", ...CONTROLS].flatMap((byte) => [
        { name: `${JSON.stringify(byte)} in a name`, bytes: chunked(`5;a${byte}b${TAIL}`), expect: BAD },
        { name: `${JSON.stringify(byte)} in quotes`, bytes: chunked(`5;a="b${byte}c"${TAIL}`), expect: BAD },
        {
          name: `${JSON.stringify(byte)} in the last chunk`,
          bytes: chunked(`5\r\nhello\r\n0;a${byte}\r\n\r\n`),
          expect: BAD,
        },
      ]),
      ...quoteTricks.map((extension) => ({
        name: `unterminated ${extension}`,
        bytes: chunked(`5${extension}${TAIL}`),
        expect: BAD,
      })),
      { name: "quoted CRLF", bytes: chunked(`5;a="\r\nhello"\r\n0\r\n\r\n`), expect: BAD },
      {
        name: "hidden request behind a bare LF",
        bytes: chunked(`5;\nxx\r\n${SMUGGLED}0\r\n\r\n`),
        expect: BAD,
      },
      {
        name: "hidden size behind a bare LF",
        bytes: chunked(`2;\nxx\r\n4c\r\n0\r\n\r\n${SMUGGLED}`),
        expect: BAD,
      },
      {
        name: "hidden size behind a bare CR",
        bytes: chunked(`2;\rxx\r\n4c\r\n0\r\n\r\n${SMUGGLED}`),
        expect: BAD,
      },
      ...spellings<RequestCase>(oddExtensions, (extension) => ({
        bytes: chunked(`5${extension}${TAIL}`),
        expect: HELLO_OR_CUT,
      })),
      ...[20_000, 200_000].map((size) => ({
        name: `${size} bytes long`,
        bytes: chunked(`5;${"a".repeat(size)}${TAIL}`),
        expect: cut(400, 413, 431),
      })),
      {
        name: "a long one on each of 3,000 chunks",
        bytes: chunked(`${`1;${"a".repeat(400)}\r\nx\r\n`.repeat(3_000)}0\r\n\r\n`),
        expect: either({ method: "POST", body: "x".repeat(3_000) }, [400, 413, 431]),
      },
    ],
  },
  {
    name: "trailers, well formed",
    rfc: "RFC 9112 7.1.2; RFC 9110 6.5",
    rule: "Trailers are passed on as trailers or dropped, never merged into the head.",
    cases: [
      passing(["X-Trailer: 1"], [["x-trailer", "1"]]),
      passing(
        ["X-Trailer:1", "X-Other:  2  "],
        [
          ["x-trailer", "1"],
          ["x-other", "2"],
        ],
      ),
      passing(
        ["X-Trailer: 1", "x-trailer: 2"],
        [
          ["x-trailer", "1"],
          ["x-trailer", "2"],
        ],
      ),
      passing(["X-Empty:"], [["x-empty", ""]]),
      passing(["!#$%&'*+-.^_`|~09az: \xe4\t b"], [["!#$%&'*+-.^_`|~09az", "\xe4\t b"]]),
      passing([`X-Long: ${"y".repeat(2_000)}`], [["x-long", "y".repeat(2_000)]]),
    ],
  },
  {
    name: "trailers, malformed",
    rfc: "RFC 9112 7.1.2, 5",
    rule: "A trailer section has the grammar of a head: no bare line ends, no controls, tokens as names, an end.",
    cases: [
      // biome-ignore format: one line a kind
      ...[
        "X", "X y", ": y", "X : y", "X\t: y", "X\0: y", "X: a\0b", "X: a\rb", "X: a\nb", "X: a\x0bb", "X: a\x7fb", "(X): y", "X\x80: y", " X: y", "\tX: y", "X: y\n", "X: y\r", "\n", "\r", "X: y\n\n", "\x0b: y", "=", "GET / HTTP/1.1",
      ].map((line) => trailer([line], cut(400, 413, 431))),
      trailer(["X: a", " folded"], either({ method: "POST", body: "hello", trailers: [["x", "a folded"]] })),
      trailer(
        ["X: a", "\tfolded"],
        either({
          method: "POST",
          body: "hello",
          trailers: [
            ["x", "a folded"],
            ["x", "a\tfolded"],
          ],
        }),
      ),
      trailer([`X: y\n\n${SMUGGLED}`], cut()),
      trailer([`X: ${"y".repeat(40_000)}`], cut(400, 413, 431)),
      trailer(["X: y".repeat(80_000)], cut(400, 413, 431)),
      trailer(
        Array.from({ length: 1_000 }, (_, i) => `X${i}: y`),
        cut(400, 413, 431),
      ),
    ],
  },
  {
    name: "trailers that would be framing",
    rfc: "RFC 9110 6.5.1; RFC 9112 7.1.2",
    rule: "A trailer never frames, routes, authenticates or describes the message: such fields are dropped or refused.",
    cases: forbidden.flatMap((line) => [
      trailer([line], either({ method: "POST", body: "hello" })),
      trailer(
        ["X-Trailer: 1", line.toUpperCase()],
        either({ method: "POST", body: "hello", trailers: [["x-trailer", "1"]] }),
      ),
    ]),
  },
];
