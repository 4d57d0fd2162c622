import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { bareEntries, bareRoute, factsOf } from "../../test/support/routes.ts";
import { RouteTable } from "./router.ts";

type Conditions = Partial<Record<"hosts" | "paths" | "methods", readonly string[]>>;
type Routes = Readonly<Record<string, Conditions>>;

/** A table of these routes, in the order in which they are written. */
function table(routes: Routes): (method: string, authority: string, path: string) => string {
  const list = Object.entries(routes).map(([name, { hosts = [], paths = [], methods = [] }]) => [
    name,
    { match: { host: hosts, path: paths, method: methods } },
  ]);
  const made = RouteTable.from(bareEntries(Object.fromEntries(list)), bareRoute("none"));
  return (method, host, target) => made.match(factsOf({ method, host, target })).route.name;
}

interface Case {
  readonly title: string;
  readonly routes: Routes;
  /** Method, authority and path, and the route that they lead to. */
  readonly asks: readonly (readonly [request: string, route: string])[];
}

const cases: readonly Case[] = [
  {
    title: "a path is exact, or a prefix of whole segments",
    routes: { exact: { paths: ["/x"] }, below: { paths: ["/y/*"] } },
    asks: [
      ["GET a /x", "exact"],
      ["GET a /x/", "none"],
      ["GET a /X", "none"],
      ["GET a /y", "below"],
      ["GET a /y/", "below"],
      ["GET a /y/z/w", "below"],
      ["GET a /yz", "none"],
      ["GET a /", "none"],
    ],
  },
  {
    title: "the exact path comes first, then the longest prefix, in whatever order they are written",
    routes: {
      all: {},
      a: { paths: ["/a/*"] },
      ab: { paths: ["/a/b/*"] },
      exact: { paths: ["/a/b"] },
    },
    asks: [
      ["GET h /a/b", "exact"],
      ["GET h /a/b/c", "ab"],
      ["GET h /a/bc", "a"],
      ["GET h /b", "all"],
      ["GET h /", "all"],
    ],
  },
  {
    title: "the exact host comes first, then the longest wildcard, then any host",
    routes: {
      any: {},
      wide: { hosts: ["*.example"] },
      narrow: { hosts: ["*.b.example"] },
      exact: { hosts: ["a.b.example"] },
    },
    asks: [
      ["GET a.b.example /", "exact"],
      ["GET A.B.EXAMPLE:8080 /", "exact"],
      ["GET a.b.example. /", "exact"],
      ["GET a.b.example.:80 /", "exact"],
      ["GET c.b.example /", "narrow"],
      ["GET d.c.b.example /", "narrow"],
      ["GET b.example /", "wide"],
      ["GET example /", "any"],
      ["GET xb.example /", "wide"],
      ["GET [::1]:80 /", "any"],
      ["GET .example /", "any"],
    ],
  },
  {
    title: "a host weighs more than a path; where it has no path that fits, the next host is asked",
    routes: {
      path: { paths: ["/a/b"] },
      host: { hosts: ["h"], paths: ["/*"] },
      other: { hosts: ["i"], paths: ["/c"] },
    },
    asks: [
      ["GET h /a/b", "host"],
      ["GET i /a/b", "path"],
      ["GET i /c", "other"],
      ["GET i /d", "none"],
    ],
  },
  {
    title: "named methods come before all methods; where none fits, a shorter path is asked",
    routes: {
      all: { paths: ["/a"] },
      get: { paths: ["/a"], methods: ["GET", "HEAD"] },
      post: { paths: ["/p/q"], methods: ["POST"] },
      prefix: { paths: ["/p/*"] },
    },
    asks: [
      ["GET h /a", "get"],
      ["HEAD h /a", "get"],
      ["PUT h /a", "all"],
      ["get h /a", "all"],
      ["POST h /p/q", "post"],
      ["GET h /p/q", "prefix"],
    ],
  },
  {
    title: "among equals the one written first",
    routes: {
      one: { paths: ["/a"], methods: ["GET"] },
      two: { paths: ["/a"], methods: ["GET", "PUT"] },
      three: { paths: ["/b"] },
      four: { paths: ["/b"] },
    },
    asks: [
      ["GET h /a", "one"],
      ["PUT h /a", "two"],
      ["GET h /b", "three"],
    ],
  },
  {
    title: "each of several hosts and paths leads to the route",
    routes: { many: { hosts: ["a", "*.b"], paths: ["/x", "/y/*"] } },
    asks: [
      ["GET a /x", "many"],
      ["GET c.b /y/z", "many"],
      ["GET a /z", "none"],
      ["GET b /x", "none"],
    ],
  },
  {
    title: "no host at all, and an address",
    routes: { ip: { hosts: ["127.0.0.1"] }, six: { hosts: ["[::1]"] }, any: {} },
    asks: [
      ["GET 127.0.0.1:99 /", "ip"],
      ["GET [::1] /", "six"],
      ["GET [::1]:8080 /", "six"],
      ["GET  /", "any"],
    ],
  },
];

suite("routes", () => {
  for (const { title, routes, asks } of cases)
    test(title, () => {
      const find = table(routes);
      // Twice: the second time hosts are remembered.
      for (const round of ["first", "second"])
        for (const [request, name] of asks) {
          const [method = "", authority = "", path = ""] = request.split(" ");
          assert.equal(find(method, authority, path), name, `${request}, the ${round} time`);
        }
    });

  test("more hosts than are remembered change nothing", () => {
    const find = table({ h5: { hosts: ["h5"] }, any: {} });
    for (let i = 0; i < 2_500; i++) assert.equal(find("GET", `h${i}`, "/"), i === 5 ? "h5" : "any");
    assert.equal(find("GET", "h5", "/"), "h5");
  });

  test("a route without conditions takes OPTIONS * as well", () => {
    assert.equal(table({ all: {} })("OPTIONS", "h", "*"), "all");
    assert.equal(table({ below: { paths: ["/a/*"] } })("OPTIONS", "h", "*"), "none");
  });
});
