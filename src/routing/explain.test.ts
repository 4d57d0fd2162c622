import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { type Asked, type BareEntry, bareEntries, bareRoute, factsOf } from "../../test/support/routes.ts";
import { RouteTable } from "./router.ts";

interface Told {
  readonly route: string;
  readonly near: readonly (readonly [route: string, condition: string])[];
}

function explained(routes: Record<string, BareEntry>, asked: Asked): Told {
  const table = RouteTable.from(bareEntries(routes), bareRoute("none"));
  const { match, near } = table.explain(factsOf(asked));
  assert.equal(match, table.match(factsOf(asked)));
  return { route: match.route.name, near: near.map(({ route, condition }) => [route.name, condition]) };
}

suite("how a route was found", () => {
  test("those that were asked before and refused, in their order", () => {
    const told = explained(
      {
        last: {},
        wild: { match: { host: ["*.b"], path: ["/a/*"], query: { q: "1" } } },
        prefix: { match: { host: ["a.b"], path: ["/a/*"], method: ["PUT", "POST"] } },
        exact: { match: { host: ["a.b"], path: ["/a/b"], headers: { "x-tenant": "acme" } } },
      },
      { host: "a.b", target: "/a/b", fields: { "x-tenant": "b" } },
    );
    assert.deepEqual(told, {
      route: "last",
      near: [
        ["exact", 'header x-tenant is "b", not "acme"'],
        ["prefix", "method is GET, not PUT or POST"],
        ["wild", 'query parameter q is missing, not "1"'],
      ],
    });
  });

  test("then those whose host or path alone is another, the likest first", () => {
    const told = explained(
      {
        far: { match: { host: ["a.b"], path: ["/z"] } },
        close: { match: { host: ["a.b"], path: ["/orders/{id}"] } },
        host: { match: { host: ["c.b"], path: ["/order/*"] } },
        both: { match: { host: ["c.b"], path: ["/q"] } },
        refused: { match: { host: ["a.b"], path: ["/order/y"], method: ["PUT"] } },
      },
      { host: "a.b", target: "/order/x" },
    );
    assert.deepEqual(told, {
      route: "none",
      near: [
        ["close", "path is /order/x, not /orders/{id}"],
        ["host", "host is a.b, not c.b"],
        ["far", "path is /order/x, not /z"],
      ],
    });
  });

  test("what is told has the place of the condition", () => {
    const routes = { a: { match: [{}, { host: ["*.b"], path: ["/x", "/y"], method: ["PUT"] }] } };
    const table = RouteTable.from(bareEntries(routes), bareRoute("none"));
    const { match, near } = table.explain(factsOf({ host: "a.b", target: "/y" }));
    assert.equal(match.pattern, undefined);
    const [{ route, ...rest } = { route: undefined }] = near;
    assert.equal(route?.name, "a");
    assert.deepEqual(rest, {
      matchIndex: 1,
      host: "*.b",
      path: "/y",
      condition: "method is GET, not PUT",
    });
  });

  test("at most ten of those that are merely alike, and each once", () => {
    const routes = Object.fromEntries(
      Array.from({ length: 500 }, (_, i) => [`r${i}`, { match: { host: ["a", "b"], path: [`/r/${i}`] } }]),
    );
    const { near } = explained(routes, { host: "c", target: "/r/7" });
    assert.deepEqual(near, [["r7", "host is c, not a"]]);
    assert.equal(explained(routes, { host: "a", target: "/r/x" }).near.length, 10);
  });

  test("many routes with one path: each that was passed over is told of", () => {
    const routes = Object.fromEntries(
      Array.from({ length: 40 }, (_, i) => [`r${i}`, { match: { headers: { t: String(i) } } }]),
    );
    const { route, near } = explained(routes, { fields: { t: "39" } });
    assert.equal(route, "r39");
    assert.equal(near.length, 39);
    assert.deepEqual(near[7], ["r7", 'header t is "39", not "7"']);
  });

  test("nothing is near an exact match", () => {
    assert.deepEqual(explained({ a: { match: { path: ["/a"] } }, b: {} }, { target: "/a" }), {
      route: "a",
      near: [],
    });
  });
});
