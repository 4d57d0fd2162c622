/** Request attacks on Transfer-Encoding, alone and beside Content-Length. */
import {
  either,
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

const HELLO = "5\r\nhello\r\n0\r\n\r\n";

/** A body that ends at once for a reader of chunks, while a reader of Content-Length takes the hidden request as body. */
const BEHIND_LAST_CHUNK = `0\r\n\r\n${SMUGGLED}`;

/** A body whose first chunk is the hidden request, while a reader of `Content-Length: 4` stops before it. */
const IN_A_CHUNK = `${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`;

/** Read as chunked with the body that the chunks hold. */
const AS_CHUNKED = either({ method: "POST", body: "hello" }, [400, 501]);

const both = [
  ["Content-Length", "Transfer-Encoding"],
  ["content-length", "transfer-encoding"],
  ["CONTENT-LENGTH", "TRANSFER-ENCODING"],
  ["Content-length", "tRANSFER-eNCODING"],
].flatMap(([length, coding]) =>
  ["chunked", "Chunked", "CHUNKED", "\tchunked\t"].flatMap((value) =>
    bothOf(`${length}`, `${coding}`, value),
  ),
);

function bothOf(length: string, coding: string, value: string): RequestCase[] {
  const behind = `${length}: ${BEHIND_LAST_CHUNK.length}`;
  const label = `${length}, ${coding}: ${JSON.stringify(value)}`;
  const row = (name: string, fields: string[], body: string): RequestCase => ({
    name: `${label}, ${name}`,
    bytes: post(fields, body),
    expect: refused(),
  });
  return [
    row("length first, hidden behind the last chunk", [behind, `${coding}: ${value}`], BEHIND_LAST_CHUNK),
    row(
      "coding first, hidden behind the last chunk",
      [`${coding}: ${value}`, "X: y", behind],
      BEHIND_LAST_CHUNK,
    ),
    row("hidden in a chunk", [`${length}: 4`, `${coding}: ${value}`], IN_A_CHUNK),
    row("length of zero", [`${length}: 0`, `${coding}: ${value}`], IN_A_CHUNK),
    row("both right", [`${length}: ${HELLO.length}`, `${coding}: ${value}`], HELLO),
  ];
}

// biome-ignore format: one line a kind of spelling
/** Codings that the gateway does not know, and spellings that only look like one. */
export const unknownCodings: readonly string[] = [
  "xchunked", "chunkedx", "x chunked", "chunked x", "chun ked", "chunked-", "-chunked", "chunke", "hunked", "cow", "none", "null",
  '"chunked"', "'chunked'", "[chunked]", "(chunked)", "chunked #", "chunked:", ":chunked", "chunked=1", "chunked/1.1",
  "chunked;q=1", "chunked; q=0.5", "chunked;a", "chunked ;a=b", "trailers", "chunked trailers", "0", "5", "",
  "identity", "identity, chunked", "chunked, identity", "gzip", "gzip, chunked", "gzip,chunked", "deflate, chunked", "compress",
  "x-gzip, chunked", "chunked, gzip", "chunked, chunked", "chunked,chunked", "chunked\t,\tchunked", "chunked,,chunked",
  "\x0bchunked", "\x0cchunked", "chunked\x0b", "chunked\x0c", "\x00chunked", "chunked\x00", "chun\x00ked", "\x01chunked", "chunked\x1f",
  "\x7fchunked", "chunked\r", "\rchunked", "chunked\rX: y", "ch\runked",
  "\xa0chunked", "chunked\xa0", "chunked\x85", "\x85chunked", "\xef\xbb\xbfchunked", "chunked\xe2\x80\x8b", "chu\xf1ked",
];

const codingFields = ["chunked", "identity", "gzip", "x", ""];

// biome-ignore format: one line a kind of spelling
/** Names that only a careless reader takes for Transfer-Encoding. */
export const codingNames: readonly string[] = [
  "Transfer-Encoding ", "Transfer-Encoding\t", "Transfer-Encoding \t ", "Transfer Encoding",
  "Transfer-Encoding\x0b", "\x0bTransfer-Encoding", "Transfer-Encoding\x0c", "Transfer-Encoding\x00", "\x00Transfer-Encoding", "Transfer-\x00Encoding",
  "Transfer-Encoding;", "Transfer-Encoding,", '"Transfer-Encoding"', "(Transfer-Encoding)", "Transfer-Encoding=", "Transfer-Encoding/",
  "\xa0Transfer-Encoding", "Transfer-Encoding\xa0", "Transfer-Encod\xefng", "\xef\xbb\xbfTransfer-Encoding", "Transfer-Encoding\x85",
  "\rTransfer-Encoding", "Transfer-Encoding\r", "Transfer\r-Encoding", "X: y\rTransfer-Encoding", "X: y\nTransfer-Encoding", "X: y\r\rTransfer-Encoding",
];

/** Families about Transfer-Encoding. */
export const transferEncodingFamilies: readonly RequestFamily[] = [
  {
    name: "Content-Length and Transfer-Encoding",
    rfc: "RFC 9112 6.1, 6.3",
    rule: "A request with both is refused: two readers could see two bodies.",
    cases: both,
  },
  {
    name: "Transfer-Encoding spellings",
    rfc: "RFC 9112 6.1, 7; RFC 9110 5.6.1.2",
    rule: "Only `chunked`, once, is a coding that the gateway knows; anything else is 400 or 501.",
    cases: [
      ...spellings<RequestCase>(unknownCodings, (value) => ({
        bytes: post([`Transfer-Encoding: ${value}`], HELLO),
        expect: refused(400, 501),
      })),
      ...unknownCodings.map((value) => ({
        name: `${JSON.stringify(value)} beside Content-Length`,
        bytes: post(
          [`Content-Length: ${BEHIND_LAST_CHUNK.length}`, `Transfer-Encoding: ${value}`],
          BEHIND_LAST_CHUNK,
        ),
        expect: refused(400, 501),
      })),
      ...spellings<RequestCase>(
        [",chunked", "chunked,", ", chunked", "chunked ,", ", , chunked, ,"],
        (value) => ({
          bytes: post([`Transfer-Encoding: ${value}`], HELLO),
          expect: AS_CHUNKED,
        }),
      ),
    ],
  },
  {
    name: "Transfer-Encoding name spellings",
    rfc: "RFC 9112 5.1; RFC 9110 5.1, 5.6.2",
    rule: "A field name is a token with the colon right behind it; nothing is trimmed into `Transfer-Encoding`.",
    cases: codingNames.flatMap((name) => [
      { name: JSON.stringify(name), bytes: post(["X: y", `${name}: chunked`], HELLO), expect: refused() },
      {
        name: `${JSON.stringify(name)} beside Content-Length`,
        bytes: post([`Content-Length: ${BEHIND_LAST_CHUNK.length}`, `${name}: chunked`], BEHIND_LAST_CHUNK),
        expect: refused(),
      },
    ]),
  },
  {
    name: "Transfer-Encoding given twice",
    rfc: "RFC 9112 6.1, 7",
    rule: "Two lines are one list: chunked twice, or with another coding, is refused; an empty line adds nothing.",
    cases: codingFields.flatMap((first) => codingFields.flatMap((second) => twice(first, second))),
  },
  {
    name: "Transfer-Encoding folded",
    rfc: "RFC 9112 5.2",
    rule: "A folded framing field is refused, or read with the fold as spaces; never as two lines.",
    cases: [" ", "\t", "  ", " \t"].flatMap((fold) => {
      const row = (name: string, fields: string[], expect: RequestCase["expect"]): RequestCase => ({
        name: `${name}, fold of ${JSON.stringify(fold)}`,
        bytes: post(fields, HELLO),
        expect,
      });
      return [
        row("before the value", [`Transfer-Encoding:\r\n${fold}chunked`], AS_CHUNKED),
        row("behind the value", [`Transfer-Encoding: chunked\r\n${fold}`], AS_CHUNKED),
        row("inside the value", [`Transfer-Encoding: chun\r\n${fold}ked`], refused(400, 501)),
        row("before a second coding", [`Transfer-Encoding: chunked,\r\n${fold}identity`], refused(400, 501)),
        row(
          "around a length",
          [`X: y\r\n${fold}Content-Length: 5`, "Transfer-Encoding: chunked"],
          AS_CHUNKED,
        ),
      ];
    }),
  },
  {
    name: "Transfer-Encoding in HTTP/1.0",
    rfc: "RFC 9112 6.1",
    rule: "HTTP/1.0 knows no transfer codings: the framing is faulty.",
    cases: ["chunked", "Chunked", "identity", "gzip, chunked"].flatMap((value) =>
      ["X: y", "Content-Length: 5", "Connection: keep-alive"].map((more) => ({
        name: `${value} with ${more}`,
        bytes: head(`POST /${ID} HTTP/1.0`, `Host: ${HOST}`, `Transfer-Encoding: ${value}`, more) + HELLO,
        expect: refused(400, 501),
      })),
    ),
  },
];

function twice(first: string, second: string): RequestCase[] {
  const harmless = [first, second].sort().join() === ",chunked";
  return ["X: y", "Content-Length: 5"].map((between) => ({
    name: `${JSON.stringify(first)}, then ${JSON.stringify(second)}, ${between} between`,
    bytes: post([`Transfer-Encoding: ${first}`, between, `transfer-encoding: ${second}`], HELLO),
    expect: harmless && between === "X: y" ? AS_CHUNKED : refused(400, 501),
  }));
}
