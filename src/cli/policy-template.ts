/** What `torana policy new` writes for a name such as "tenant-id". */
export interface PolicyTemplate {
  readonly policy: string;
  readonly test: string;
}

/** A policy that works, and its test, to begin from. */
export function policyTemplate(name: string): PolicyTemplate {
  const constant = name.replaceAll(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  const reason = `${name.replaceAll("-", "_")}_missing`;
  return { policy: policyText(name, constant, reason), test: testText(name, constant, reason) };
}

function policyText(name: string, constant: string, reason: string): string {
  return `import { definePolicy, z } from "torana";

/** Lets requests pass that carry a field, and tells the service its value. */
export const ${constant} = definePolicy({
  name: "${name}",
  phase: "request",
  options: z.strictObject({
    header: z.string().default("x-${name}").describe("Request field that must be there."),
  }),
  reasons: {
    ${reason}: { status: 400, source: "downstream", title: "A field of the request is missing." },
  },
  compile({ header }) {
    // Here, once per snapshot: all that is known before traffic. Below, for every exchange:
    return (x) => {
      const value = x.request.field(header);
      if (value === undefined) return x.reject("${reason}");
      x.outgoing.fields.set("x-checked", value);
      return undefined;
    };
  },
});
`;
}

function testText(name: string, constant: string, reason: string): string {
  return `import assert from "node:assert/strict";
import { describePolicy } from "torana/testing";
import { ${constant} } from "./${name}.ts";

describePolicy(${constant}, {
  refused: [{ options: { header: 1 }, message: /header/ }],
  steps: [
    {
      title: "refuses a request without the field",
      options: {},
      check({ reply, exchange, sent }) {
        assert.equal(reply.status, 400);
        assert.equal(exchange.outcome?.reason, "${reason}");
        assert.equal(sent.length, 0);
      },
    },
  ],
  wire: {
    title: "tells the service the value",
    options: { header: "x-name" },
    request: { fields: { "x-name": "a" } },
    check({ reply, sent }) {
      assert.equal(reply.status, 200);
      assert.equal(sent[0]?.fields.get("x-checked"), "a");
    },
  },
});
`;
}
