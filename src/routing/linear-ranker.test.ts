import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Random } from "../../test/support/random.ts";
import { type Asked, bareEntry, bareRoute, factsOf } from "../../test/support/routes.ts";
import type { MatchConfig, ValueCondition } from "../config/route-schema.ts";
import type { PathCondition } from "../config/values.ts";
import { type RouteEntry, RouteTable } from "./router.ts";

/** The rules of precedence once more, as plainly as can be: every way to every route, sorted, the first that fits. */
interface Way {
  readonly entry: RouteEntry;
  readonly matchIndex: number;
  readonly match: MatchConfig;
  readonly host: string;
  readonly path: PathCondition;
}

type Request = Required<Pick<Asked, "method" | "host" | "target" | "listener">> & {
  fields: Record<string, string>;
};

function waysOf(entries: readonly RouteEntry[]): Way[] {
  const ways = entries.flatMap((entry) =>
    entry.match.flatMap((match, matchIndex) =>
      (match.host.length > 0 ? match.host : ["*"]).flatMap((host) =>
        (match.path.length > 0 ? match.path : ["/*"]).map((path) => ({
          entry,
          matchIndex,
          match,
          host,
          path,
        })),
      ),
    ),
  );
  return ways.sort(compareWays);
}

function compareWays(a: Way, b: Way): number {
  return (
    hostClass(a.host) - hostClass(b.host) ||
    b.host.length - a.host.length ||
    pathClass(a.path) - pathClass(b.path) ||
    comparePaths(a.path, b.path) ||
    Math.min(b.match.method.length, 1) - Math.min(a.match.method.length, 1) ||
    size(b.match.headers) - size(a.match.headers) ||
    size(b.match.query) - size(a.match.query) ||
    size(b.match.cookies) - size(a.match.cookies) ||
    b.entry.priority - a.entry.priority ||
    a.entry.position - b.entry.position ||
    a.matchIndex - b.matchIndex
  );
}

const size = (object: object): number => Object.keys(object).length;

function hostClass(host: string): number {
  return host === "*" ? 2 : host.startsWith("*.") ? 1 : 0;
}

function pathClass(path: PathCondition): number {
  if (typeof path !== "string") return 2;
  return path.endsWith("/*") ? 3 : path.includes("{") ? 1 : 0;
}

function comparePaths(a: PathCondition, b: PathCondition): number {
  if (typeof a !== "string" || typeof b !== "string")
    return typeof a !== "string" && typeof b !== "string" ? b.regex.length - a.regex.length : 0;
  const others = b.split("/");
  for (const [i, segment] of a.split("/").entries()) {
    const difference = weight(segment) - weight(others[i] ?? "*");
    if (difference !== 0) return difference;
    // Two literals: at most one of them takes a request.
    if (segment !== others[i] && weight(segment) === 0) return 0;
  }
  return 0;
}

function weight(segment: string): number {
  return segment === "*" ? 2 : segment.startsWith("{") ? 1 : 0;
}

function takes({ entry, match, host, path }: Way, request: Request): boolean {
  const name = request.host.toLowerCase().replace(/\.?(?::[0-9]*)?$/, "");
  const hostFits = host === "*" || (host.startsWith("*.") ? name.endsWith(host.slice(1)) : name === host);
  const [target = "", query = ""] = request.target.split("?");
  const { fields } = request;
  const parameters = Object.fromEntries(new URLSearchParams(query));
  const cookies = Object.fromEntries((fields["cookie"] ?? "").split("; ").map((pair) => pair.split("=")));
  return (
    hostFits &&
    pathExpression(path).test(target) &&
    (match.method.length === 0 || match.method.includes(request.method)) &&
    (entry.listeners.length === 0 || entry.listeners.includes(request.listener)) &&
    holds(match.headers, fields) &&
    holds(match.query, parameters) &&
    holds(match.cookies, cookies)
  );
}

function pathExpression(path: PathCondition): RegExp {
  if (typeof path !== "string") return new RegExp(`^(?:${path.regex})$`);
  const plain = path.replace(/\{[^}]*\}/g, "[^/]+");
  return new RegExp(plain.endsWith("/*") ? `^${plain.slice(0, -2)}(?:/.*)?$` : `^${plain}$`);
}

function holds(
  conditions: Readonly<Record<string, ValueCondition>>,
  values: Record<string, string>,
): boolean {
  return Object.entries(conditions).every(([name, wanted]) => {
    const value = values[name];
    if (typeof wanted === "string") return value === wanted;
    if ("present" in wanted) return (value !== undefined) === wanted.present;
    return value !== undefined && new RegExp(`^(?:${wanted.regex})$`).test(value);
  });
}

const HOSTS = ["a.x.y", "b.x.y", "x.y", "*.x.y", "*.y", "z"];
const ASKED_HOSTS = ["a.x.y", "B.x.y:80", "x.y.", "c.a.x.y", "q.y", "z", "other", ""];
const EXPRESSIONS = ["/a.*", "/.*b", "/[ab]/.*", ".*/c", "/a/b/c?"];

class Tables {
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  entry(position: number): RouteEntry {
    const match = Array.from({ length: 1 + this.below(2) }, () => ({
      host: this.some(HOSTS, 2),
      path: Array.from({ length: this.below(3) }, () => this.#path()),
      method: this.some(["GET", "PUT"], 2),
      headers: this.#values(["h1", "h2"]),
      query: this.#values(["q1", "q2"]),
      cookies: this.#values(["c1"]),
    }));
    const listeners = this.below(4) === 0 ? this.some(["in", "out"], 1) : [];
    return bareEntry(`r${position}`, position, { match, listeners, priority: this.below(3) - 1 });
  }

  request(): Request {
    const fields: Record<string, string> = {};
    for (const name of ["h1", "h2"]) if (this.below(2) === 0) fields[name] = this.pick(["1", "2"]);
    if (this.below(2) === 0) fields["cookie"] = `c1=${this.pick(["1", "2"])}`;
    const query = ["q1", "q2"]
      .filter(() => this.below(2) === 0)
      .map((name) => `${name}=${this.pick(["1", "2"])}`);
    const depth = this.below(5);
    const path = `/${Array.from({ length: depth }, () => this.pick(["a", "b", "c", "a", "b", ""])).join("/")}`;
    return {
      method: this.pick(["GET", "PUT", "POST"]),
      host: this.pick(ASKED_HOSTS),
      target: query.length > 0 ? `${path}?${query.join("&")}` : path,
      listener: this.pick(["in", "out"]),
      fields,
    };
  }

  below(limit: number): number {
    return this.#random.below(limit);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  /** Up to `most` of a list, each once. */
  some<T>(list: readonly T[], most: number): T[] {
    return [...new Set(Array.from({ length: this.below(most + 1) }, () => this.pick(list)))];
  }

  #path(): PathCondition {
    if (this.below(6) === 0) return { regex: this.pick(EXPRESSIONS) };
    const segments = Array.from({ length: this.below(4) }, (_, i) =>
      this.below(3) === 0 ? `{p${i}}` : this.pick(["a", "b", "c"]),
    );
    const end = this.below(8) === 0 ? [""] : [];
    return `/${[...segments, ...(this.below(3) === 0 || segments.length === 0 ? ["*"] : end)].join("/")}`;
  }

  #values(names: readonly string[]): Record<string, ValueCondition> {
    const values: Record<string, ValueCondition> = {};
    for (const name of names)
      if (this.below(4) === 0)
        values[name] = this.pick<ValueCondition>([
          "1",
          "2",
          { regex: "[12]" },
          { present: true },
          { present: false },
        ]);
    return values;
  }
}

function expectSame(
  table: RouteTable,
  entries: readonly RouteEntry[],
  tables: Tables,
  requests: number,
): void {
  const ways = waysOf(entries);
  for (let i = 0; i < requests; i++) {
    const request = tables.request();
    const expected = ways.find((way) => takes(way, request));
    const found = table.match(factsOf(request));
    assert.equal(found.route.name, expected?.entry.route.name ?? "none", JSON.stringify(request));
    if (expected === undefined) continue;
    const text = typeof expected.path === "string" ? expected.path : expected.path.regex;
    assert.equal(found.pattern?.text ?? "/*", text, JSON.stringify(request));
  }
}

suite("the index finds what the plain rules find", () => {
  for (let seed = 1; seed <= 60; seed++)
    test(`table ${seed}`, () => {
      const tables = new Tables(seed);
      const entries = Array.from({ length: 1 + tables.below(60) }, (_, i) => tables.entry(i));
      expectSame(RouteTable.from(entries, bareRoute("none")), entries, tables, 200);
    });

  test("many routes with one path, told apart by a field", () => {
    const tables = new Tables(99);
    const entries = Array.from({ length: 300 }, (_, i) => {
      const headers = i % 7 === 0 ? { h2: "1" } : { h1: String(i % 50), ...(i % 3 === 0 ? { h2: "2" } : {}) };
      return bareEntry(`r${i}`, i, { match: { path: ["/a"], headers, method: i % 4 === 0 ? ["GET"] : [] } });
    });
    const table = RouteTable.from(entries, bareRoute("none"));
    const ways = waysOf(entries);
    for (let i = 0; i < 500; i++) {
      const fields = { h1: String(tables.below(60)), h2: tables.pick(["1", "2", "3"]) };
      const request = { method: tables.pick(["GET", "PUT"]), host: "h", target: "/a", listener: "", fields };
      const expected = ways.find((way) => takes(way, request))?.entry.route.name ?? "none";
      assert.equal(table.match(factsOf(request)).route.name, expected, JSON.stringify(request));
    }
  });
});

suite("a changed table is as one that was made anew", () => {
  for (let seed = 1; seed <= 20; seed++)
    test(`table ${seed}`, () => {
      const tables = new Tables(1_000 + seed);
      let entries = Array.from({ length: 30 }, (_, i) => tables.entry(i));
      let table = RouteTable.from(entries, bareRoute("none"));
      for (let round = 1; round <= 12; round++) {
        const before = entries;
        const old = table;
        const removed = before.filter(() => tables.below(6) === 0);
        // Also between those that stay.
        const added = Array.from({ length: tables.below(5) }, (_, i) =>
          tables.entry(tables.below(2) === 0 ? round * 100 + i : tables.below(30) + round / 100 + i / 10_000),
        );
        entries = [...before.filter((entry) => !removed.includes(entry)), ...added];
        table = old.with(removed, added, bareRoute("none"));
        expectSame(table, entries, tables, 60);
        expectSame(old, before, tables, 30);
      }
      assert.deepEqual(summary(table), summary(RouteTable.from(entries, bareRoute("none"))));
      const empty = table.with(entries, [], bareRoute("none"));
      assert.deepEqual(summary(empty), { shadows: [], residuals: [] });
      expectSame(empty, [], tables, 30);
    });
});

function summary(table: RouteTable): object {
  const names = table
    .shadows()
    .map(({ hidden, matchIndex, by }) => [hidden.route.name, matchIndex, by.route.name]);
  const residuals = table.residuals().map((one) => JSON.stringify(one));
  return { shadows: names, residuals: residuals.sort() };
}
