import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import type { Consumer } from "../pipeline/consumer.ts";
import { definePolicy } from "../pipeline/policy.ts";
import { describePolicy, memoryGateway } from "../testing/index.ts";
import { groups } from "./groups.ts";

describePolicy(groups, {
  refused: [
    { options: {}, message: /names no group; write allow, deny or both/ },
    { options: { allow: [""] }, message: /allow\[0\]/ },
  ],
  steps: [
    {
      title: "refuses whom nobody knows",
      options: { deny: ["banned"] },
      check({ reply, sent, exchange }) {
        assert.deepEqual([reply.status, sent.length], [403, 0]);
        assert.equal(exchange.outcome?.reason, "group_denied");
      },
    },
  ],
  wire: {
    title: "refuses",
    options: { allow: ["staff"] },
    check({ reply, sent }) {
      assert.deepEqual([reply.status, sent.length], [403, 0]);
    },
  },
});

/** Says of every request what its field says. */
const identity = definePolicy({
  name: "said",
  phase: "authenticate",
  options: z.strictObject({}),
  compile: () => (x) => {
    const said = JSON.parse(x.request.field("x-said")!) as {
      groups?: string[];
      claims?: Record<string, unknown>;
    };
    if (said.groups !== undefined) x.consumer = { name: "ada", groups: said.groups } satisfies Consumer;
    x.claims = said.claims;
    return undefined;
  },
});

test("groups are those of the consumer and of a claim", async () => {
  const cases: [options: object, said: object, status: number][] = [
    [{ allow: ["staff"] }, { groups: ["staff"] }, 200],
    [{ allow: ["staff", "ops"] }, { groups: ["x", "ops"] }, 200],
    [{ allow: ["staff"] }, { groups: [] }, 403],
    [{ allow: [] }, { groups: ["staff"] }, 403],
    [{ deny: ["banned"] }, { groups: [] }, 200],
    [{ deny: ["banned"] }, { groups: ["banned", "staff"] }, 403],
    [{ allow: ["staff"], deny: ["banned"] }, { groups: ["banned", "staff"] }, 403],
    [{ allow: ["admin"], claim: "roles" }, { claims: { roles: ["admin"] } }, 200],
    [{ allow: ["admin"], claim: "roles" }, { groups: ["admin"], claims: {} }, 200],
    [{ allow: ["admin"], claim: "roles" }, { claims: { roles: "user admin" } }, 200],
    [{ allow: ["admin"] }, { claims: { roles: ["admin"] } }, 403],
    [{ deny: ["banned"], claim: "roles" }, { groups: ["staff"], claims: { roles: ["banned"] } }, 403],
  ];
  for (const [options, said, status] of cases) {
    const gateway = memoryGateway({
      policies: [identity, groups],
      config: { policies: [{ said: {} }, { groups: options }] },
    });
    const { reply } = await gateway.send({ fields: { "x-said": JSON.stringify(said) } });
    gateway.close();
    assert.equal(reply.status, status, `${JSON.stringify(options)} ${JSON.stringify(said)}`);
  }
});
