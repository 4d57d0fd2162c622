import { block, F, frame, headers, request, T } from "../../support/frames.ts";
import type { Case, Expected } from "./cases.ts";

type Pair = readonly [string, string];

const MALFORMED: Expected = { reset: "PROTOCOL_ERROR" };

/** A GET with one more field that no request may have. */
function field(
  section: string,
  title: string,
  name: string,
  value: string,
  expect: Expected = MALFORMED,
): Case {
  return { section, title, send: headers(1, request("GET", "/", [[name, value]])), expect };
}

/** A request with these fields only. */
function only(section: string, title: string, fields: readonly Pair[], expect: Expected = MALFORMED): Case {
  return { section, title, send: headers(1, fields), expect };
}

function path(title: string, value: string, status: number): Case {
  return { section: "8.3.1", title, send: headers(1, request("GET", value)), expect: { status } };
}

const METHOD: Pair = [":method", "GET"];
const SCHEME: Pair = [":scheme", "http"];
const AUTHORITY: Pair = [":authority", "h2.test"];
const PATH: Pair = [":path", "/"];

/** §8: what a request may be. Those that a person may have got wrong are answered, the others reset; see `requestOf`. */
export const REQUEST_CASES: readonly Case[] = [
  field("8.2.1", "an upper-case name", "X-Upper", "1"),
  field("8.2.1", "a name with an upper-case letter within", "x-Upper", "1"),
  field("8.2.1", "an empty name", "", "1"),
  field("8.2.1", "a name with a space", "x y", "1"),
  field("8.2.1", "a name with a colon within", "x:y", "1"),
  field("8.2.1", "a name with a control", "x\x01", "1"),
  field("8.2.1", "a name with an octet above 0x7f", "x\xe4", "1"),
  field("8.2.1", "a name with CR LF", "x\r\ny", "1"),
  field("8.2.1", "a value with CR", "x-value", "a\rb"),
  field("8.2.1", "a value with LF", "x-value", "a\nb"),
  field("8.2.1", "a value with CR LF and a field", "x-value", "a\r\nx-injected: 1"),
  field("8.2.1", "a value with NUL", "x-value", "a\0b"),
  field("8.2.1", "a value with a space before it", "x-value", " a"),
  field("8.2.1", "a value with a tab before it", "x-value", "\ta"),
  field("8.2.1", "a value with a space behind it", "x-value", "a "),
  field("8.2.1", "a value with a tab behind it", "x-value", "a\t"),
  field("8.2.1", "a value with another control, as in HTTP/1.1", "x-value", "a\x7fb"),
  field("8.2.1", "a value of octets above 0x7f is taken", "x-value", "\xe4\xff", { status: 200 }),
  field("8.2.1", "an empty value is taken", "x-value", "", { status: 200 }),
  field("8.2.2", "connection", "connection", "keep-alive"),
  field("8.2.2", "connection that is empty", "connection", ""),
  field("8.2.2", "proxy-connection", "proxy-connection", "keep-alive"),
  field("8.2.2", "keep-alive", "keep-alive", "timeout=5"),
  field("8.2.2", "transfer-encoding", "transfer-encoding", "chunked"),
  field("8.2.2", "upgrade", "upgrade", "websocket"),
  field("8.2.2", "te other than trailers", "te", "trailers, deflate;q=0.5"),
  field("8.2.2", "te of trailers is taken", "te", "trailers", { status: 200 }),
  field("8.3", "an unknown pseudo-field behind the fields", ":test", "1"),
  only("8.3", "an unknown pseudo-field", [METHOD, SCHEME, AUTHORITY, PATH, [":test", "1"]]),
  only("8.3", "a pseudo-field of responses", [METHOD, SCHEME, AUTHORITY, PATH, [":status", "200"]]),
  only("8.3", "a pseudo-field behind a field", [METHOD, SCHEME, AUTHORITY, ["x-a", "1"], PATH]),
  only("8.3.1", ":method is missing", [SCHEME, AUTHORITY, PATH]),
  only("8.3.1", ":scheme is missing", [METHOD, AUTHORITY, PATH]),
  only("8.3.1", ":path is missing", [METHOD, SCHEME, AUTHORITY]),
  only("8.3.1", ":method twice", [METHOD, METHOD, SCHEME, AUTHORITY, PATH]),
  only("8.3.1", ":scheme twice", [METHOD, SCHEME, SCHEME, AUTHORITY, PATH]),
  only("8.3.1", ":authority twice", [METHOD, SCHEME, AUTHORITY, AUTHORITY, PATH]),
  only("8.3.1", ":path twice", [METHOD, SCHEME, AUTHORITY, PATH, PATH]),
  only("8.3.1", ":path is empty", [METHOD, SCHEME, AUTHORITY, [":path", ""]]),
  only("8.3.1", ":method is empty", [[":method", ""], SCHEME, AUTHORITY, PATH]),
  only("8.3.1", ":method with a space", [[":method", "GET /a HTTP/1.1"], SCHEME, AUTHORITY, PATH]),
  only("8.3.1", ":method with CR LF", [[":method", "GET\r\n"], SCHEME, AUTHORITY, PATH]),
  only("8.3.1", ":method with a colon", [[":method", "G:T"], SCHEME, AUTHORITY, PATH]),
  only("8.3.1", ":scheme that is none of HTTP's", [METHOD, [":scheme", "ftp"], AUTHORITY, PATH]),
  only("8.3.1", ":path with CR LF", [METHOD, SCHEME, AUTHORITY, [":path", "/\r\nx: y"]]),
  only("8.3.1", "no field at all", []),
  only("8.3.1", "host instead of :authority is taken", [METHOD, SCHEME, PATH, ["host", "h2.test"]], {
    status: 200,
  }),
  only(
    "8.3.1",
    "host beside the same :authority is taken",
    [METHOD, SCHEME, AUTHORITY, PATH, ["host", "H2.test:80"]],
    { status: 200 },
  ),
  only("8.3.1", "no host at all is answered", [METHOD, SCHEME, PATH], { status: 400 }),
  only(
    "8.3.1",
    "host against :authority is answered",
    [METHOD, SCHEME, AUTHORITY, PATH, ["host", "other.test"]],
    { status: 400 },
  ),
  only("8.3.1", "host twice is answered", [METHOD, SCHEME, PATH, ["host", "h2.test"], ["host", "h2.test"]], {
    status: 400,
  }),
  only(
    "8.3.1",
    ":authority with userinfo is answered",
    [METHOD, SCHEME, [":authority", "me@h2.test"], PATH],
    { status: 400 },
  ),
  only("8.3.1", ":authority that is empty is answered", [METHOD, SCHEME, [":authority", ""], PATH], {
    status: 400,
  }),
  only(
    "8.3.1",
    ":authority that is no host is answered",
    [METHOD, SCHEME, [":authority", "h2.test/x"], PATH],
    { status: 400 },
  ),
  path("a path without a slash is answered", "index.html", 400),
  path("a whole URL is answered", "http://h2.test/", 400),
  path("an asterisk without OPTIONS is answered", "*", 400),
  path("a path with a space is answered", "/a b", 400),
  path("a path with a fragment is answered", "/a#b", 400),
  path("a path with a lone percent sign is answered", "/a%zz", 400),
  path("a path that is too long is answered", `/${"a".repeat(8_000)}`, 414),
  only(
    "8.3.1",
    "an asterisk with OPTIONS is taken",
    [[":method", "OPTIONS"], SCHEME, AUTHORITY, [":path", "*"]],
    { status: 200 },
  ),
  only("8.5", "CONNECT is answered", [[":method", "CONNECT"], AUTHORITY], { status: 501 }),
  only("8.5", "CONNECT with :scheme and :path", [[":method", "CONNECT"], SCHEME, AUTHORITY, PATH]),
  only("8.5", "CONNECT without :authority", [[":method", "CONNECT"]]),
  only("RFC 8441 4", ":protocol without CONNECT", [
    METHOD,
    SCHEME,
    AUTHORITY,
    PATH,
    [":protocol", "websocket"],
  ]),
  only(
    "RFC 8441 4",
    ":protocol that is unknown is answered",
    [[":method", "CONNECT"], SCHEME, AUTHORITY, PATH, [":protocol", "other"]],
    { status: 501 },
  ),
  field("8.1.1", "content-length that is no number", "content-length", "1x"),
  field("8.1.1", "content-length with a sign", "content-length", "+0"),
  field("8.1.1", "content-length that is empty", "content-length", ""),
  field("8.1.1", "content-length without a body", "content-length", "3"),
  field("8.1.1", "content-length of 0 without a body is taken", "content-length", "0", { status: 200 }),
  {
    section: "8.1.1",
    title: "content-length twice",
    send: headers(
      1,
      request("GET", "/", [
        ["content-length", "0"],
        ["content-length", "0"],
      ]),
    ),
    expect: MALFORMED,
  },
  {
    section: "8.1.1",
    title: "more content than content-length",
    streams: true,
    send:
      headers(1, request("POST", "/echo", [["content-length", "1"]]), false) +
      frame(T.data, F.endStream, 1, "xyz"),
    expect: MALFORMED,
  },
  {
    section: "8.1.1",
    title: "less content than content-length",
    streams: true,
    send:
      headers(1, request("POST", "/echo", [["content-length", "9"]]), false) +
      frame(T.data, F.endStream, 1, "xyz"),
    expect: MALFORMED,
  },
  {
    section: "8.1.1",
    title: "less content than content-length, in several frames",
    send: async (peer) => {
      peer.send(
        headers(1, request("POST", "/echo", [["content-length", "9"]]), false) + frame(T.data, 0, 1, "xyz"),
      );
      await peer.ping();
      peer.send(frame(T.data, 0, 1, "xyz") + frame(T.data, F.endStream, 1, ""));
    },
    expect: MALFORMED,
    reaches: true,
  },
  {
    section: "8.1.1",
    title: "less content than content-length, then trailers",
    streams: true,
    send:
      headers(1, request("POST", "/echo", [["content-length", "9"]]), false) +
      frame(T.data, 0, 1, "xyz") +
      headers(1, [["x-t", "1"]]),
    expect: MALFORMED,
  },
  {
    section: "8.1",
    title: "HEADERS in the midst of a body without END_STREAM",
    streams: true,
    send: headers(1, request("POST", "/echo"), false) + headers(1, [["x-t", "1"]], false),
    expect: MALFORMED,
  },
  {
    section: "8.1",
    title: "a pseudo-field among trailers",
    streams: true,
    send: headers(1, request("POST", "/echo"), false) + headers(1, [[":path", "/"]]),
    expect: MALFORMED,
  },
  {
    section: "8.2.1",
    title: "an upper-case name among trailers",
    streams: true,
    send: headers(1, request("POST", "/echo"), false) + headers(1, [["X-T", "1"]]),
    expect: MALFORMED,
  },
  {
    section: "8.2.1",
    title: "a value with LF among trailers",
    streams: true,
    send: headers(1, request("POST", "/echo"), false) + headers(1, [["x-t", "a\nb"]]),
    expect: MALFORMED,
  },
  {
    section: "8.1",
    title: "trailers are taken",
    send:
      headers(1, request("POST", "/echo"), false) + frame(T.data, 0, 1, "xyz") + headers(1, [["x-t", "1"]]),
    expect: { status: 200 },
  },
  field("10.5.1", "a value of 12,000 octets is taken", "x-large", "a".repeat(12_000), { status: 200 }),
  {
    section: "10.5.1",
    title: "more fields than may be is answered",
    send: headers(
      1,
      request(
        "GET",
        "/",
        Array.from({ length: 101 }, (_, i) => [`x-${i}`, "1"] as const),
      ),
    ),
    expect: { status: 431 },
  },
  {
    section: "10.5.1",
    title: "a head larger than may be is answered, and the table stays in step",
    // The dynamic table is used: 0x40 adds the field, 0xbe repeats it.
    send: frame(
      T.headers,
      F.endHeaders | F.endStream,
      1,
      `${block(request())}\x40\x05x-big\x7f\x81\x17${"a".repeat(3_072)}${"\xbe".repeat(12)}`,
    ),
    expect: { status: 431 },
  },
];
