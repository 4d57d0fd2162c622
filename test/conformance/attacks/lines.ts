/** Request attacks on line ends, folds and the whitespace around lines. */
import {
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

const LINE = `GET /${ID} HTTP/1.1`;
const HOST_LINE = `Host: ${HOST}`;

/** Heads in which `end` stands for one or more of the line ends. */
function withLineEnds(end: string): RequestCase[] {
  const rows: Record<string, string> = {
    "after the request line": `${LINE}${end}${HOST_LINE}\r\n\r\n`,
    "after the first field": `${LINE}\r\n${HOST_LINE}${end}X: y\r\n\r\n`,
    "after the last field": `${LINE}\r\n${HOST_LINE}\r\nX: y${end}\r\n`,
    "as the empty line": `${LINE}\r\n${HOST_LINE}\r\n${end}`,
    "as the last two line ends": `${LINE}\r\n${HOST_LINE}${end}${end}`,
    "after each field": `${LINE}\r\n${HOST_LINE}${end}X: y${end}\r\n`,
    everywhere: `${LINE}${end}${HOST_LINE}${end}X: y${end}${end}`,
    "between a field and a hidden Content-Length": `${LINE}\r\n${HOST_LINE}\r\nX: y${end}Content-Length: ${SMUGGLED.length}\r\n\r\n`,
    "between a field and a hidden Transfer-Encoding": `${LINE}\r\n${HOST_LINE}\r\nX: y${end}Transfer-Encoding: chunked\r\n\r\n`,
    "before a second Host": `${LINE}\r\n${HOST_LINE}\r\nX: y${end}Host: other.example\r\n\r\n`,
    "before a hidden request": `${LINE}\r\n${HOST_LINE}\r\nX: y${end}${end}${SMUGGLED}`,
    "inside the target": `GET /${ID}${end}X: y HTTP/1.1\r\n${HOST_LINE}\r\n\r\n`,
    "inside the version": `GET /${ID} HTTP/${end}1.1\r\n${HOST_LINE}\r\n\r\n`,
    "inside a name": `${LINE}\r\n${HOST_LINE}\r\nX${end}Y: z\r\n\r\n`,
    "before a value": `${LINE}\r\n${HOST_LINE}\r\nX:${end}y\r\n\r\n`,
    "inside the Host value": `${LINE}\r\nHost: ${HOST}${end}.other\r\n\r\n`,
    "with a Content-Length body": post([], "").replace(/\r\n\r\n$/, `${end}Content-Length: 5${end}\r\nhello`),
  };
  return Object.entries(rows).map(([place, bytes]) => ({
    name: `${JSON.stringify(end)} ${place}`,
    bytes,
    expect: refused(),
  }));
}

const folds: readonly [name: string, bytes: string, expect: RequestExpectation][] = [
  " ",
  "\t",
  "    ",
  " \t ",
].flatMap((fold) => {
  const f = `\r\n${fold}`;
  const joined = (...parts: string[]): string => parts.join(" ");
  const rows: [string, string, RequestExpectation][] = [
    ["in a value", get(`X: a${f}b`, "Y: z"), either({ fields: [["y", "z"]], absent: ["b"] })],
    ["twice", get(`X: a${f}b${f}c`), either()],
    ["before the value", get(`X:${f}a`), either()],
    ["behind the last field", get("X: a\r\n "), either()],
    ["with a colon in it", get(`X: a${f}Y: z`), either({ absent: ["y"] })],
    ["with a Host in it", get(`X: a${f}Host: other.example`), either()],
    [
      "with a Content-Length in it",
      get(`X: a${f}Content-Length: ${SMUGGLED.length}`),
      either({ absent: ["content-length"] }),
    ],
    [
      "with a Transfer-Encoding in it",
      get(`X: a${f}Transfer-Encoding: chunked`),
      either({ absent: ["transfer-encoding"] }),
    ],
    ["of the Host", head(LINE, `Host:${f}${HOST}`), either()],
    ["inside the Host", head(LINE, `Host: ${HOST}${f}other.example`), refused()],
    ["of the first field line", `${LINE}${f}${HOST_LINE}\r\n\r\n`, refused()],
    ["of the first field line, before the Host", `${LINE}${f}X: y\r\n${HOST_LINE}\r\n\r\n`, refused()],
    ["of nothing, before the Host", `${LINE}${f}\r\n${HOST_LINE}\r\n\r\n`, refused()],
    [
      "of the Connection field",
      get(`Connection: x-secret,${f}x-other`, "X-Secret: 1"),
      either({ absent: ["x-secret"] }),
    ],
  ];
  return rows.map(([name, bytes, expect]): [string, string, RequestExpectation] => [
    joined(JSON.stringify(fold), name),
    bytes,
    expect,
  ]);
});

/** Families about lines. */
export const lineFamilies: readonly RequestFamily[] = [
  {
    name: "bare LF",
    rfc: "RFC 9112 2.2",
    rule: "A line ends with CRLF; a lone LF is refused, since others read it as a line end or as data.",
    cases: withLineEnds("\n"),
  },
  {
    name: "bare CR",
    rfc: "RFC 9112 2.2",
    rule: "A CR without LF is never a line end and never passed on.",
    cases: [...withLineEnds("\r"), ...withLineEnds("\r\r\n"), ...withLineEnds("\n\r")],
  },
  {
    name: "folded fields",
    rfc: "RFC 9112 5.2, 2.2",
    rule: "A fold is refused, or becomes spaces in the one value it belongs to; one without a field before it is refused.",
    cases: folds.map(([name, bytes, expect]) => ({ name, bytes, expect })),
  },
  {
    name: "bytes before the request line",
    rfc: "RFC 9112 2.2, 3",
    rule: "One empty line (CRLF) before the request line is skipped; other bytes are not.",
    cases: [
      { name: "one CRLF", bytes: `\r\n${get()}`, expect: forwarded() },
      ...["\r\n\r\n", "\r\n\r\n\r\n", "\n", "\n\n"].map((before) => ({
        name: JSON.stringify(before),
        bytes: before + get(),
        expect: either(),
      })),
      ...spellings<RequestCase>(
        [
          " ",
          "\t",
          "  ",
          "\r",
          "\r\r\n",
          " \r\n",
          "\r\n ",
          "\r\n\t",
          "\x00",
          "\x0b",
          "\x0c",
          "\x16\x03\x01",
          "\x1b",
          "\x7f",
          "\x80",
          "\xa0",
          "\xef\xbb\xbf",
          "X: y\r\n",
          ":\r\n",
          "0\r\n\r\n",
        ],
        (before) => ({ bytes: before + get(), expect: refused(400, 501, 505) }),
      ),
    ],
  },
  {
    name: "whitespace in the request line",
    rfc: "RFC 9112 3",
    rule: "Single spaces part method, target and version; other whitespace is refused, never skipped.",
    cases: requestLines([
      `GET  /${ID} HTTP/1.1`,
      `GET /${ID}  HTTP/1.1`,
      `GET   /${ID}   HTTP/1.1`,
      `GET\t/${ID} HTTP/1.1`,
      `GET /${ID}\tHTTP/1.1`,
      `GET\t/${ID}\tHTTP/1.1`,
      `GET \t/${ID} HTTP/1.1`,
      `GET /${ID} \tHTTP/1.1`,
      `GET /${ID} HTTP/1.1 `,
      `GET /${ID} HTTP/1.1\t`,
      `GET /${ID} HTTP/1.1  `,
      `GET /${ID} HTTP/1.1 x`,
      `GET\x0b/${ID} HTTP/1.1`,
      `GET\x0c/${ID} HTTP/1.1`,
      `GET\xa0/${ID} HTTP/1.1`,
      `GET /${ID}\x0bHTTP/1.1`,
      `GET /${ID}\x0cHTTP/1.1`,
      `GET /${ID}\xa0HTTP/1.1`,
      `GET /${ID}\x00 HTTP/1.1`,
      `GET/${ID} HTTP/1.1`,
      `GET /${ID}HTTP/1.1`,
      `GET/${ID}HTTP/1.1`,
      `GET /${ID} /two HTTP/1.1`,
      `GET /${ID} HTTP/1.1 HTTP/1.1`,
      `GET GET /${ID} HTTP/1.1`,
    ]),
  },
  {
    name: "whitespace before the first field",
    rfc: "RFC 9112 2.2",
    rule: "A line of whitespace between the request line and the first field is refused.",
    cases: spellings<RequestCase>(
      [" ", "\t", "  ", " \r\n", "\t\r\n", "\x0b", "\x0c", "\xa0", "\x00", " X: y\r\n"],
      (space) => ({
        bytes: `${LINE}\r\n${space}${HOST_LINE}\r\n\r\n`,
        expect: refused(),
      }),
    ),
  },
  {
    name: "head that ends early",
    rfc: "RFC 9112 8",
    rule: "A connection that ends inside a head leaves nothing at the service.",
    cases: [
      "G",
      "GET",
      "GET ",
      `GET /${ID}`,
      `GET /${ID} HTTP/1.`,
      LINE,
      `${LINE}\r`,
      `${LINE}\r\n`,
      `${LINE}\r\nHo`,
      `${LINE}\r\nHost:`,
      `${LINE}\r\n${HOST_LINE}`,
      `${LINE}\r\n${HOST_LINE}\r`,
      `${LINE}\r\n${HOST_LINE}\r\n`,
      `${LINE}\r\n${HOST_LINE}\r\n\r`,
      `${LINE}\r\n${HOST_LINE}\r\nX: ${"y".repeat(5_000)}`,
      "\r",
      "\r\n",
    ].map((bytes) => ({
      name: `after ${JSON.stringify(bytes.slice(-30))}`,
      bytes,
      end: true,
      expect: { kind: "refused", statuses: [400, 408], silent: true } as const,
    })),
  },
  {
    name: "lines that are no fields",
    rfc: "RFC 9112 5",
    rule: "A line in the head without a colon, or with nothing before it, is refused.",
    cases: spellings<RequestCase>(
      [
        "X",
        "X y",
        ":",
        ": y",
        ":y",
        "::",
        " : y",
        "GET / HTTP/1.1",
        "=",
        "X=y",
        "X;y",
        "\x00",
        "\xff",
        "--",
        "HTTP/1.1 200 OK",
        "0",
        "{}",
        "<x>",
        "x\xa0y",
      ],
      (line) => ({ bytes: get(line, "Y: z"), expect: refused() }),
    ),
  },
];

function requestLines(lines: readonly string[]): RequestCase[] {
  return lines.map((line) => ({
    name: JSON.stringify(line),
    bytes: head(line, HOST_LINE),
    expect: refused(400, 501, 505),
  }));
}
