import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { type Asked, bareEntry, bareRoute, type Conditions, factsOf } from "../../test/support/routes.ts";
import { checkMatch } from "./compile-match.ts";
import { RouteTable } from "./router.ts";

/** Whether conditions take a request, and what the table says where they do not. */
function asked(match: Conditions, request: Asked): true | string {
  const table = RouteTable.from([bareEntry("it", 0, { match })], bareRoute("none"));
  const { match: found, near } = table.explain(factsOf(request));
  if (found.route.name === "it") return true;
  assert.equal(near.length, 1);
  return near[0]!.condition;
}

const field = (name: string, value: string): Asked => ({ fields: [[name, value]] });

const cases: readonly (readonly [title: string, match: Conditions, request: Asked, result: true | string])[] =
  [
    ["a field's value", { headers: { a: "1" } }, field("A", "1"), true],
    ["another value", { headers: { a: "1" } }, field("a", "2"), 'header a is "2", not "1"'],
    ["its case counts", { headers: { a: "x" } }, field("a", "X"), 'header a is "X", not "x"'],
    ["no field", { headers: { a: "1" } }, {}, 'header a is missing, not "1"'],
    [
      "two lines of one field are one value",
      { headers: { a: "1, 2" } },
      {
        fields: [
          ["a", "1"],
          ["a", "2"],
        ],
      },
      true,
    ],
    ["an expression takes the whole value", { headers: { a: { regex: "[0-9]+" } } }, field("a", "12"), true],
    [
      "not a part of it",
      { headers: { a: { regex: "[0-9]+" } } },
      field("a", "12x"),
      'header a is "12x", which [0-9]+ does not match',
    ],
    [
      "both sides of a choice",
      { headers: { a: { regex: "x|y" } } },
      field("a", "xz"),
      'header a is "xz", which x|y does not match',
    ],
    [
      "an expression on nothing",
      { headers: { a: { regex: ".*" } } },
      {},
      "header a is missing, which .* does not match",
    ],
    ["it is there", { headers: { a: { present: true } } }, field("a", ""), true],
    ["it should be there", { headers: { a: { present: true } } }, {}, "header a is missing"],
    ["it is not there", { headers: { a: { present: false } } }, {}, true],
    ["it should not be there", { headers: { a: { present: false } } }, field("a", "1"), "header a is there"],
    [
      "credentials are not shown",
      { headers: { authorization: "Basic c2VjcmV0" } },
      field("authorization", "Basic b3RoZXI="),
      "header authorization is not as asked for",
    ],
    ["a parameter", { query: { v: "2" } }, { target: "/?a=1&v=2" }, true],
    ["it is decoded", { query: { "a b": "c d/é" } }, { target: "/?a+b=c%20d%2f%C3%A9" }, true],
    ["what does not decode stays", { query: { a: "%FF" } }, { target: "/?a=%FF" }, true],
    ["without a value it is empty", { query: { a: "" } }, { target: "/?a" }, true],
    ["the first of several", { query: { a: "1" } }, { target: "/?a=1&a=2" }, true],
    ["not the second", { query: { a: "2" } }, { target: "/?a=1&a=2" }, 'query parameter a is "1", not "2"'],
    [
      "its name's case counts",
      { query: { a: "1" } },
      { target: "/?A=1" },
      'query parameter a is missing, not "1"',
    ],
    ["no query", { query: { a: { present: false } } }, {}, true],
    ["empty pieces are none", { query: { "": { present: false } } }, { target: "/?&&" }, true],
    ["a value with equals signs", { query: { a: "b=c" } }, { target: "/?a=b=c" }, true],
    ["a cookie", { cookies: { a: "1" } }, field("cookie", "x=y; a=1; b=2"), true],
    [
      "a cookie of another line",
      { cookies: { b: "2" } },
      {
        fields: [
          ["cookie", "a=1"],
          ["cookie", "b=2"],
        ],
      },
      true,
    ],
    [
      "the first of its name",
      { cookies: { a: "2" } },
      field("cookie", "a=1; a=2"),
      'cookie a is "1", not "2"',
    ],
    ["a cookie by expression", { cookies: { a: { regex: "b.*" } } }, field("cookie", "a=bcd"), true],
    ["no cookie", { cookies: { a: { present: true } } }, field("cookie", "a"), "cookie a is missing"],
    ["a network", { from: ["10.0.0.0/8", "192.0.2.0/24"] }, { from: "192.0.2.7" }, true],
    [
      "another network",
      { from: ["10.0.0.0/8"] },
      { from: "192.0.2.7" },
      "client 192.0.2.7 is not in 10.0.0.0/8",
    ],
    ["a network of IPv6", { from: ["2001:db8::/32"] }, { from: "2001:db8::1" }, true],
    ["no address", { from: ["0.0.0.0/0"] }, { from: "" }, "client without an address is not in 0.0.0.0/0"],
    ["a method", { method: ["GET", "HEAD"] }, { method: "PUT" }, "method is PUT, not GET or HEAD"],
    ["its case counts", { method: ["GET"] }, { method: "get" }, "method is get, not GET"],
    [
      "all that fails is told",
      { method: ["GET"], headers: { a: "1" } },
      { method: "PUT" },
      'method is PUT, not GET; header a is missing, not "1"',
    ],
  ];

const expressions: readonly (readonly [text: string, request: Asked, result: true | string])[] = [
  ['request.method == "GET" && request.scheme == "http"', {}, true],
  ['request.host == "a.example"', { host: "A.example:8080" }, true],
  ['request.path.startsWith("/a/")', { target: "/a/b?c" }, true],
  ['request.query["v"] == "2 3"', { target: "/?v=2+3" }, true],
  ['"v" in request.query && request.query.v.matches("^[0-9]+$")', { target: "/?v=12" }, true],
  ["int(request.query.v) > 10", { target: "/?v=12" }, true],
  [
    'request.headers["x-a"] == "1, 2"',
    {
      fields: [
        ["X-A", "1"],
        ["x-a", "2"],
      ],
    },
    true,
  ],
  ['request.headers.exists(name, name.startsWith("x-"))', { fields: { "x-a": "1" } }, true],
  ['client.address == "192.0.2.1" && listener == "public"', { listener: "public" }, true],
  ["has(request.headers.nothing)", {}, "when has(request.headers.nothing) is false"],
  ['request.headers["a"] == "1"', {}, 'when request.headers["a"] == "1" fails: No such key: a'],
  [
    'request.query["constructor"] == ""',
    {},
    'when request.query["constructor"] == "" fails: No such key: constructor',
  ],
  [
    'request.headers["__proto__"] != ""',
    {},
    'when request.headers["__proto__"] != "" fails: No such key: __proto__',
  ],
];

suite("conditions", () => {
  for (const [title, match, request, result] of cases)
    test(title, () => assert.equal(asked(match, request), result));
});

suite("expressions", () => {
  for (const [when, request, result] of expressions)
    test(when, () => assert.equal(asked({ when }, request), result));
});

suite("conditions that are refused", () => {
  const refused: readonly (readonly [match: Conditions, problem: RegExp])[] = [
    [{ when: "request.path ==" }, /^when: "request\.path ==" is not a CEL expression: /],
    [{ when: "request.path" }, /^when: "request\.path" gives string, not true or false$/],
    [{ when: "request.path == 1" }, /^when: .* has an error: no such overload: string == int$/],
    [{ when: "requst.path == ''" }, /^when: .* has an error: Unknown variable: requst$/],
    [{ when: "request.nothing == ''" }, /^when: .* has an error: No such key: nothing$/],
    [{ headers: { a: { regex: "(" } } }, /Invalid regular expression/],
    [{ path: [{ regex: "(" }] }, /Invalid regular expression/],
    [{ from: ["10.0.0.0/99"] }, /neither an address nor a network/],
    [{ path: ["/a/../b"] }, /^the path \/a\/\.\.\/b can never match/],
    [{ path: ["/a/%2E/b"] }, /can never match/],
    [{ path: ["/a%00"] }, /can never match/],
  ];
  for (const [match, problem] of refused)
    test(JSON.stringify(match), () => {
      const [config] = bareEntry("it", 0, { match }).match;
      const problems = checkMatch(config!);
      assert.equal(problems.length, 1);
      assert.match(problems[0]!, problem);
    });

  test("all problems are told, and none where there is none", () => {
    const match = { path: ["/a/..", "/b"], when: "1", from: ["x"] };
    assert.equal(checkMatch(bareEntry("it", 0, { match }).match[0]!).length, 3);
    assert.deepEqual(checkMatch(bareEntry("it", 0, { match: { when: "true", path: ["/a"] } }).match[0]!), []);
  });

  test("a table with one says which route", () => {
    const entry = bareEntry("orders", 0, { match: { when: "1" } });
    assert.throws(() => RouteTable.from([entry], bareRoute("none")), /^Error: route orders: "1" gives int/);
  });
});
