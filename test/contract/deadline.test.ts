import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type BodySource, type Exchange, Failure, Fields, type PolicySteps, Reply } from "torana";
import { memoryGateway, pieces, type ServiceFunction, testClock } from "torana/testing";
import { request } from "../support/client.ts";
import { startService } from "../support/service.ts";
import { until } from "../support/wait.ts";
import { stand } from "./stand.ts";
import { bothWays, jsonOf, policyOf, type Scene, textOf } from "./ways.ts";

const never = (): Promise<undefined> => new Promise(() => {});

/** An answer whose head comes, and only the first piece of its body. */
const stuck = (): Reply => {
  const body: BodySource = {
    length: undefined,
    start: (sink) => void sink.data("part"),
    resume() {},
    cancel() {},
  };
  return new Reply(200, new Fields(), body);
};

const untilAborted: ServiceFunction = ({ signal }) =>
  new Promise((done) => signal.addEventListener("abort", () => done(new Failure("response_cut"))));

interface Wait {
  readonly title: string;
  readonly steps?: PolicySteps;
  readonly service?: ServiceFunction;
}

const WAITS: readonly Wait[] = [
  { title: "the service", service: untilAborted },
  { title: "a request step", steps: { request: never } },
  { title: "an attempt step", steps: { attempt: () => never() } },
  { title: "a response step", steps: { response: never } },
  { title: "a response step with an answer begun", steps: { response: never }, service: stuck },
  { title: "a recover step", steps: { recover: never }, service: () => new Failure("response_cut") },
  { title: "an answer that is held", steps: { body: { response: "buffer" } }, service: stuck },
  {
    title: "a transform of the request",
    steps: { requestBody: () => ({ chunk: never }) },
    service: untilAborted,
  },
  {
    title: "a fork",
    steps: { request: async (x) => void (x.depth === 0 && (await x.fork({ target: "/fork" }))) },
  },
];

function scene({ steps = {}, service = () => Reply.text(200, "ok") }: Wait, watcher: PolicySteps): Scene {
  return {
    policies: [policyOf(watcher, "watcher", "receive"), policyOf(steps)],
    config: {
      routes: [
        { name: "fork", match: { path: "/fork" }, service: "main" },
        { name: "all", service: "main", timeout: "150ms", policies: [{ watcher: {} }, { p: {} }] },
      ],
    },
    service: (sent) => (sent.target === "/fork" ? untilAborted(sent) : service(sent)),
  };
}

for (const wait of WAITS) {
  let aborts = 0;
  let ends: Exchange[] = [];
  bothWays(
    `the route's time is up while it waits for ${wait.title}: 504, and what was under way ends`,
    () => {
      aborts = 0;
      ends = [];
      return scene(wait, {
        request: (x) => x.onAbort(() => aborts++) as undefined,
        log: (x) => void ends.push(x),
      });
    },
    async (way) => {
      const reply = await way.ask({ method: "POST", body: "body" });
      assert.deepEqual([reply.status, jsonOf(reply)["reason"]], [504, "deadline_exceeded"]);
      assert.equal(aborts, 1);
      assert.deepEqual(
        ends.map(({ outcome }) => [outcome?.status, outcome?.complete, outcome?.reason]),
        [[504, true, "deadline_exceeded"]],
      );
      assert.deepEqual(
        way.told.filter((line) => line.includes("policy_")),
        [],
      );
      if (wait.service === untilAborted)
        await until("the service to see the end", () => way.sent.every(({ signal }) => signal.aborted));
    },
  );
}

test("an answer that begins in time may take longer than the route's time", async (t) => {
  const service = await startService((_incoming, outgoing) => {
    outgoing.write("first ");
    setTimeout(() => outgoing.end("last"), 400);
  });
  const routes = [{ name: "all", service: "main", timeout: "200ms" }];
  const response = await (await stand(t, service, [], { routes })).ask(request("GET /"));
  assert.deepEqual([response.status, response.text], [200, "first last"]);
});

/** Counts calls of a response step that waits a little. */
function counting(
  t: TestContext,
  service: ServiceFunction,
): { calls: () => number; gateway: ReturnType<typeof memoryGateway> } {
  let calls = 0;
  const response = async (): Promise<undefined> => {
    calls++;
    await new Promise((done) => setTimeout(done, 50));
    return undefined;
  };
  const gateway = memoryGateway({
    policies: [
      policyOf({ response, request: (x: Exchange) => (x.request.path === "/step" ? never() : undefined) }),
    ],
    config: { routes: [{ name: "all", service: "main", timeout: "100ms", policies: [{ p: {} }] }] },
    service,
  });
  t.after(() => gateway.close());
  return { calls: () => calls, gateway };
}

test("an exchange whose time is up is answered once, and its response steps run once", async (t) => {
  for (const target of ["/step", "/service"]) {
    const { calls, gateway } = counting(t, untilAborted);
    const { reply } = await gateway.send({ target });
    assert.equal(jsonOf(reply)["reason"], "deadline_exceeded");
    assert.deepEqual([calls(), gateway.ended.length], [1, 1]);
    assert.deepEqual(
      gateway.failures.map(({ code }) => code),
      ["deadline_exceeded"],
    );
  }
});

test("a route without a time has no deadline, and one with it tells it", async (t) => {
  const deadlines: number[] = [];
  const note = policyOf({ request: (x: Exchange) => void deadlines.push(x.deadline - x.startedAt) });
  const gateway = memoryGateway({
    policies: [note],
    config: {
      policies: [{ p: {} }],
      routes: [
        { name: "timed", match: { path: "/timed" }, service: "main", timeout: "5s" },
        { name: "all", service: "main" },
      ],
    },
    service: () => new Reply(200, new Fields(), pieces(["ok"])),
    clock: testClock(),
  });
  t.after(() => gateway.close());
  assert.equal(textOf((await gateway.send({ target: "/timed" })).reply), "ok");
  await gateway.send();
  assert.deepEqual(deadlines, [5_000, Number.POSITIVE_INFINITY]);
});
