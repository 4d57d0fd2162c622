import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type Exchange, Failure, Fields, HeldBody, type Phase, type PolicySteps, Reply } from "torana";
import { memoryGateway, pieces } from "torana/testing";
import { until } from "../support/wait.ts";
import { FAULTS, HARMLESS_IN_LOG, SECRET } from "./faults.ts";
import { bothWays, jsonOf, PHASES, policyOf, textOf, type Way } from "./ways.ts";

/** A place where a policy is called: `fault` does what the request's x-fault says, if it says so. */
interface Position {
  readonly title: string;
  readonly phase?: Phase;
  readonly steps: (fault: (x: Exchange) => never) => PolicySteps;
  /** It is called when the head of the answer may be out already. */
  readonly late?: boolean;
  /** Nobody waits there: a promise is as wrong as any other value. */
  readonly sync?: boolean;
  /** Only what a failed forward leads to. */
  readonly failing?: boolean;
}

const POSITIONS: readonly Position[] = [
  ...PHASES.map((phase): Position => ({ title: phase, phase, steps: (fault) => ({ request: fault }) })),
  { title: "attempt", steps: (fault) => ({ attempt: fault }) },
  { title: "response", steps: (fault) => ({ response: fault }) },
  { title: "recover", steps: (fault) => ({ recover: fault }), failing: true },
  { title: "requestBody", steps: (fault) => ({ requestBody: fault }), sync: true },
  {
    title: "requestBody's chunk",
    steps: (fault) => ({ requestBody: (x) => ({ chunk: () => fault(x) }) }),
  },
  {
    title: "requestBody's end",
    steps: (fault) => ({ requestBody: (x) => ({ chunk: (bytes) => bytes, end: () => fault(x) }) }),
  },
  { title: "responseBody", steps: (fault) => ({ responseBody: fault }), sync: true },
  {
    title: "responseBody's chunk",
    steps: (fault) => ({ responseBody: (x) => ({ chunk: () => fault(x) }) }),
    late: true,
  },
  {
    title: "responseBody's end",
    steps: (fault) => ({ responseBody: (x) => ({ chunk: (bytes) => bytes, end: () => fault(x) }) }),
    late: true,
  },
];

/** Does what the request asks for; without a word it does nothing, as a step without objections. */
function faultOf(x: Exchange): never {
  const name = x.request.field("x-fault");
  return (name === undefined ? undefined : FAULTS[name]!()) as never;
}

/** The same for a body: without a word it lets the bytes go. */
function sound(position: Position): PolicySteps {
  const steps = position.steps(faultOf);
  const { requestBody, responseBody } = steps;
  const quiet =
    (step: PolicySteps["requestBody"]): PolicySteps["requestBody"] =>
    (x) =>
      x.request.fields.has("x-fault") ? step?.(x) : undefined;
  return {
    ...steps,
    ...(requestBody && { requestBody: quiet(requestBody)! }),
    ...(responseBody && { responseBody: quiet(responseBody)! }),
  };
}

async function check(way: Way, name: string, position: Position): Promise<void> {
  const told = way.told.length;
  const ended = way.ended.length;
  const asked = way.ask({ method: "POST", body: "body", fields: { "x-fault": name } });
  const reply = await asked.catch((error: unknown) => {
    if (position.late) return undefined;
    throw error;
  });
  await until("the log", () => way.ended.length > ended);
  const late = name === "never" && !position.sync;
  const code = late ? "policy_timeout" : "policy_failed";
  const { outcome } = way.ended[ended]!;
  assert.equal(outcome?.reason, code);
  const lines = way.told.slice(told);
  assert.equal(lines.length, 1, lines.join());
  assert.match(lines[0]!, new RegExp(`${code} policy broken\\b`));
  if (reply === undefined) {
    assert.equal(outcome?.complete, false);
    return;
  }
  assert.equal(reply.status, late ? 504 : 500);
  assert.equal(reply.fields.get("content-type"), "application/problem+json");
  const problem = jsonOf(reply);
  assert.deepEqual([problem["reason"], problem["requestId"]], [code, way.ended[ended]?.id]);
  const shown = textOf(reply) + [...reply.fields.entries()].join();
  for (const hidden of [SECRET, "broken", "contract", ".ts"])
    assert.equal(shown.includes(hidden), false, shown);
}

for (const position of POSITIONS) {
  bothWays(
    `a policy that breaks in ${position.title} costs one request, and is named in the log`,
    () => ({
      policies: [policyOf(sound(position), "broken", position.phase)],
      config: { policies: [{ broken: {} }], policyTimeout: "100ms" },
      service: ({ body, fields }) =>
        position.failing && fields.has("x-fault")
          ? new Failure("response_cut")
          : new Reply(200, new Fields(), pieces([`got ${body}`])),
    }),
    async (way, t: TestContext) => {
      for (const name of Object.keys(FAULTS)) {
        await t.test(name, () => check(way, name, position));
        const next = await way.ask({ method: "POST", body: "next" });
        assert.deepEqual([next.status, textOf(next)], [200, "got next"]);
      }
    },
  );
}

bothWays(
  "a policy that breaks in log is named in the log, and costs nothing",
  () => ({
    policies: [policyOf({ log: faultOf } satisfies PolicySteps, "broken")],
    config: { policies: [{ broken: {} }], policyTimeout: "100ms" },
    service: () => Reply.text(200, "ok"),
  }),
  async (way) => {
    for (const name of Object.keys(FAULTS)) {
      const told = way.told.length;
      const reply = await way.ask({ fields: { "x-fault": name } });
      assert.deepEqual([reply.status, textOf(reply)], [200, "ok"]);
      if (HARMLESS_IN_LOG.has(name)) continue;
      await until(`word of what ${name} in log`, () => way.told.length > told);
      assert.match(way.told.at(-1)!, /policy_failed policy broken\b/);
    }
  },
);

bothWays(
  "a transform that breaks when it is told of a failure costs nothing more",
  () => ({
    policies: [
      policyOf(
        {
          responseBody: () => ({
            chunk: () => {
              throw new Error("chunk");
            },
            fail: () => {
              throw new Error("fail");
            },
          }),
          requestBody: (x) =>
            x.request.fields.has("x-fault") ? { chunk: () => faultOf(x), fail: () => faultOf(x) } : undefined,
        } satisfies PolicySteps,
        "broken",
      ),
    ],
    config: {
      routes: [{ name: "all", service: "main", policies: [{ broken: {} }], match: { path: "/broken" } }],
    },
    service: () => Reply.text(200, "ok"),
  }),
  async (way) => {
    await assert.rejects(way.ask({ target: "/broken" }));
    await until("the log", () => way.ended.length === 1);
    assert.equal(way.ended[0]?.outcome?.reason, "policy_failed");
    assert.equal((await way.ask()).status, 404);
  },
);

const REPLIES: Readonly<Record<string, () => Reply>> = {
  "a status that is none": () => new Reply(42),
  "a status of four digits": () => new Reply(1000),
  "a status that is not a number": () => new Reply("200" as never),
  "a status that is not whole": () => new Reply(200.5),
  "an informational status": () => new Reply(103),
  "a switch of protocols without a tunnel": () => new Reply(101),
  "a body that is a text": () => new Reply(200, new Fields(), "text" as never),
  "a body that is a buffer": () => new Reply(200, new Fields(), Buffer.from("text") as never),
};

for (const body of [{}, { response: "buffer" }] as const) {
  bothWays(
    `a reply that cannot be sent becomes policy_failed${"response" in body ? ", also where answers are held" : ""}`,
    () => ({
      policies: [
        policyOf({
          body,
          request: (x) =>
            x.request.fields.has("x-reply") ? REPLIES[x.request.field("x-reply")!]!() : undefined,
        } satisfies PolicySteps),
      ],
      config: { policies: [{ p: {} }] },
      service: () => new Reply(200, new Fields(), HeldBody.fromText("ok")),
    }),
    async (way) => {
      for (const name of Object.keys(REPLIES)) {
        const reply = await way.ask({ fields: { "x-reply": name } });
        assert.deepEqual([name, reply.status, jsonOf(reply)["reason"]], [name, 500, "policy_failed"]);
        assert.equal(textOf(await way.ask()), "ok");
      }
    },
  );
}

bothWays(
  "a reason that no policy declared is not passed off as one",
  () => ({
    policies: [policyOf({ request: (x) => x.reject("made_up") } satisfies PolicySteps)],
    config: { policies: [{ p: {} }] },
  }),
  async (way) => {
    const reply = await way.ask();
    assert.deepEqual([reply.status, jsonOf(reply)["reason"]], [500, "policy_failed"]);
    assert.equal(textOf(reply).includes("made_up"), false);
    assert.match(way.told[0] ?? "", /made_up/);
  },
);

test("a function for the end that breaks does not keep the others and the log from running", async (t) => {
  const ran: string[] = [];
  const gateway = memoryGateway({
    policies: [
      policyOf({
        request: async (x) => {
          x.onAbort(() => {
            throw new Error(SECRET);
          });
          x.onAbort(() => ran.push("second"));
          await new Promise(() => {});
          return undefined;
        },
        log: () => void ran.push("log"),
      } satisfies PolicySteps),
    ],
    config: { policies: [{ p: {} }] },
  });
  t.after(() => gateway.close());
  const { leave, exchange } = gateway.begin();
  leave();
  assert.deepEqual(ran, ["second", "log"]);
  assert.equal(exchange.outcome?.status, 499);
  assert.equal(gateway.failures[0]?.code, "policy_failed");
});
