import assert from "node:assert/strict";
import { test } from "node:test";
import { explained, snapshotOf } from "../../test/support/explain.ts";
import { Random } from "../../test/support/random.ts";
import { type RouteRow, routeRows } from "./route-rows.ts";

const config = (routes: readonly object[]): object => ({
  listeners: [{ name: "public", address: "127.0.0.1:0" }],
  routes: routes.map((route, i) => ({ name: `r${i}`, service: "main", ...route })),
  services: { main: { endpoints: ["http://127.0.0.1:9001"] } },
});

test("rows stand in the order in which they are tried", async () => {
  const snapshot = await snapshotOf(
    config([
      {},
      { match: { host: "*.b.example", path: "/a/*" } },
      {
        match: {
          host: ["*.a.b.example", "x.a.b.example"],
          path: ["/a/b/*", "/a/{id}", { regex: "/a/.+" }, "/a/b"],
        },
      },
      { match: { path: "/a/*", method: ["GET", "PUT"], headers: { x: "1" } }, priority: 3 },
      { match: { path: "/a/*", method: "GET" } },
    ]),
  );
  const told = routeRows(snapshot).map(({ route, host, path }) => `${route} ${host || "*"} ${path || "*"}`);
  assert.deepEqual(told, [
    "r2 x.a.b.example /a/b",
    "r2 x.a.b.example /a/{id}",
    "r2 x.a.b.example /a/.+",
    "r2 x.a.b.example /a/b/*",
    "r2 *.a.b.example /a/b",
    "r2 *.a.b.example /a/{id}",
    "r2 *.a.b.example /a/.+",
    "r2 *.a.b.example /a/b/*",
    "r1 *.b.example /a/*",
    "r3 * /a/*",
    "r4 * /a/*",
    "r0 * *",
  ]);
});

test("a row says what leads where", async () => {
  const policies = [{ "request-id": {} }];
  const more = {
    name: "order",
    match: [
      { path: "/x" },
      {
        path: "/o/{id}",
        method: "GET",
        query: { v: { regex: "[0-9]+" } },
        cookies: { c: { present: true } },
        from: ["10.0.0.0/8"],
        when: "request.method == 'GET'",
      },
    ],
    listeners: ["public"],
    policies: [{ headers: {} }],
  };
  const rows = routeRows(await snapshotOf({ ...config([more]), policies }));
  assert.deepEqual(rows[1], {
    route: "order",
    at: { file: "config", path: "routes[0]" },
    matchIndex: 1,
    host: "",
    path: "/o/{id}",
    methods: ["GET"],
    conditions: ["query v ~ [0-9]+", "cookie c is there", "from 10.0.0.0/8", "when request.method == 'GET'"],
    listeners: ["public"],
    services: [{ service: "main", weight: 1 }],
    policies: ["request-id", "headers"],
  } satisfies RouteRow);
});

/** Whether a request whose host and path are literal fits a row. */
function fits({ host, path, methods }: RouteRow, method: string, asked: string, target: string): boolean {
  const hostFits = host === "" || host === asked || (host.startsWith("*.") && asked.endsWith(host.slice(1)));
  const parts = path.replace(/\/\*$/, "").slice(1).split("/").filter(Boolean);
  const given = target.slice(1).split("/").filter(Boolean);
  const open = path === "" || path.endsWith("/*");
  const lengths = open ? given.length >= parts.length : given.length === parts.length;
  const pathFits = lengths && parts.every((part, i) => part.startsWith("{") || part === given[i]);
  return hostFits && pathFits && (methods.length === 0 || methods.includes(method));
}

test("the first row that fits is the route that is taken, whatever is asked", async () => {
  const random = new Random(7);
  const pick = <T>(list: readonly T[]): T => list[random.below(list.length)]!;
  const seen = new Set<string>();
  for (let round = 0; round < 20; round++) {
    const segments = ["/a", "/b", "/{id}"];
    const routes = Array.from({ length: 12 }, () => {
      const path = Array.from({ length: 1 + random.below(3) }, () => pick(segments));
      const text = path.map((segment, i) => segment.replace("id", `p${i}`)).join("");
      const host = pick([[], ["x.e"], ["*.e"], ["*.x.e"]]);
      return { match: { host, path: text + pick(["", "/*"]), method: pick([[], ["GET"], ["PUT"]]) } };
    });
    const snapshot = await snapshotOf(config(routes));
    const rows = routeRows(snapshot);
    for (let asked = 0; asked < 30; asked++) {
      const host = pick(["x.e", "y.e", "z.x.e", "other"]);
      const method = pick(["GET", "PUT", "POST"]);
      const target = Array.from({ length: 1 + random.below(4) }, () => pick(["/a", "/b", "/c"])).join("");
      const { route } = await explained(snapshot, `http://${host}${target}`, { method });
      const first = rows.find((row) => fits(row, method, host, target))?.route ?? "(not found)";
      assert.equal(first, route?.name, `${method} ${host}${target} of ${JSON.stringify(routes)}`);
      seen.add(first);
    }
  }
  assert.ok(seen.size > 8);
});
