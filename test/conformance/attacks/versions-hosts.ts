/** Request attacks on the Host field, the version and the method. */
import {
  DELIMITERS,
  either,
  forwarded,
  HOST,
  head,
  ID,
  type RequestCase,
  type RequestFamily,
  refused,
  SMUGGLED,
  spellings,
} from "./table.ts";

const LINE = `GET /${ID} HTTP/1.1`;

function hosts(list: readonly string[], expect: (host: string) => RequestCase["expect"]): RequestCase[] {
  return spellings<RequestCase>(list, (host) => ({
    bytes: head(LINE, `Host: ${host}`),
    expect: expect(host),
  })).map((row) => ({
    ...row,
    name: row.name.length > 60 ? `${row.name.slice(0, 50)}…` : row.name,
  }));
}

// biome-ignore format: one line a kind
const badHosts = [
  "", " ", "\t", ":", ":80", `${HOST} x`, `x ${HOST}`, `${HOST}, other.example`, `${HOST},other.example`,
  `${HOST}:x`, `${HOST}:80x`, `${HOST}:-1`, `${HOST}:+80`, `${HOST}:80:80`, `${HOST}::80`, `${HOST}: 80`, `${HOST} :80`, `${HOST}:8 0`, `${HOST}:0x50`, `${HOST}:8\xb2`,
  `user@${HOST}`, `user:pw@${HOST}`, `@${HOST}`, `${HOST}@`, `http://${HOST}`, `//${HOST}`, `${HOST}/`, `${HOST}/x`, `${HOST}?x`, `${HOST}#x`, `${HOST}\\x`, `\\${HOST}`,
  "[::1", "::1", "::1]", "[]", "[", "]", "[::1]x", "[::1]:x", "x[::1]", "[[::1]]", "[::1]]", "[::1%eth0]", "[::g]", "[::1 ]", "[1.2.3.4]", "[:::]", "[12345::]", "[1:2:3:4:5:6:7]", "[1:2:3:4:5:6:7:8:9]", "[::1::]", "[::1.2.3]", `[${HOST}]`,
  `${HOST}\x00`, `${HOST}\x01`, `${HOST}\x7f`, `${HOST}\x0b`, `\x0b${HOST}`, `${HOST}\x80`, `${HOST}\xff`, `\xa0${HOST}`, `${HOST}\xa0`, "h\xc3\xb6st.example", "\xe2\x84\xaa.example", `${HOST}\xef\xbc\x8fx`,
  `${HOST}%`, `${HOST}%4`, `${HOST}%zz`,
];

/** Legal by the grammar of RFC 3986 and of no use to anyone: may be refused. */
// biome-ignore format: a list
const oddHosts = [
  `${HOST}:65536`, "[::1]:65536", `${HOST}:99999`, `${HOST}:999999999999`, `${HOST}:`, `${HOST}:0`, `${HOST}:00080`, `${HOST}%41`, `%63${HOST}`, "a..b", ".a", "..", ".", "-", "_", "a!b", "a$b", "a&b", "a'b", "(a)", "a*b", "*", "*.example", "a+b", "a;b", "a=b", "~", "1", "256.256.256.256", "1.2.3", "0x7f.1",
  "[v1.a]", "[v1f.a:b]", "[::ffff:1.2.3.4]", "x".repeat(300), `${"x".repeat(64)}.example`,
];

const goodHosts = [
  HOST,
  HOST.toUpperCase(),
  `${HOST}.`,
  `${HOST}:1`,
  `${HOST}:80`,
  `${HOST}:8080`,
  `${HOST}:65535`,
  "localhost",
  "a",
  "a_b.example",
  "1.2.3.4",
  "1.2.3.4:80",
];
const goodLiterals = [
  "[::1]",
  "[::1]:80",
  "[::]",
  "[2001:db8::1]:8443",
  "[2001:DB8:0:0:0:0:0:1]",
  "[1:2:3:4:5:6:7:8]",
  "xn--hst-sna.example",
];

const badVersions = [
  "HTTP/1.10",
  "HTTP/1.11",
  "HTTP/01.1",
  "HTTP/1.01",
  "HTTP/11.1",
  "HTTP/1.",
  "HTTP/.1",
  "HTTP/1",
  "HTTP/",
  "HTTP",
  "HTTP/1,1",
  "HTTP/1-1",
  "HTTP/1.1.1",
];
// biome-ignore format: one line a kind
const moreVersions = [
  "http/1.1", "Http/1.1", "hTTP/1.1", "HTTP /1.1", "HTTP/ 1.1", "HTTP/1 .1", "HTTP/1. 1", "HTTP\\1.1", "HTTP-1.1", "HTTP1.1", "HTTP//1.1", "/1.1", "1.1", "x", "*",
  "HTP/1.1", "HTTPS/1.1", "SHTTP/1.1", "XHTTP/1.1", "ICY/1.1", "RTSP/1.0", "SIP/2.0", "HTTP/1.1x", "HTTP/1.1;", "HTTP/1.1,", "HTTP/+1.1", "HTTP/-1.1", "HTTP/1.+1", "HTTP/a.b", "HTTP/1.x", "HTTP/0x1.1",
  "HTTP/\xb9.\xb9", "HTTP/1.\xb9", "\xc8TTP/1.1", "HTTP/1.1\xa0", "HTTP/1.1\x0b", "HTTP/1.1\x01",
  "HTTP/0.9", "HTTP/0.0", "HTTP/0.1", "HTTP/2.0", "HTTP/2.1", "HTTP/3.0", "HTTP/9.9", "HTTP/2", "HTTP/3", "HTTP/1.1 HTTP/1.1",
];

/** Families about hosts, versions and methods. */
export const versionAndHostFamilies: readonly RequestFamily[] = [
  {
    name: "missing and repeated Host",
    rfc: "RFC 9112 3.2",
    rule: "HTTP/1.1 has exactly one Host; none or several are 400, even when they agree.",
    cases: [
      { name: "no Host", bytes: head(LINE), expect: refused() },
      { name: "no Host, other fields", bytes: head(LINE, "X: y", "Connection: close"), expect: refused() },
      {
        name: "no Host, hidden request as body",
        bytes: head(LINE, `Content-Length: ${SMUGGLED.length}`) + SMUGGLED,
        expect: refused(),
      },
      ...[HOST, "other.example", "", `${HOST}:80`, HOST.toUpperCase()].flatMap((second) => [
        { name: `then ${second}`, bytes: head(LINE, `Host: ${HOST}`, `Host: ${second}`), expect: refused() },
        {
          name: `before it ${second}`,
          bytes: head(LINE, `Host: ${second}`, `Host: ${HOST}`),
          expect: refused(),
        },
        {
          name: `apart, lower case, ${second}`,
          bytes: head(LINE, `Host: ${HOST}`, "X: y", `host: ${second}`),
          expect: refused(),
        },
        {
          name: `three times, ${second}`,
          bytes: head(LINE, `HOST: ${HOST}`, `hOST: ${second}`, `host: ${second}`),
          expect: refused(),
        },
      ]),
      ...["host_: x", "X-Host: other.example", "Hosts: other.example", "Hos: t"].map((field) => ({
        name: `look-alike ${field} alone`,
        bytes: head(LINE, field),
        expect: refused(),
      })),
      {
        name: "HTTP/1.0 without Host",
        bytes: head(`GET /${ID} HTTP/1.0`),
        last: true,
        expect: either({ host: null }),
      },
      {
        name: "HTTP/1.0 with Host",
        bytes: head(`GET /${ID} HTTP/1.0`, `Host: ${HOST}`),
        last: true,
        expect: forwarded(),
      },
      {
        name: "HTTP/1.0 with two Hosts",
        bytes: head(`GET /${ID} HTTP/1.0`, `Host: ${HOST}`, `Host: ${HOST}`),
        expect: refused(),
      },
    ],
  },
  {
    name: "Host spellings",
    rfc: "RFC 9110 7.2, 4.2.1; RFC 3986 3.2.2, 3.2.3",
    rule: "Host is a host and an optional port, as the URI grammar has them; what is no host is 400.",
    cases: [
      ...hosts(badHosts, () => refused()),
      ...DELIMITERS.filter((byte) => byte !== ";" && byte !== "=" && byte !== "(" && byte !== ")").map(
        (byte) => ({
          name: `delimiter ${byte}`,
          bytes: head(LINE, `Host: a${byte}b`),
          expect: refused(),
        }),
      ),
      ...hosts(
        ["^", "`", "|", "<", ">", '"', "{", "}"].map((byte) => `${HOST}${byte}`),
        () => refused(),
      ),
      ...hosts(oddHosts, (host) => either({ host })),
      ...hosts([...goodHosts, ...goodLiterals], (host) => forwarded({ host })),
      ...hosts([` ${HOST} `, `\t${HOST}\t`], () => forwarded()),
    ],
  },
  {
    name: "versions",
    rfc: "RFC 9112 2.3; RFC 9110 2.5, 15.6.6",
    rule: "The version is `HTTP/`, a digit, a dot, a digit; other majors are 505 or 400, a higher minor of 1 is read as 1.1.",
    cases: [
      ...spellings<RequestCase>([...badVersions, ...moreVersions], (version) => ({
        bytes: head(`GET /${ID} ${version}`, `Host: ${HOST}`),
        expect: refused(400, 505),
      })),
      ...spellings<RequestCase>(["HTTP/1.2", "HTTP/1.3", "HTTP/1.9"], (version) => ({
        bytes: head(`GET /${ID} ${version}`, `Host: ${HOST}`),
        expect: either({}, [400, 505]),
      })),
    ],
  },
  {
    name: "no version, and another protocol",
    rfc: "RFC 9112 2.3, 3; RFC 9113 3.4",
    rule: "An HTTP/0.9 line, the HTTP/2 preface and bytes of other protocols are refused, not guessed at.",
    cases: [
      `GET /${ID}\r\n`,
      `GET /${ID}\r\n\r\n`,
      `GET /${ID} \r\n\r\n`,
      head(`GET /${ID}`, `Host: ${HOST}`),
      head(`/${ID}`, `Host: ${HOST}`),
      head("GET", `Host: ${HOST}`),
      head(`GET HTTP/1.1`, `Host: ${HOST}`),
      head(`GET  HTTP/1.1`, `Host: ${HOST}`),
      head("HTTP/1.1 200 OK", `Host: ${HOST}`),
      head("HTTP/1.1", `Host: ${HOST}`),
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
      head("PRI * HTTP/1.1", `Host: ${HOST}`),
      "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
      "SSH-2.0-OpenSSH_9.2\r\n\r\n",
      "EHLO x\r\n\r\n",
      "*1\r\n$4\r\nPING\r\n\r\n",
      `PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n${head(LINE, `Host: ${HOST}`)}`,
      `\r\n\r\n\x00\r\nQUIT\n!\x11\x00\x0c${head(LINE, `Host: ${HOST}`)}`,
    ].map((bytes) => ({
      name: JSON.stringify(bytes.slice(0, 40)),
      bytes,
      expect: refused(400, 404, 405, 501, 505),
    })),
  },
  {
    name: "methods",
    rfc: "RFC 9110 9.1, 5.6.2; RFC 9112 3.1",
    rule: "A method is a token, read with its case; others are refused.",
    cases: [
      ...[
        "",
        " ",
        "G(T",
        "G,T",
        "G/T",
        "G:T",
        "G;T",
        "G=T",
        "G?T",
        "G@T",
        "G[T",
        "G\\T",
        "G]T",
        "G{T",
        "G}T",
        '"GET"',
        "<GET>",
        "GET:",
        "\xc7ET",
        "GET\xa0",
        "(GET)",
        "G\xffT",
      ].map((method) => ({
        name: JSON.stringify(method),
        bytes: head(`${method} /${ID} HTTP/1.1`, `Host: ${HOST}`),
        expect: refused(400, 501),
      })),
      ...[
        "get",
        "Get",
        "gET",
        "post",
        "PURGE",
        "M-SEARCH",
        "PATCH",
        "QUERY",
        "X",
        "!#$%&'*+-.^_`|~09azAZ",
        "HEADX",
        "GETGET",
        "OPTION",
        "CONNECTED",
        "PRIX",
      ].map((method) => ({
        name: `well formed ${method}`,
        bytes: head(`${method} /${ID} HTTP/1.1`, `Host: ${HOST}`),
        expect: forwarded({ method }),
      })),
    ],
  },
];
