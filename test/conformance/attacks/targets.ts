/** Request attacks on the target in its four forms. */
import {
  either,
  forwarded,
  HOST,
  head,
  ID,
  type RequestCase,
  type RequestExpectation,
  type RequestFamily,
  refused,
  SMUGGLED,
} from "./table.ts";

const HOST_LINE = `Host: ${HOST}`;

function absolute(target: string, host: string, expect: RequestExpectation): RequestCase {
  return {
    name: `${target} with Host: ${host}`,
    bytes: head(`GET ${target} HTTP/1.1`, `Host: ${host}`),
    expect,
  };
}

/** A row for each target, with the expectation that all of them share. */
function targets(list: readonly string[], expect: RequestExpectation, method = "GET"): RequestCase[] {
  return list.map((target) => ({
    name: JSON.stringify(target).slice(0, 60),
    bytes: head(`${method} ${target} HTTP/1.1`, HOST_LINE),
    expect,
  }));
}

/** A row for each target that may be refused, or arrives as it was written. */
function asWritten(list: readonly string[]): RequestCase[] {
  return list.flatMap((target) => targets([target], either({ target })));
}

const own = `http://${HOST}`;

/** Families about targets. */
export const targetFamilies: readonly RequestFamily[] = [
  {
    name: "absolute-form",
    rfc: "RFC 9112 3.2.2; RFC 9110 4.2.1, 4.2.4; RFC 3986 3.2",
    rule: "The authority of an absolute target is the host; one that differs from Host, or is no http authority, is refused.",
    cases: [
      absolute(`${own}/${ID}`, HOST, forwarded()),
      absolute(`HTTP://${HOST}/${ID}`, HOST, forwarded()),
      absolute(`hTTp://${HOST}/${ID}`, HOST, forwarded()),
      absolute(
        `${own}/${ID}?a=http://x.example/y`,
        HOST,
        forwarded({ target: `/${ID}?a=http://x.example/y` }),
      ),
      absolute(`${own}?${ID}`, HOST, forwarded({ target: `/?${ID}` })),
      absolute(own, HOST, forwarded({ target: "/" })),
      absolute(`${own}/${ID}//x@y:z`, HOST, forwarded({ target: `/${ID}//x@y:z` })),
      absolute(`${own}:8080/${ID}`, `${HOST}:8080`, forwarded({ host: `${HOST}:8080` })),
      absolute(`http://${ID.toUpperCase()}.EXAMPLE/${ID}`, HOST, either({ host: null })),
      absolute(`${own}:80/${ID}`, HOST, either({ host: null })),
      absolute(`${own}/${ID}`, `${HOST}:80`, either({ host: null })),
      absolute(`${own}:/${ID}`, HOST, either({ host: null })),
      ...[
        "other.example",
        `${HOST}.other`,
        `x${HOST}`,
        "127.0.0.1",
        `${HOST}:81`,
        "",
        `${HOST}, other.example`,
        `${HOST}/`,
        `${HOST}@other`,
      ].map((host) => absolute(`${own}/${ID}`, host, refused())),
      absolute(`${own}:81/${ID}`, HOST, refused()),
      ...[
        `http://user@${HOST}/${ID}`,
        `http://user:pw@${HOST}/${ID}`,
        `http://@${HOST}/${ID}`,
        `http://other.example@${HOST}/${ID}`,
        `http://${HOST}@other.example/${ID}`,
        `http://${HOST}\\@other.example/${ID}`,
        `http://${HOST}:0x50/${ID}`,
        `${own}:99999/${ID}`,
        `${own}:65536/${ID}`,
        `${own}:-1/${ID}`,
        `${own}:80a/${ID}`,
        `${own}:80:80/${ID}`,
        `${own}:+80/${ID}`,
        `http:///${ID}`,
        `http://?${ID}`,
        `http://:80/${ID}`,
        `http:/${ID}`,
        `http:${ID}`,
        `http:${HOST}/${ID}`,
        `http//${HOST}/${ID}`,
        `://${HOST}/${ID}`,
        `http://[::1/${ID}`,
        `http://::1/${ID}`,
        `http://[]/${ID}`,
        `http://[::1]x/${ID}`,
        `http://[${HOST}]/${ID}`,
        `http://${HOST}\x00/${ID}`,
        `http://${HOST}"/${ID}`,
        `http://${HOST}</${ID}`,
        `http://${HOST},other.example/${ID}`,
        `http://${HOST}#/${ID}`,
        `${own}/${ID}#fragment`,
        `http://h\xf6st.example/${ID}`,
        `ftp://${HOST}/${ID}`,
        `ws://${HOST}/${ID}`,
        `file:///${ID}`,
        `gopher://${HOST}/${ID}`,
        `javascript:${ID}`,
        `httpx://${HOST}/${ID}`,
        `urn:${ID}`,
        `mailto:a@${HOST}`,
      ].map((target) => absolute(target, HOST, refused())),
      absolute(`https://${HOST}/${ID}`, HOST, refused(400, 421)),
      {
        name: "without a Host field",
        bytes: head(`GET ${own}/${ID} HTTP/1.1`),
        expect: refused(),
      },
      {
        name: "with two Host fields",
        bytes: head(`GET ${own}/${ID} HTTP/1.1`, HOST_LINE, HOST_LINE),
        expect: refused(),
      },
    ],
  },
  {
    name: "authority-form and CONNECT",
    rfc: "RFC 9112 3.2.3; RFC 9110 9.3.6",
    rule: "Authority-form is for CONNECT alone, and a gateway opens no tunnels.",
    cases: [
      ...targets(
        [`${HOST}:80`, HOST, "127.0.0.1:80", "[::1]:80", `${HOST}:`, ":80", `user@${HOST}:80`],
        refused(),
      ),
      ...targets(
        [
          `${HOST}:443`,
          HOST,
          "127.0.0.1:22",
          "[::1]:443",
          `/${ID}`,
          `${own}/${ID}`,
          "*",
          `${HOST}:0`,
          `${HOST}:99999`,
          `user@${HOST}:1`,
        ],
        refused(400, 405, 501),
        "CONNECT",
      ),
      ...targets([`${HOST}:443`], refused(400, 405, 501), "connect"),
      ...targets([`/${ID}`], either({ method: "connect" }, [400, 405, 501]), "connect"),
      {
        name: "CONNECT with a body",
        bytes:
          head(`CONNECT ${HOST}:443 HTTP/1.1`, HOST_LINE, `Content-Length: ${SMUGGLED.length}`) + SMUGGLED,
        expect: refused(400, 405, 501),
      },
    ],
  },
  {
    name: "asterisk-form",
    rfc: "RFC 9112 3.2.4",
    rule: "`*` is for OPTIONS alone.",
    cases: [
      ...["GET", "POST", "HEAD", "PUT", "DELETE", "options", "X"].flatMap((method) =>
        targets(["*"], refused(400, 404, 405, 501), method),
      ),
      ...targets(["**", "*/", "*?x", `*/${ID}`, "*#", "a*"], refused(), "OPTIONS"),
      {
        name: "OPTIONS *",
        bytes: head("OPTIONS * HTTP/1.1", HOST_LINE),
        keep: true,
        expect: either({ method: "OPTIONS", target: "*" }, [200, 204, 400, 404, 405, 501]),
      },
    ],
  },
  {
    name: "origin-form",
    rfc: "RFC 9112 3.2.1; RFC 3986 2, 3.3, 3.4, 3.5",
    rule: "A target starts with a slash and holds no space, control, fragment or byte above 0x7f.",
    cases: [
      ...targets(
        [
          ID,
          `./${ID}`,
          `../${ID}`,
          `?${ID}`,
          `\\${ID}`,
          `&${ID}`,
          `%2f${ID}`,
          `${ID}/`,
          `;/${ID}`,
          `@/${ID}`,
          `:/${ID}`,
          "#",
          `"/${ID}"`,
        ],
        refused(),
      ),
      ...targets(
        [`/${ID} x`, `/${ID}?a b`, `/${ID} `, ` /${ID}`, `/${ID}\tx`, `/${ID}?a\tb`],
        refused(400, 505),
      ),
      ...targets([`/${ID}#`, `/${ID}#x`, `/#${ID}`, `/${ID}?a#b`, `/${ID}?a=b#c?d`], refused()),
      ...targets(
        [
          `/${ID}\x80`,
          `/${ID}\xff`,
          `/${ID}\xc3\xa4`,
          `/${ID}?a=\xe4`,
          `/${ID}?a=\xc3\xa4`,
          `/\xef\xbc\x8f${ID}`,
          `/${ID}\xa0`,
          `/${ID}\x85x`,
          `/${ID}\xc4\xa0HTTP/1.1`,
        ],
        refused(),
      ),
      ...asWritten([
        `/${ID}%`,
        `/${ID}%4`,
        `/${ID}%zz`,
        `/${ID}?a=%`,
        `/${ID}%00`,
        `/${ID}%0d%0aX:y`,
        `/${ID}%20`,
        `/${ID}%2f..%2f`,
        `/${ID}%c0%ae`,
      ]),
      ...asWritten([
        `/${ID}<x>`,
        `/${ID}"x"`,
        `/${ID}?a=<b>"c"`,
        `/${ID}\\x`,
        `/${ID}\\..\\x`,
        `/${ID}?a=\\`,
      ]),
      {
        name: "//host/path is a path",
        bytes: head(`GET //other.example/${ID} HTTP/1.1`, HOST_LINE),
        expect: forwarded({ target: `//other.example/${ID}` }),
      },
    ],
  },
];
