import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { definePolicy } from "../pipeline/policy.ts";
import { describePolicy, memoryGateway } from "../testing/index.ts";
import { scopes } from "./scopes.ts";

describePolicy(scopes, {
  refused: [
    { options: {}, message: /asks for no scope; write all, any or both/ },
    { options: { all: ["a b"] }, message: /all\[0\]: not a scope/ },
    { options: { any: ['a"b'] }, message: /any\[0\]: not a scope/ },
  ],
  steps: [
    {
      title: "refuses who brought no token",
      options: { all: ["orders"] },
      check({ reply, sent, exchange }) {
        assert.deepEqual([reply.status, sent.length], [403, 0]);
        assert.equal(exchange.outcome?.reason, "scope_missing");
        assert.equal(
          reply.fields.get("www-authenticate"),
          'Bearer error="insufficient_scope", scope="orders"',
        );
      },
    },
  ],
  wire: {
    title: "refuses",
    options: { any: ["orders:read", "orders"] },
    check({ reply, sent }) {
      assert.deepEqual([reply.status, sent.length], [403, 0]);
    },
  },
});

/** Says of every request what its field says. */
const claims = definePolicy({
  name: "said",
  phase: "authenticate",
  options: z.strictObject({}),
  compile: () => (x) => {
    x.claims = JSON.parse(x.request.field("x-claims") ?? "{}") as Record<string, unknown>;
    return undefined;
  },
});

async function statusFor(options: object, said: object): Promise<number> {
  const policies = [claims, scopes];
  const gateway = memoryGateway({ policies, config: { policies: [{ said: {} }, { scopes: options }] } });
  const { reply } = await gateway.send({ fields: { "x-claims": JSON.stringify(said) } });
  gateway.close();
  return reply.status;
}

test("scopes are texts with spaces or lists, of the usual claims or of another", async () => {
  const cases: [options: object, claims: object, status: number][] = [
    [{ all: ["a", "b"] }, { scope: "b a c" }, 200],
    [{ all: ["a", "b"] }, { scope: "a" }, 403],
    [{ all: ["a"] }, { scope: "ab" }, 403],
    [{ any: ["a", "b"] }, { scp: ["b"] }, 200],
    [{ any: ["a"] }, { scp: "a b" }, 200],
    [{ any: ["a"], all: ["c"] }, { scope: "a" }, 403],
    [{ any: ["a"], all: ["c"] }, { scope: "a c" }, 200],
    // The first claim that is there counts, whatever it says.
    [{ any: ["a"] }, { scope: "", scp: ["a"] }, 403],
    [{ any: ["a"], claim: "x.roles" }, { x: { roles: ["a"] } }, 200],
    [{ any: ["a"], claim: "x.roles" }, { "x.roles": ["a"] }, 200],
    [{ any: ["a"], claim: "x.roles" }, { scope: "a" }, 403],
    [{ any: ["a"], claim: "__proto__" }, {}, 403],
    [{ any: ["a"] }, { scope: 7 }, 403],
    [{ any: ["a"] }, { scope: [["a"]] }, 403],
    [{ any: ["a"] }, {}, 403],
  ];
  for (const [options, said, status] of cases)
    assert.equal(
      await statusFor(options, said),
      status,
      `${JSON.stringify(options)} ${JSON.stringify(said)}`,
    );
});
