import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { type Asked, type BareEntry, bareEntries, bareRoute, factsOf } from "../../test/support/routes.ts";
import { RouteTable } from "./router.ts";

interface Case {
  readonly title: string;
  readonly routes: Readonly<Record<string, BareEntry>>;
  /** Requests, and the route that each leads to. */
  readonly asks: readonly (readonly [asked: Asked | string, route: string])[];
}

const path = (...paths: (string | { regex: string })[]): BareEntry => ({ match: { path: paths } });
const regex = (text: string): BareEntry => path({ regex: text });

const paths: readonly Case[] = [
  {
    title: "exact, then parameters, then expressions, then prefixes",
    routes: { prefix: path("/a/*"), regex: regex("/a/.+"), template: path("/a/{x}"), exact: path("/a/b") },
    asks: [
      ["/a/b", "exact"],
      ["/a/c", "template"],
      ["/a/c/d", "regex"],
      ["/a/", "prefix"],
      ["/a", "prefix"],
    ],
  },
  {
    title: "literal segments before parameters, from the left",
    routes: {
      both: path("/{a}/{b}"),
      second: path("/{a}/y"),
      first: path("/x/{b}"),
    },
    asks: [
      ["/x/y", "first"],
      ["/x/z", "first"],
      ["/w/y", "second"],
      ["/w/z", "both"],
      ["/x", "none"],
      ["/x/y/z", "none"],
    ],
  },
  {
    title: "a literal that leads nowhere makes way for the parameter beside it",
    routes: {
      literal: path("/a/b/c/{d}/e"),
      parameter: path("/a/{x}/c/{d}/f"),
      wide: path("/{w}/{x}/{y}/{z}/g"),
    },
    asks: [
      ["/a/b/c/1/e", "literal"],
      ["/a/b/c/1/f", "parameter"],
      ["/a/b/c/1/g", "wide"],
      ["/a/b/c/1/h", "none"],
    ],
  },
  {
    title: "a parameter is one segment that is not empty",
    routes: { one: path("/a/{x}"), two: path("/a/{x}/"), inner: path("/a/{x}/b") },
    asks: [
      ["/a/1", "one"],
      ["/a/1/", "two"],
      ["/a/", "none"],
      ["/a//", "none"],
      ["/a//b", "none"],
      ["/a/1/b", "inner"],
      ["/a/%2F", "one"],
    ],
  },
  {
    title: "prefixes with parameters rank among prefixes: literals from the left, then the longer",
    routes: {
      tenant: path("/{tenant}/*"),
      admin: path("/admin/*"),
      users: path("/{tenant}/users/*"),
      user: path("/{tenant}/users/{id}/*"),
    },
    asks: [
      ["/admin", "admin"],
      ["/admin/users/7", "admin"],
      ["/acme", "tenant"],
      ["/acme/", "tenant"],
      ["/acme/x/y", "tenant"],
      ["/acme/users", "users"],
      ["/acme/users/", "users"],
      ["/acme/users/7", "user"],
      ["/acme/users/7/x", "user"],
      ["/", "none"],
      ["//", "none"],
    ],
  },
  {
    title: "an expression comes before a prefix with parameters, a path with parameters before both",
    routes: { open: path("/{a}/*"), regex: regex("/x/.*"), closed: path("/{a}/{b}") },
    asks: [
      ["/x/1", "closed"],
      ["/x/1/2", "regex"],
      ["/y/1/2", "open"],
    ],
  },
  {
    title: "the longer expression comes first, and takes the whole path",
    routes: { short: regex("/a.*"), long: regex("/a/[0-9]+"), other: regex("b|/c") },
    asks: [
      ["/a/7", "long"],
      ["/a/7x", "short"],
      ["/x/a/7", "none"],
      ["/c", "other"],
      ["/cb", "none"],
      ["/ab", "short"],
    ],
  },
  {
    title: "expressions of one length: a method first, then the order in which they are written",
    routes: {
      first: regex("/a.*"),
      second: regex("/.*b"),
      third: { match: { path: [{ regex: "/.+c" }], method: ["GET"] } },
    },
    asks: [
      ["/ab", "first"],
      ["/ac", "third"],
      [{ method: "PUT", target: "/ac" }, "first"],
      ["/xb", "second"],
    ],
  },
  {
    title: "the last slash counts but for prefixes",
    routes: { slash: path("/a/"), none: path("/b"), below: path("/c/*"), root: path("/") },
    asks: [
      ["/a/", "slash"],
      ["/a", "none"],
      ["/b", "none"],
      ["/c", "below"],
      ["/c/", "below"],
      ["/c//", "below"],
      ["/", "root"],
    ],
  },
  {
    title: "a written path is compared as requests carry it",
    routes: {
      umlaut: path("/caf\u00e9"),
      encoded: path("/a%2fb"),
      plain: path("/%61bc/*"),
      odd: path("/x|y"),
    },
    asks: [
      ["/caf%C3%A9", "umlaut"],
      ["/a%2Fb", "encoded"],
      ["/a/b", "none"],
      ["/abc/d", "plain"],
      ["/x%7Cy", "odd"],
    ],
  },
  {
    title: "OPTIONS * is taken by what takes everything only",
    routes: {
      parameter: path("/{x}"),
      regex: regex(".*"),
      below: path("/a/*"),
      host: { match: { host: ["h"], path: ["/*"] } },
    },
    asks: [
      [{ method: "OPTIONS", target: "*" }, "host"],
      [{ method: "OPTIONS", target: "*", host: "i" }, "none"],
    ],
  },
];

const rest: readonly Case[] = [
  {
    title: "a method, then more fields, more parameters, cookies, networks, an expression",
    routes: {
      plain: path("/"),
      when: { match: { path: ["/"], when: "true" } },
      from: { match: { path: ["/"], from: ["192.0.2.0/24"] } },
      cookie: { match: { path: ["/"], cookies: { c: "1" } } },
      query: { match: { path: ["/"], query: { q: "1" } } },
      field: { match: { path: ["/"], headers: { a: "1" } } },
      fields: { match: { path: ["/"], headers: { a: "1", b: "1" } } },
      method: { match: { path: ["/"], method: ["PUT"] } },
    },
    asks: [
      [{ method: "PUT", fields: { a: "1", b: "1" } }, "method"],
      [{ fields: { a: "1", b: "1", cookie: "c=1" }, target: "/?q=1" }, "fields"],
      [{ fields: { a: "1", b: "2" }, target: "/?q=1" }, "field"],
      [{ fields: { cookie: "c=1" }, target: "/?q=1" }, "query"],
      [{ fields: { cookie: "c=1" } }, "cookie"],
      [{}, "from"],
      [{ from: "198.51.100.1" }, "when"],
    ],
  },
  {
    title: "host before path before method before fields",
    routes: {
      host: { match: { host: ["h"], path: ["/*"] } },
      path: { match: { path: ["/a"], method: ["GET"], headers: { a: "1", b: "1" } } },
      prefix: { match: { host: ["*.w"], path: ["/a/*"] } },
      method: { match: { host: ["*.w"], path: ["/*"], method: ["GET"] } },
      fields: { match: { host: ["*.w"], path: ["/*"], headers: { a: "1", b: "1" } } },
    },
    asks: [
      [{ target: "/a", fields: { a: "1", b: "1" } }, "host"],
      [{ target: "/a", fields: { a: "1", b: "1" }, host: "x.w" }, "prefix"],
      [{ target: "/b", fields: { a: "1", b: "1" }, host: "x.w" }, "method"],
      [{ method: "PUT", target: "/b", fields: { a: "1", b: "1" }, host: "x.w" }, "fields"],
      [{ target: "/a", fields: { a: "1", b: "1" }, host: "x.y" }, "path"],
    ],
  },
  {
    title: "priority decides between what ranks alike only, then the order in which they are written",
    routes: {
      low: { ...path("/a"), priority: -1 },
      first: path("/a"),
      second: path("/a"),
      high: { ...path("/b"), priority: 5 },
      higher: { ...path("/b"), priority: 6 },
      prefix: { ...path("/*"), priority: 100 },
    },
    asks: [
      ["/a", "first"],
      ["/b", "higher"],
      ["/c", "prefix"],
    ],
  },
  {
    title: "one that refuses makes way for the next, across paths and hosts",
    routes: {
      exact: { match: { host: ["a.b.c"], path: ["/x"], headers: { v: "1" } } },
      prefix: { match: { host: ["a.b.c"], path: ["/*"], headers: { v: "2" } } },
      wildcard: { match: { host: ["*.b.c"], path: ["/{x}"], headers: { v: "3" } } },
      wider: { match: { host: ["*.c"], path: [{ regex: "/.*" }], headers: { v: "4" } } },
      any: { match: { path: ["/x"], headers: { v: "5" } } },
      last: {},
    },
    asks: [
      ...["exact", "prefix", "wildcard", "wider", "any", "last"].map(
        (name, i) => [{ host: "a.b.c", target: "/x", fields: { v: String(i + 1) } }, name] as const,
      ),
    ],
  },
  {
    title: "each entry of a list ranks by itself",
    routes: {
      many: { match: [{ path: ["/a/*"] }, { path: ["/b"], method: ["GET"] }, { host: ["i"] }] },
      other: { match: [{ path: ["/a/b"] }, { path: ["/b"] }] },
    },
    asks: [
      ["/a/c", "many"],
      ["/a/b", "other"],
      ["/b", "many"],
      [{ method: "PUT", target: "/b" }, "other"],
      [{ host: "i", target: "/a/b" }, "many"],
      ["/c", "none"],
    ],
  },
  {
    title: "a route bound to listeners is taken there only",
    routes: { inside: { ...path("/*"), listeners: ["a", "b"] }, both: path("/*") },
    asks: [
      [{ listener: "a" }, "inside"],
      [{ listener: "b" }, "inside"],
      [{ listener: "c" }, "both"],
      [{ listener: "" }, "both"],
    ],
  },
  {
    title: "hosts in any case, by port, with the root's dot",
    routes: { exact: { match: { host: ["A.Example"] } }, wild: { match: { host: ["*.example"] } } },
    asks: [
      [{ host: "a.example" }, "exact"],
      [{ host: "A.EXAMPLE.:8443" }, "exact"],
      [{ host: "b.a.example:1" }, "wild"],
      [{ host: "example" }, "none"],
      [{ host: "" }, "none"],
    ],
  },
];

for (const [title, cases] of Object.entries({ paths, "all other conditions": rest }))
  suite(`precedence of ${title}`, () => {
    for (const { title, routes, asks } of cases)
      test(title, () => {
        const orders = [bareEntries(routes), bareEntries(routes).reverse()];
        for (const entries of orders) {
          const table = RouteTable.from(entries, bareRoute("none"));
          for (const [asked, name] of asks) {
            const facts = factsOf(typeof asked === "string" ? { target: asked } : asked);
            const found = table.match(facts);
            assert.equal(found.route.name, name, JSON.stringify(asked));
            assert.equal(table.match(facts), found, "a match is made once");
          }
        }
      });
  });
