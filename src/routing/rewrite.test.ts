import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { RewriteConfig } from "../config/route-schema.ts";
import type { PathCondition } from "../config/values.ts";
import { memoryGateway } from "../testing/memory-gateway.ts";
import { compilePath } from "./path-pattern.ts";
import { compileRewrite } from "./rewrite.ts";

type Rewrite = Partial<RewriteConfig>;

const NOTHING = { prefix: undefined, path: undefined, regex: undefined, host: "preserve" };
const REFUSED = "(refused)";

const gateway = memoryGateway({ policies: [] });

/** Path and host that a service is asked for when a route with this path condition takes a request for `path`. */
function rewritten(written: PathCondition | undefined, rewrite: Rewrite, path: string): [string, string] {
  const method = path === "*" ? "OPTIONS" : "GET";
  const { exchange } = gateway.begin({ method, target: path, host: "client.example" });
  exchange.pattern = written === undefined ? undefined : compilePath(written);
  const verdict = compileRewrite({ ...NOTHING, ...rewrite })(exchange);
  if (verdict !== undefined) assert.equal(exchange.failure?.code, "path_invalid");
  return [verdict === undefined ? exchange.outgoing.path : REFUSED, exchange.outgoing.authority];
}

const regex = (match: string, to: string): Rewrite => ({ regex: { match, to } });

const paths: readonly (readonly [
  title: string,
  pattern: PathCondition | undefined,
  rewrite: Rewrite,
  before: string,
  after: string,
])[] = [
  ["a prefix is cut off", "/api/*", { prefix: "/" }, "/api/a/b", "/a/b"],
  ["nothing behind the prefix", "/api/*", { prefix: "/" }, "/api", "/"],
  ["a slash behind the prefix", "/api/*", { prefix: "/" }, "/api/", "/"],
  ["another prefix", "/api/*", { prefix: "/v2" }, "/api/a", "/v2/a"],
  ["another prefix with a slash", "/api/*", { prefix: "/v2/" }, "/api/a", "/v2/a"],
  ["another prefix and nothing behind", "/api/*", { prefix: "/v2" }, "/api", "/v2"],
  ["another prefix and a slash behind", "/api/*", { prefix: "/v2" }, "/api/", "/v2/"],
  ["a prefix of all", "/*", { prefix: "/v2" }, "/a", "/v2/a"],
  ["a prefix without a path condition", undefined, { prefix: "/v2" }, "/a", "/v2/a"],
  ["a prefix with a parameter", "/t/{tenant}/*", { prefix: "/in" }, "/t/acme/a/b", "/in/a/b"],
  ["a prefix with a parameter and nothing behind", "/t/{tenant}/*", { prefix: "/in" }, "/t/acme", "/in"],
  ["an exact path is a prefix as a whole", "/a/b", { prefix: "/c" }, "/a/b", "/c"],
  ["what the client encoded stays so", "/api/*", { prefix: "/" }, "/api/a%2Fb%20c", "/a%2Fb%20c"],
  ["a prefix that is no plain path", "/api/*", { prefix: "/é" }, "/api/a", "/%C3%A9/a"],
  ["a prefix that climbs", "/api/*", { prefix: "/v2/.." }, "/api/a", REFUSED],
  ["a whole path", "/a/{id}", { path: "/b/{id}/c" }, "/a/7", "/b/7/c"],
  ["two parameters, swapped", "/a/{x}/{y}", { path: "/{y}/{x}" }, "/a/1/2", "/2/1"],
  ["two parameters in one segment", "/a/{x}/{y}", { path: "/{x}-{y}" }, "/a/1/2", "/1-2"],
  ["an unknown parameter is empty", "/a/{x}", { path: "/b/{y}" }, "/a/1", "/b/"],
  ["a parameter with an encoded slash", "/a/{x}", { path: "/b/{x}" }, "/a/1%2F2", "/b/1%2F2"],
  [
    "a parameter with a query's and a fragment's sign",
    "/a/{x}",
    { path: "/b/{x}" },
    "/a/%3F%23",
    "/b/%3F%23",
  ],
  ["a parameter with a line break", "/a/{x}", { path: "/b/{x}" }, "/a/%0D%0AX:%201", "/b/%0D%0AX:%201"],
  ["a parameter with a percent sign", "/a/{x}", { path: "/b/{x}" }, "/a/%252e", "/b/%252e"],
  ["a parameter that is no UTF-8", "/a/{x}", { path: "/b/{x}" }, "/a/%FF", "/b/%25FF"],
  [
    "a parameter with what a segment may hold",
    "/a/{x}",
    { path: "/b/{x}" },
    "/a/$&+,:=@!'()*~",
    "/b/$&+,:=@!'()*~",
  ],
  ["a parameter that is two dots", "/a/{x}", { path: "/b/{x}/c" }, "/a/..", REFUSED],
  ["a parameter that is a dot", "/a/{x}", { path: "/b/{x}" }, "/a/.", REFUSED],
  ["a parameter that is two encoded dots", "/a/{x}", { path: "/b/{x}" }, "/a/%2e%2E", REFUSED],
  ["a parameter of dots and a semicolon", "/a/{x}", { path: "/b/{x}/c" }, "/a/..;", "/b/..%3B/c"],
  ["a parameter that makes dots with its neighbour", "/a/{x}", { path: "/b/.{x}/c" }, "/a/.", REFUSED],
  ["parameters that climb together", "/a/{x}/{y}", { path: "/b/{x}{y}" }, "/a/./.%2Fetc", REFUSED],
  ["a parameter that climbs with a backslash", "/a/{x}", { path: "/b/{x}" }, "/a/..%5Cetc", REFUSED],
  ["a parameter of three dots", "/a/{x}", { path: "/b/{x}" }, "/a/...", "/b/..."],
  ["a group of an expression", { regex: "/u/(?<name>.+)" }, { path: "/b/{name}" }, "/u/a/b", "/b/a%2Fb"],
  ["what an expression finds", "/*", regex("^/old", "/new"), "/old/a", "/new/a"],
  ["groups of what it finds", "/*", regex("^/([a-z]+)/([0-9]+)$", "/$2/$1"), "/a/7", "/7/a"],
  ["named groups of what it finds", "/*", regex("/(?<id>[0-9]+)$", "/id/$<id>"), "/a/7", "/a/id/7"],
  ["it finds nothing", "/*", regex("x", "y"), "/a", "/a"],
  ["it removes the slash", "/*", regex("^/a/", ""), "/a/b", "/b"],
  ["it leaves nothing", "/*", regex(".*", ""), "/a/b", "/"],
  ["it makes two slashes at the start", "/*", regex("^/a", "/"), "/a/evil.example", "/evil.example"],
  ["it puts in a query", "/*", regex("/a", "/a?b#c d"), "/a", "/a%3Fb%23c%20d"],
  ["it puts in a line break", "/*", regex("/a", "/a\r\nHost: x"), "/a", "/a%0D%0AHost:%20x"],
  ["it puts in what is not ASCII", "/*", regex("/a", "/ü"), "/a", "/%C3%BC"],
  ["it cuts an octet apart", "/*", regex("F", ""), "/a%2Fb", "/a%2B"],
  ["it leaves a lone percent sign", "/*", regex("20", ""), "/a%20", "/a%25"],
  ["it makes dot segments", "/*", regex("x", "."), "/a/.x/b", REFUSED],
  ["it makes encoded dot segments", "/*", regex("xx", "%2e%2E"), "/a/xx", REFUSED],
  ["it makes dot segments with a parameter", "/*", regex("x", ".."), "/a/x;b/c", REFUSED],
  ["the target of OPTIONS * stays", "/*", { prefix: "/v2" }, "*", "*"],
];

suite("rewritten paths", () => {
  for (const [title, pattern, rewrite, before, after] of paths)
    test(title, () => assert.equal(rewritten(pattern, rewrite, before)[0], after));

  test("whatever it makes is a path that stands on one line", () => {
    const odd = ["\0", "\r\n", " ", "#", "?", "\ud800", "é", "%", "%2", "\\", "|", '"', "<", "{", "\u2028"];
    for (const to of odd)
      for (const rewrite of [regex("b", to), regex("b", `${to}/${to}`), { path: `/a${to}` }]) {
        const [after] = rewritten("/a/*", rewrite, "/a/b%20c");
        assert.match(after, /^\/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-F]{2})*$/, JSON.stringify(to));
      }
  });
});

suite("rewritten hosts", () => {
  const hosts: readonly (readonly [host: string, authority: string])[] = [
    ["preserve", "client.example"],
    ["endpoint", ""],
    ["orders.internal:8080", "orders.internal:8080"],
  ];
  for (const [host, authority] of hosts)
    test(host, () => assert.equal(rewritten("/*", { host }, "/a")[1], authority));
});
