/** What becomes of a gRPC call in the walk, without a wire: every failure is a status, whoever failed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type BodySource, Failure, Fields, HeldBody, type PolicySteps, Reply } from "torana";
import {
  memoryGateway,
  type PolicyRun,
  pieces,
  type ServiceFunction,
  type TestRequest,
} from "torana/testing";
import { policyOf } from "./ways.ts";

const CALL: TestRequest = {
  method: "POST",
  target: "/a.B/C",
  fields: { "content-type": "application/grpc+proto", te: "trailers", connection: "te" },
  body: "frame",
};

function answered(trailers: Record<string, string>, head: Record<string, string> = {}): Reply {
  const fields = Fields.from({ "content-type": "application/grpc", ...head });
  return new Reply(200, fields, pieces(["a", "b"], trailers));
}

const fine: ServiceFunction = () => answered({ "grpc-status": "0" });

interface Case {
  readonly title: string;
  readonly steps?: PolicySteps;
  readonly service?: ServiceFunction;
  readonly route?: object;
  readonly request?: TestRequest;
}

async function run({ steps = {}, service = fine, route = {}, request = CALL }: Case): Promise<PolicyRun> {
  const gateway = memoryGateway({
    policies: [policyOf(steps)],
    config: {
      policyTimeout: "50ms",
      routes: [{ name: "all", service: "main", policies: [{ p: {} }], ...route }],
    },
    service,
  });
  return gateway.send(request).finally(() => gateway.close());
}

const broken = (): never => {
  throw new Error("broken");
};

const FAILURES: readonly (Case & { readonly grpc: number; readonly reason: string })[] = [
  { title: "a request step breaks", steps: { request: broken }, grpc: 13, reason: "policy_failed" },
  { title: "a response step breaks", steps: { response: broken }, grpc: 13, reason: "policy_failed" },
  { title: "an attempt step breaks", steps: { attempt: broken }, grpc: 13, reason: "policy_failed" },
  { title: "a body step breaks", steps: { requestBody: broken }, grpc: 13, reason: "policy_failed" },
  {
    title: "a step waits too long",
    steps: { request: () => new Promise(() => undefined) },
    grpc: 4,
    reason: "policy_timeout",
  },
  { title: "no route matches", route: { match: { path: "/x" } }, grpc: 12, reason: "route_not_found" },
  {
    title: "the service cannot be reached",
    service: () => new Failure("connect_failed"),
    grpc: 14,
    reason: "connect_failed",
  },
  {
    title: "the service does not answer in time",
    service: () => new Failure("response_timeout"),
    grpc: 4,
    reason: "response_timeout",
  },
  {
    title: "the route's time is up",
    route: { timeout: "30ms" },
    service: ({ signal }) =>
      new Promise((done) => signal.addEventListener("abort", () => done(new Failure("response_cut")))),
    grpc: 4,
    reason: "deadline_exceeded",
  },
  {
    title: "the client gave itself no time",
    request: { ...CALL, fields: { ...CALL.fields, "grpc-timeout": "0m" } },
    grpc: 4,
    reason: "deadline_exceeded",
  },
  {
    title: "the request is larger than the route holds",
    route: { buffer: { request: 2 } },
    grpc: 8,
    reason: "body_too_large",
  },
  {
    title: "the answer is larger than the route holds",
    route: { buffer: { response: 1 } },
    grpc: 14,
    reason: "response_body_too_large",
  },
];

for (const { title, grpc, reason, ...scene } of FAILURES)
  test(`${title}: status ${grpc}, and no body`, async () => {
    const { reply, exchange } = await run({ title, ...scene });
    assert.deepEqual([reply.status, reply.fields.get("grpc-status")], [200, String(grpc)]);
    assert.equal(reply.fields.get("content-type"), "application/grpc+proto");
    assert.match(reply.fields.get("grpc-message") ?? "", new RegExp(`^${reason}: `));
    assert.equal(reply.fields.get("x-request-id"), exchange.id);
    assert.equal(reply.body.length, 0);
    const { outcome } = exchange;
    assert.deepEqual([outcome?.reason, outcome?.grpcStatus, outcome?.complete], [reason, grpc, true]);
  });

test("the status that the service gave is known at the end, wherever it stood", async () => {
  const cases: [answer: () => Reply, status: number][] = [
    [() => answered({ "grpc-status": "0" }), 0],
    [() => answered({ "grpc-status": "5", "grpc-message": "none" }), 5],
    [() => answered({}), 2],
    [() => new Reply(200, Fields.from({ "content-type": "application/grpc", "grpc-status": "9" })), 9],
    [() => new Reply(200, Fields.from({ "content-type": "application/grpc" })), 2],
    [
      () =>
        new Reply(
          200,
          Fields.from({ "content-type": "application/grpc" }),
          new HeldBody("whole", Fields.from({ "grpc-status": "7" })),
        ),
      7,
    ],
    [() => Reply.text(503, "busy"), 14],
    [() => Reply.text(404, "what"), 12],
    [() => Reply.text(200, "no call"), 2],
  ];
  for (const [answer, status] of cases) {
    const { exchange } = await run({ title: "", service: answer });
    assert.equal(exchange.outcome?.grpcStatus, status);
    assert.equal(exchange.outcome?.reason, undefined);
  }
});

test("an answer that breaks ends with trailers that say so, behind all that came", async () => {
  const breaking: BodySource = {
    length: undefined,
    start(sink) {
      sink.data("part");
      sink.fail({ code: "body_cut", detail: "the connection ended" });
    },
    resume() {},
    cancel() {},
  };
  const { reply, exchange } = await run({
    title: "",
    service: () => new Reply(200, Fields.from({ "content-type": "application/grpc" }), breaking),
  });
  assert.equal(Buffer.from(reply.body).toString(), "part");
  assert.equal(reply.trailers?.get("grpc-status"), "14");
  assert.match(reply.trailers?.get("grpc-message") ?? "", /^body_cut: .* the connection ended$/);
  const { outcome } = exchange;
  assert.deepEqual([outcome?.reason, outcome?.grpcStatus, outcome?.complete], ["body_cut", 14, true]);
});

test("what recovers from a failure has the last word on its status", async () => {
  const { exchange } = await run({
    title: "",
    service: () => new Failure("connect_failed"),
    steps: { recover: () => answered({ "grpc-status": "0" }) },
  });
  assert.deepEqual([exchange.outcome?.grpcStatus, exchange.outcome?.reason], [0, undefined]);
});

test("what is no call has no status, and its failures stay documents", async () => {
  for (const fields of [{ "content-type": "application/json" }, {}] as Record<string, string>[]) {
    const { reply, exchange } = await run({
      title: "",
      service: () => new Failure("connect_failed"),
      request: { ...CALL, fields },
    });
    assert.deepEqual([reply.status, reply.fields.get("content-type")], [502, "application/problem+json"]);
    assert.equal(exchange.outcome?.grpcStatus, undefined);
  }
  const { reply } = await run({
    title: "",
    service: () => new Failure("connect_failed"),
    request: { ...CALL, method: "GET" },
  });
  assert.equal(reply.status, 502);
});
