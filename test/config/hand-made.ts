import type { Broken } from "./mutations.ts";

const LISTENERS = 'listeners: [{ name: p, address: ":0" }]';
const SERVICES = "services: { s: { endpoints: [http://a.example] } }";

function broken(title: string, line: number, lines: readonly string[], file?: string): Broken {
  return { title, line, text: lines.join("\n"), ...(file !== undefined && { file }) };
}

/** With a listener at line 1, services at line 2 and `routes:` at line 3. */
function routes(title: string, line: number, ...lines: readonly string[]): Broken {
  return broken(title, line, [LISTENERS, SERVICES, "routes:", ...lines]);
}

const bomb = [
  "a: &a [1,1,1,1,1,1,1,1,1,1]",
  ..."bcdefghij"
    .split("")
    .map((name, i) => `${name}: &${name} [${Array(10).fill(`*${"abcdefghij"[i]}`).join()}]`),
];

/** Broken configs written by hand, with the line that is to be named. */
export const HAND_MADE: readonly Broken[] = [
  broken("an unknown key whose value is a map", 2, [LISTENERS, "limitz:", "  head: 5"]),
  broken("an alias without its anchor", 2, [LISTENERS, "limits: *nothing"]),
  broken("a limit that is true", 2, [LISTENERS, "limits: { idleTimeout: true }"]),
  broken("an empty file", 1, [""]),
  broken("only a comment", 1, ["# nothing"]),
  broken("a list", 1, ["- 1"]),
  broken("a text", 1, ["hello"]),
  broken("tabs", 2, ["listeners:", "\t- name: p"]),
  broken("a key twice", 2, [LISTENERS, LISTENERS]),
  broken("a key twice, deep inside", 5, [
    LISTENERS,
    "services:",
    "  s:",
    "    endpoints: [http://a]",
    "    endpoints: [http://b]",
  ]),
  broken("two documents", 1, [LISTENERS, "---", LISTENERS]),
  broken("an unclosed quote", 2, [LISTENERS, "admin: '127.0.0.1:1"]),
  broken("an unclosed bracket", 2, [LISTENERS, "routes: [", "admin: 127.0.0.1:1", "workers: 1"].slice(0, 2)),
  broken("wrong indentation", 3, ["listeners:", "  - name: p", " address: :0"]),
  broken("a tag", 2, [LISTENERS, "workers: !!js/function 'x'"]),
  broken("a parameter without quotes in a flow map", 4, [
    LISTENERS,
    SERVICES,
    "routes:",
    "  - { name: r, service: s, match: { path: /a/{id} } }",
  ]),
  broken("on for true", 1, ['listeners: [{ name: p, address: ":0", proxyProtocol: on }]']),
  broken("yes for true", 1, ['listeners: [{ name: p, address: ":0", proxyProtocol: yes }]']),
  broken("a number without end", 2, [LISTENERS, "policies: [{ respond: { status: .inf } }]"]),
  broken("a number with leading zeros", 2, [LISTENERS, "workers: 010"]),
  broken("a number in quotes", 2, [LISTENERS, 'workers: "2"']),
  broken("__proto__", 2, [LISTENERS, "__proto__: { a: 1 }"]),
  broken("constructor", 2, [LISTENERS, "constructor: { a: 1 }"]),
  broken("too deep", 2, [LISTENERS, `policies: ${"[".repeat(150)}${"]".repeat(150)}`]),
  broken("aliases that grow without end", 1, [...bomb, "listeners: *j"]),
  broken("an alias that holds itself", 2, [LISTENERS, "policies: &p [*p]"]),
  broken("a control character", 2, [LISTENERS, "admin: \u0001"]),
  broken("no listeners", 1, ["listeners: []"]),
  broken("no listeners at all", 1, [SERVICES]),
  broken("two listeners of one name", 3, [
    "listeners:",
    '  - { name: p, address: ":0" }',
    '  - { name: p, address: ":0" }',
  ]),
  broken("two listeners of one address", 3, [
    "listeners:",
    '  - { name: p, address: ":80" }',
    '  - { name: q, address: "0.0.0.0:80" }',
  ]),
  broken("a listener on the admin's address", 2, [
    "admin: 127.0.0.1:80",
    "listeners: [{ name: p, address: 127.0.0.1:80 }]",
  ]),
  broken("a port past the last", 1, ['listeners: [{ name: p, address: ":65536" }]']),
  broken("a service without endpoints", 2, [LISTENERS, "services: { s: {} }"]),
  broken("a service's name with a space", 2, [LISTENERS, "services: { a b: { endpoints: [http://a] } }"]),
  broken("an endpoint of another scheme", 2, [LISTENERS, "services: { s: { endpoints: ['ftp://a'] } }"]),
  routes("a service that is not there", 4, "  - { name: r, service: t }"),
  routes("a service named like a method of objects", 4, "  - { name: r, service: toString }"),
  routes("a listener that is not there", 4, "  - { name: r, service: s, listeners: q }"),
  routes(
    "two routes of one name",
    5,
    "  - { name: r, service: s, match: { path: /a } }",
    "  - { name: r, service: s }",
  ),
  routes("service and split", 4, "  - { name: r, service: s, split: [{ service: s }] }"),
  routes("a split whose weights are all 0", 4, "  - { name: r, split: [{ service: s, weight: 0 }] }"),
  routes("a negative weight", 4, "  - { name: r, split: [{ service: s, weight: -1 }] }"),
  routes("nowhere to go", 4, "  - { name: r }"),
  routes(
    "rewrite.prefix without a prefix",
    4,
    "  - { name: r, service: s, match: { path: /a }, rewrite: { prefix: / } }",
  ),
  routes(
    "a rewritten path with a parameter that is not there",
    4,
    '  - { name: r, service: s, match: { path: "/{a}" }, rewrite: { path: "/{b}" } }',
  ),
  routes(
    "a parameter that is missing in one path of two",
    4,
    '  - { name: r, service: s, match: { path: ["/{a}", /x] }, rewrite: { path: "/{a}" } }',
  ),
  routes(
    "two ways to rewrite",
    4,
    "  - { name: r, service: s, match: { path: /a/* }, rewrite: { prefix: /, path: /x } }",
  ),
  routes(
    "a host to rewrite to with a line break",
    4,
    '  - { name: r, service: s, rewrite: { host: "a\\r\\nx: y" } }',
  ),
  routes("an unknown policy", 4, "  - { name: r, service: s, policies: [{ corz: {} }] }"),
  routes(
    "a policy's unknown option",
    4,
    "  - { name: r, service: s, policies: [{ respond: { statuz: 200 } }] }",
  ),
  routes(
    "two policies in one entry",
    4,
    "  - { name: r, service: s, policies: [{ respond: {}, cors: {} }] }",
  ),
  routes(
    "a policy's file that is not there",
    4,
    "  - { name: r, service: s, policies: [{ ./nothing.ts: {} }] }",
  ),
  routes("an expression that is none", 4, '  - { name: r, service: s, match: { when: "1 +" } }'),
  routes(
    "a regular expression that is none",
    4,
    '  - { name: r, service: s, match: { path: { regex: "(" } } }',
  ),
  routes(
    "a route that no request reaches",
    5,
    "  - { name: q, service: s, match: { path: /a } }",
    "  - { name: r, service: s, match: { path: /a } }",
  ),
  routes(
    "a child outside of its parent's host",
    4,
    "  - { name: r, match: { host: a.example }, routes: [{ name: q, service: s, match: { host: b.example } }] }",
  ),
  routes("a file to include that is not there", 4, "  - { name: r, include: ./nothing.yaml }"),
  routes("a route of another gateway's words", 4, "  - { name: r, upstream: s, hosts: [a.example] }"),
  broken(
    "JSON with a comma too many",
    3,
    ['{ "listeners": [{ "name": "p", "address": ":0" }],', '  "workers": 1,', "}"],
    "a.json",
  ),
  broken("JSON with a key twice", 2, ['{ "workers": 1, "listeners": [],', '  "workers": 1 }'], "b.json"),
  broken("JSON with a comment", 2, ["{", "  // no", "}"], "c.json"),
  broken("JSON that ends early", 2, ['{ "listeners": [', '  { "name": "p"'], "d.json"),
  broken(
    "JSON with an unknown key",
    3,
    ['{ "listeners": [{ "name": "p", "address": ":0" }],', '  "workers": 1,', '\t"wrokers": 1 }'],
    "e.json",
  ),
  broken("code that does not parse", 2, ["export const config = {", "  a: [,;", "};"], "f.ts"),
  broken("code with an enum", 2, ["const a = 1;", "enum A { B }", "export const config = { a };"], "g.ts"),
  broken(
    "code that throws",
    2,
    ["const x: number = 1;", 'if (x === 1) throw new Error("no");', "export const config = {};"],
    "h.ts",
  ),
  broken("code that exports nothing", 1, ["const config = {};"], "i.ts"),
  broken(
    "code that imports what is not there",
    1,
    ['import { a } from "./nothing.ts";', "export const config = { a };"],
    "j.ts",
  ),
  broken(
    "code that exports a function",
    2,
    ["export const config = {", "  listeners: () => [],", "};"],
    "k.ts",
  ),
  broken("code that exports a date", 2, ["export default {", "  workers: new Date(0),", "};"], "l.ts"),
  broken("code that ends its thread", 1, ["process.exit(0);"], "m.ts"),
  broken(
    "code with an unknown key",
    4,
    [
      'import { defineConfig } from "torana";',
      "export const config = defineConfig({",
      '  listeners: [{ name: "p", address: ":0" }],',
      "  wrokers: 3,",
      "} as never);",
    ],
    "n.ts",
  ),
];
