import assert from "node:assert/strict";
import { type Exchange, Fields, type Phase, type PolicyDefinition, type PolicySteps, Reply } from "torana";
import { bothWays, jsonOf, PHASES, policyOf } from "./ways.ts";

/** A policy of each phase and name that notes where it was; all of them note in one list. */
function tracing(trace: string[], names: readonly string[], waits: boolean): PolicyDefinition[] {
  const note = async (word: string): Promise<undefined> => {
    if (waits) await new Promise((done) => setImmediate(done));
    trace.push(word);
  };
  return names.flatMap((name) =>
    PHASES.map((phase) => {
      const own = `${name}-${phase}`;
      const step = (kind: string) => (): undefined | Promise<undefined> => {
        if (waits) return note(`${kind} ${own}`);
        trace.push(`${kind} ${own}`);
        return undefined;
      };
      const steps: PolicySteps = {
        request: step("request"),
        attempt: step("attempt"),
        response: step("response"),
        log: () => void trace.push(`log ${own}`),
      };
      return policyOf(steps, own, phase);
    }),
  );
}

const entries = (name: string, phases: readonly Phase[]): object[] =>
  phases.map((phase) => ({ [`${name}-${phase}`]: {} }));
const shuffled: readonly Phase[] = [
  "cache",
  "limit",
  "receive",
  "forward",
  "request",
  "authorize",
  "authenticate",
];

for (const waits of [false, true]) {
  let trace: string[] = [];
  bothWays(
    `steps ${waits ? "that wait" : "that do not wait"} run by phase, within a phase as written, the gateway's before the route's`,
    () => {
      trace = [];
      return {
        policies: tracing(trace, ["gateway", "route"], waits),
        config: {
          policies: entries("gateway", shuffled),
          routes: [{ name: "all", service: "main", policies: entries("route", shuffled.toReversed()) }],
        },
        service: () => {
          trace.push("service");
          return Reply.text(200, "ok");
        },
      };
    },
    async (way) => {
      await way.ask();
      const own = PHASES.flatMap((phase) => [`gateway-${phase}`, `route-${phase}`]);
      assert.deepEqual(trace, [
        ...own.map((name) => `request ${name}`),
        ...own.map((name) => `attempt ${name}`),
        "service",
        ...own.toReversed().map((name) => `response ${name}`),
        ...own.map((name) => `log ${name}`),
      ]);
    },
  );
}

{
  let trace: string[] = [];
  const steps = (word: string): PolicySteps => ({
    attempt: () => void trace.push(`attempt ${word}`),
    response: () => void trace.push(`response ${word}`),
    log: () => void trace.push(`log ${word}`),
  });
  bothWays(
    "a service's policies stand innermost: last on the way there, first on the way back",
    () => {
      trace = [];
      const service = { endpoints: ["http://main.example"], policies: [{ s: {} }] };
      return {
        policies: [policyOf(steps("service"), "s", "receive"), policyOf(steps("route"), "r")],
        config: {
          routes: [{ name: "all", service: "main", policies: [{ r: {} }] }],
          services: { main: service },
        },
        service: () => Reply.text(200, "ok"),
      };
    },
    async (way) => {
      await way.ask();
      assert.deepEqual(trace, [
        ...["attempt route", "attempt service", "response service", "response route"],
        ...["log route", "log service"],
      ]);
    },
  );
}

const gatekeeper = policyOf(
  {
    request: (x: Exchange) =>
      x.request.fields.has("x-key") ? undefined : Reply.json(401, { reason: "key_missing" }),
  },
  "gatekeeper",
  "authenticate",
);
const mark = (name: string): PolicyDefinition =>
  policyOf({ response: (_x: Exchange, reply: Reply) => reply.fields.append("x-mark", name) }, name);

bothWays(
  "response steps run in reverse order on answers of the gateway's own: 401, 404, 502 and the service's",
  () => ({
    policies: [gatekeeper, mark("outer"), mark("inner")],
    config: {
      policies: [{ outer: {} }, { gatekeeper: {} }, { inner: {} }],
      routes: [
        { name: "up", match: { path: "/up" }, service: "main" },
        { name: "down", match: { path: "/down" }, service: "lost" },
      ],
      services: {
        main: { endpoints: ["http://main.example"] },
        lost: { endpoints: ["http://lost.example"] },
      },
    },
    down: ["http://lost.example"],
    service: () => new Reply(200, Fields.from({ "x-mark": "service" })),
  }),
  async (way) => {
    const key = { "x-key": "1" };
    const expected = [
      [{ target: "/up" }, 401, "inner, outer"],
      [{ target: "/nowhere" }, 401, "inner, outer"],
      [{ target: "/nowhere", fields: key }, 404, "inner, outer"],
      [{ target: "/down", fields: key }, 502, "inner, outer"],
      [{ target: "/up", fields: key }, 200, "service, inner, outer"],
    ] as const;
    for (const [asked, status, marks] of expected) {
      const reply = await way.ask(asked);
      assert.deepEqual([reply.status, reply.fields.get("x-mark")], [status, marks]);
    }
    assert.equal(way.sent.length, 1);
  },
);

bothWays(
  "a reply that a response step gives takes the place of the one before, for all steps behind it",
  () => ({
    policies: [
      mark("inner"),
      policyOf(
        { response: async (_x: Exchange, reply: Reply) => Reply.json(reply.status + 1, { replaced: true }) },
        "swap",
      ),
      mark("outer"),
    ],
    config: { policies: [{ outer: {} }, { swap: {} }, { inner: {} }] },
    service: () => Reply.text(200, "never seen"),
  }),
  async (way) => {
    const reply = await way.ask();
    assert.deepEqual([reply.status, reply.fields.get("x-mark")], [201, "outer"]);
    assert.deepEqual(jsonOf(reply), { replaced: true });
  },
);

bothWays(
  "a reply of a step ends the request phases, and later steps do not run",
  () => ({
    policies: [
      policyOf({ request: async () => Reply.text(403, "stop") }, "stop", "authorize"),
      policyOf(
        {
          request: () => {
            throw new Error("it ran");
          },
        },
        "behind",
        "limit",
      ),
    ],
    config: { policies: [{ behind: {} }, { stop: {} }] },
  }),
  async (way) => {
    assert.equal((await way.ask()).status, 403);
    assert.deepEqual([way.told.length, way.sent.length], [0, 0]);
  },
);
