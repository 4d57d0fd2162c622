import assert from "node:assert/strict";
import { suite, test } from "node:test";
import {
  type BareEntry,
  bareEntries,
  bareEntry,
  bareRoute,
  type Conditions,
} from "../../test/support/routes.ts";
import { RouteTable } from "./router.ts";

type Hidden = readonly (readonly [hidden: string, matchIndex: number, by: string])[];

function shadowsOf(entries: ReturnType<typeof bareEntries>): Hidden {
  const shadows = RouteTable.from(entries, bareRoute("none")).shadows();
  return shadows.map(({ hidden, matchIndex, by }) => [hidden.route.name, matchIndex, by.route.name]);
}

const one = (match: Conditions, rest: Omit<BareEntry, "match"> = {}): BareEntry => ({ match, ...rest });
const pair = (a: BareEntry, b: BareEntry): Record<string, BareEntry> => ({ a, b });
const B_BY_A: Hidden = [["b", 0, "a"]];
const A_BY_B: Hidden = [["a", 0, "b"]];
const NONE: Hidden = [];

const cases: readonly (readonly [title: string, routes: Record<string, BareEntry>, hidden: Hidden])[] = [
  ["the same conditions twice", pair(one({ path: ["/a"] }), one({ path: ["/a"] })), B_BY_A],
  ["no conditions twice", pair({}, {}), B_BY_A],
  ["priority turns it round", pair({}, one({}, { priority: 1 })), A_BY_B],
  ["another path", pair(one({ path: ["/a"] }), one({ path: ["/b"] })), NONE],
  ["another host", pair(one({ host: ["a"] }), one({ host: ["b"] })), NONE],
  ["the wider host is asked last", pair(one({ host: ["*.a"] }), one({ host: ["x.a"] })), NONE],
  ["the wider path is asked last", pair(one({ path: ["/*"] }), one({ path: ["/a/*"] })), NONE],
  ["the wider path with parameters too", pair(one({ path: ["/{t}/*"] }), one({ path: ["/a/*"] })), NONE],
  ["parameters of other names", pair(one({ path: ["/{a}/x"] }), one({ path: ["/{b}/x"] })), B_BY_A],
  ["one of two paths is left", pair(one({ path: ["/a"] }), one({ path: ["/a", "/b"] })), NONE],
  ["both of two paths are taken", pair(one({ path: ["/a", "/b"] }), one({ path: ["/b", "/a"] })), B_BY_A],
  [
    "by two routes",
    { a: one({ path: ["/a"] }), b: one({ path: ["/b"] }), c: one({ path: ["/a", "/b"] }) },
    [["c", 0, "a"]],
  ],
  ["fewer conditions are asked last", pair(one({}), one({ headers: { x: "1" } })), NONE],
  ["a field's value twice", pair(one({ headers: { x: "1" } }), one({ headers: { x: "1" } })), B_BY_A],
  ["other values", pair(one({ headers: { x: "1" } }), one({ headers: { x: "2" } })), NONE],
  [
    "there, before a value",
    pair(one({ headers: { x: { present: true } } }), one({ headers: { x: "1" } })),
    B_BY_A,
  ],
  [
    "there, behind a value",
    pair(one({ headers: { x: "1" } }), one({ headers: { x: { present: true } } })),
    NONE,
  ],
  [
    "there, before an expression",
    pair(one({ cookies: { x: { present: true } } }), one({ cookies: { x: { regex: "a|b" } } })),
    B_BY_A,
  ],
  ["not there", pair(one({ query: { x: { present: false } } }), one({ query: { x: "1" } })), NONE],
  [
    "names that look like operators",
    pair(one({ query: { "x~a": "v" } }), one({ query: { x: { regex: "a=v" } } })),
    NONE,
  ],
  [
    "fewer conditions of weight behind more",
    pair(one({ headers: { x: "1" } }), one({ headers: { x: "1" }, query: { q: "1" } })),
    NONE,
  ],
  [
    "one network of two",
    pair(one({ from: ["10.0.0.0/8"] }), one({ from: ["10.0.0.0/8", "192.0.2.0/24"] })),
    NONE,
  ],
  [
    "the same networks in another order",
    pair(one({ from: ["10.0.0.0/8", "192.0.2.0/24"] }), one({ from: ["192.0.2.0/24", "10.0.0.0/8"] })),
    B_BY_A,
  ],
  ["the same expression", pair(one({ when: "true" }), one({ when: "true" })), B_BY_A],
  ["another expression", pair(one({ when: "true" }), one({ when: "1 == 1" })), NONE],
  ["more methods", pair(one({ method: ["GET", "PUT"] }), one({ method: ["PUT"] })), B_BY_A],
  ["fewer methods", pair(one({ method: ["GET"] }), one({ method: ["GET", "PUT"] })), NONE],
  ["all methods are asked last", pair(one({}), one({ method: ["GET"] })), NONE],
  ["a listener of all", pair(one({}), one({}, { listeners: ["in"] })), B_BY_A],
  ["all listeners behind one", pair(one({}, { listeners: ["in"] }), one({})), NONE],
  ["other listeners", pair(one({}, { listeners: ["in"] }), one({}, { listeners: ["out"] })), NONE],
  [
    "the same expression of paths",
    pair(one({ path: [{ regex: "/a+" }] }), one({ path: [{ regex: "/a+" }] })),
    B_BY_A,
  ],
  [
    "expressions of one length",
    pair(one({ path: [{ regex: "/a+" }] }), one({ path: [{ regex: "/b+" }] })),
    NONE,
  ],
  [
    "an expression that takes a whole prefix",
    pair(one({ path: ["/a/b/*"] }), one({ path: [{ regex: "/a/.*" }] })),
    A_BY_B,
  ],
  ["an expression that takes all", pair(one({ path: ["/{x}/*"] }), one({ path: [{ regex: ".*" }] })), A_BY_B],
  ["OPTIONS * is left", pair(one({ path: ["/*"] }), one({ path: [{ regex: ".*" }] })), NONE],
  ["the prefix itself is left", pair(one({ path: ["/a/*"] }), one({ path: [{ regex: "/a/.*" }] })), NONE],
  ["exact paths are asked first", pair(one({ path: ["/a"] }), one({ path: [{ regex: "/.*" }] })), NONE],
  [
    "a wide expression with a condition",
    pair(one({ path: ["/a/b/*"] }), one({ path: [{ regex: "/a/.*" }], headers: { x: "1" } })),
    NONE,
  ],
  [
    "a dot that stands for any character",
    pair(one({ path: ["/a.b/*"] }), one({ path: [{ regex: "/a.b.*" }] })),
    NONE,
  ],
  ["a dot that does not", pair(one({ path: ["/a.b/*"] }), one({ path: [{ regex: "/a\\.b.*" }] })), A_BY_B],
  [
    "entries of one route",
    { a: { match: [{ path: ["/a"] }, { path: ["/b"] }, { path: ["/a"] }] } },
    [["a", 2, "a"]],
  ],
  [
    "each entry by itself",
    { a: one({ path: ["/b"] }), b: { match: [{ path: ["/a"] }, { path: ["/b"] }] } },
    [["b", 1, "a"]],
  ],
];

suite("routes that no request can reach", () => {
  for (const [title, routes, hidden] of cases)
    test(title, () => assert.deepEqual(shadowsOf(bareEntries(routes)), hidden));

  test("many routes with one path are compared without asking each against each", () => {
    const shared = { path: ["/a"], method: ["GET"] };
    const entries = Array.from({ length: 5_000 }, (_, i) =>
      bareEntry(`r${i}`, i, { match: { ...shared, headers: { env: "live", tenant: String(i % 4_999) } } }),
    );
    assert.deepEqual(shadowsOf(entries), [["r4999", 0, "r0"]]);
  });
});

suite("hosts and paths with further conditions", () => {
  test("those with the most expressions come first", () => {
    const table = RouteTable.from(
      bareEntries({
        plain: one({ path: ["/plain"] }),
        field: one({ host: ["h"], path: ["/a/*"], headers: { x: "1" } }),
        first: one({ host: ["*.w"], path: ["/b/{x}"], when: "true" }),
        second: one({ host: ["*.w"], path: ["/b/{y}"], when: "false", headers: { x: "1" } }),
        third: one({ host: ["*.w"], path: ["/b/{x}"] }),
        regex: one({ path: [{ regex: "/c+" }], when: "true" }),
        other: one({ path: [{ regex: "/d+" }] }),
        all: one({ cookies: { x: "1" } }),
      }),
      bareRoute("none"),
    );
    const [most, next, ...rest] = table.residuals();
    assert.deepEqual(most, { host: "*.w", path: "/b/{y}", conditions: 2, expressions: 2 });
    assert.deepEqual(next, { host: "", path: "/c+", conditions: 1, expressions: 1 });
    assert.deepEqual(rest.map(({ host, path, expressions }) => [host, path, expressions]).sort(), [
      ["", "/*", 0],
      ["h", "/a/*", 0],
    ]);
  });
});
