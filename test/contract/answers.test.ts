import assert from "node:assert/strict";
import { test } from "node:test";
import {
  definePolicy,
  type Exchange,
  Failure,
  Fields,
  HeldBody,
  type MemoryReply,
  type PolicySteps,
  Reply,
} from "torana";
import { pieces } from "torana/testing";
import { z } from "zod";
import { request } from "../support/client.ts";
import { startRawService, startService } from "../support/service.ts";
import { stand } from "./stand.ts";
import { bothWays, jsonOf, policyOf, textOf, type Way } from "./ways.ts";

/** Looks at everything and changes nothing that a test asks for. */
const onlooker = policyOf(
  {
    body: { request: "tap", response: "tap" },
    request: async () => undefined,
    attempt: async () => {},
    response: async (_x, reply) => void reply.fields.set("x-seen", "1"),
    requestBody: () => ({ chunk: async (bytes) => bytes }),
    responseBody: () => ({ chunk: async (bytes) => bytes }),
  } satisfies PolicySteps,
  "onlooker",
);

function expectProblem(way: Way, reply: MemoryReply, status: number, reason: string): void {
  const { id, outcome } = way.ended.at(-1)!;
  assert.deepEqual([reply.status, reply.fields.get("content-type")], [status, "application/problem+json"]);
  const problem = jsonOf(reply);
  assert.deepEqual([problem["status"], problem["reason"], problem["requestId"]], [status, reason, id]);
  assert.match(String(problem["title"]), /^[A-Z].*\.$/);
  assert.equal(reply.fields.get("x-request-id"), id);
  assert.equal(reply.fields.get("cache-control"), "no-store");
  assert.deepEqual([outcome?.status, outcome?.reason], [status, reason]);
}

const rejecting = definePolicy({
  name: "rejecting",
  phase: "authenticate",
  options: z.strictObject({}),
  reasons: {
    key_missing: { status: 401, source: "downstream", title: "There is no key." },
    key_wrong: { status: 403, source: "downstream", title: "The key opens nothing here." },
  },
  compile: () => async (x) => {
    const reason = x.request.field("x-reject");
    return reason === undefined ? undefined : x.reject(reason, `because of ${reason}`);
  },
});

bothWays(
  "answers of the gateway's own are problem documents with their reason and the id of the request",
  () => ({
    policies: [rejecting, onlooker, policyOf({ body: { request: "buffer", max: 3 } }, "small")],
    config: {
      policies: [{ onlooker: {} }, { rejecting: {} }],
      routes: [
        { name: "up", match: { path: "/up" }, service: "main", policies: [{ small: {} }] },
        { name: "down", match: { path: "/down" }, service: "lost" },
      ],
      services: {
        main: { endpoints: ["http://main.example"] },
        lost: { endpoints: ["http://lost.example"] },
      },
    },
    down: ["http://lost.example"],
    service: () => new Failure("response_cut"),
  }),
  async (way) => {
    expectProblem(way, await way.ask({ target: "/nowhere" }), 404, "route_not_found");
    const missing = await way.ask({ target: "/up", fields: { "x-reject": "key_missing" } });
    expectProblem(way, missing, 401, "key_missing");
    assert.equal(jsonOf(missing)["detail"], "because of key_missing");
    const wrong = await way.ask({ target: "/nowhere", fields: { "x-reject": "key_wrong" } });
    expectProblem(way, wrong, 403, "key_wrong");
    const large = await way.ask({ method: "POST", target: "/up", body: "four" });
    expectProblem(way, large, 413, "body_too_large");
    expectProblem(way, await way.ask({ target: "/up" }), 502, "response_cut");
    expectProblem(way, await way.ask({ target: "/down" }), 502, "connect_failed");
    for (const { reply } of way.ended) assert.equal(reply?.fields.get("x-seen"), "1");
  },
);

const TAKEN: readonly [string, PolicySteps][] = [
  ["a request step", { request: () => Reply.text(200, "hi", { "content-length": "99" }) }],
  ["a response step", { response: (_x, reply) => void reply.fields.set("content-length", "1") }],
  [
    "a coding of a response step",
    { response: (_x, reply) => void reply.fields.set("transfer-encoding", "chunked") },
  ],
  [
    "a request step of what is sent",
    {
      request: (x) => {
        x.outgoing.fields.set("content-length", "1");
        x.outgoing.fields.set("transfer-encoding", "chunked");
        x.outgoing.fields.set("connection", "x-own");
        x.outgoing.fields.set("host", "evil.example");
        return undefined;
      },
    },
  ],
  [
    "an attempt step",
    {
      attempt: (_x, { request: sent }) => {
        sent.fields.append("content-length", "1");
        sent.fields.append("host", "evil.example");
      },
    },
  ],
];

for (const [title, steps] of TAKEN)
  test(`framing and Host stay the gateway's own, whatever ${title} writes`, async (t) => {
    const service = await startRawService(async (connection) => {
      for (let sent = await connection.request(); sent; sent = await connection.request()) {
        assert.equal(sent.body.toString(), "body");
        assert.equal(sent.field("host"), "a.example");
        assert.equal(sent.field("connection"), undefined);
        await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
      }
    });
    const client = await (await stand(t, service, [policyOf(steps)])).connect();
    for (let nth = 0; nth < 2; nth++) {
      const response = await client.ask(request("POST /", {}, "body"));
      assert.deepEqual([response.status, response.text], [200, "hi"]);
    }
  });

bothWays(
  "trailers pass the policies both ways",
  () => ({
    policies: [onlooker],
    config: { policies: [{ onlooker: {} }] },
    service: () => new Reply(200, new Fields(), pieces(["a", "b"], { "x-back": "2" })),
  }),
  async (way) => {
    const reply = await way.ask({ method: "POST", body: ["c", "d"], trailers: { "x-there": "1" } });
    assert.deepEqual([textOf(reply), reply.trailers?.get("x-back")], ["ab", "2"]);
    assert.equal(way.sent[0]?.trailers?.get("x-there"), "1");
  },
);

test("103 and other informational replies pass the policies before the answer", async (t) => {
  const service = await startService((_incoming, outgoing) => {
    outgoing.writeProcessing();
    outgoing.writeEarlyHints({ link: ["</style.css>; rel=preload", "</script.js>; rel=preload"] });
    setTimeout(() => outgoing.end("ok"), 20);
  });
  const response = await (await stand(t, service, [onlooker])).ask(request("GET /"));
  assert.deepEqual(
    response.informational.map(({ status, fields }) => [status, fields.map(([, value]) => value)]),
    [
      [102, []],
      [103, ["</style.css>; rel=preload, </script.js>; rel=preload"]],
    ],
  );
  assert.deepEqual([response.status, response.text, response.field("x-seen")], [200, "ok", "1"]);
});

bothWays(
  "a policy may send an informational reply of its own",
  () => ({
    policies: [
      policyOf({
        request: (x: Exchange) => x.downstream.informational(103, Fields.from({ link: "</a.css>" })),
      }),
    ],
    config: { policies: [{ p: {} }] },
    service: () => new Reply(200, new Fields(), HeldBody.fromText("ok")),
  }),
  async (way) => {
    const { informational, status } = await way.ask();
    assert.equal(status, 200);
    assert.deepEqual(
      informational.map((one) => [one.status, one.fields.get("link")]),
      [[103, "</a.css>"]],
    );
  },
);
