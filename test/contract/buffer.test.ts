import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Exchange, Fields, HeldBody, type PolicyDefinition, type PolicySteps, Reply } from "torana";
import { pieces } from "torana/testing";
import { chunk, problemOf, request } from "../support/client.ts";
import { bodyOf, startService } from "../support/service.ts";
import { stand } from "./stand.ts";
import { bothWays, jsonOf, policyOf, textOf } from "./ways.ts";

const heldText = (body: unknown): string | undefined =>
  body instanceof HeldBody ? Buffer.from(body.bytes()).toString() : undefined;

/** Needs the request whole, and changes it. */
function wholeRequest(max?: number): PolicyDefinition {
  return policyOf({
    body: { request: "buffer", ...(max && { max }) },
    request: (x) => {
      const text = heldText(x.outgoing.body);
      if (text === undefined) return Reply.text(500, "the step ran without the whole body");
      x.outgoing.fields.set("x-size", String(text.length));
      x.outgoing.body = HeldBody.fromText(text.toUpperCase());
      return undefined;
    },
  } satisfies PolicySteps);
}

/** Needs the answer whole, and changes it. */
function wholeResponse(name = "p", max?: number): PolicyDefinition {
  const steps: PolicySteps = {
    body: { response: "buffer", ...(max && { max }) },
    response: (_x, reply) => {
      const text = heldText(reply.body);
      reply.fields.set("x-whole", String(text !== undefined));
      if (text !== undefined && reply.status === 200) reply.body = HeldBody.fromText(text.toUpperCase());
    },
  };
  return policyOf(steps, name);
}

const SHAPES: readonly [string, string | readonly string[]][] = [
  ["of known length", "abcdefgh"],
  ["in pieces", ["ab", "cdef", "gh"]],
];

for (const [shape, body] of SHAPES) {
  bothWays(
    `a step gets the request's body whole, ${shape}`,
    () => ({
      policies: [wholeRequest()],
      config: { policies: [{ p: {} }] },
      service: (sent) => Reply.text(200, `got ${sent.body}`),
    }),
    async (way) => {
      const reply = await way.ask({ method: "POST", body, trailers: { "x-sum": "1" } });
      assert.equal(textOf(reply), "got ABCDEFGH");
      assert.equal(way.sent[0]?.fields.get("x-size"), "8");
      if (way.kind === "sockets") assert.equal(way.sent[0]?.fields.get("content-length"), "8");
    },
  );

  bothWays(
    `a body that is larger than a step takes is refused, ${shape}`,
    () => ({
      policies: [wholeRequest(7)],
      config: { policies: [{ p: {} }] },
      service: () => Reply.text(200, "ok"),
    }),
    async (way) => {
      const reply = await way.ask({ method: "POST", body });
      assert.deepEqual([reply.status, jsonOf(reply)["reason"]], [413, "body_too_large"]);
      assert.equal(way.sent.length, 0);
      assert.deepEqual(way.ended[0]?.outcome?.reason, "body_too_large");
    },
  );

  bothWays(
    `a response step gets the answer's body whole, ${shape}`,
    () => ({
      policies: [wholeResponse()],
      config: { policies: [{ p: {} }] },
      service: () =>
        new Reply(200, new Fields(), typeof body === "string" ? HeldBody.fromText(body) : pieces(body)),
    }),
    async (way) => {
      const reply = await way.ask();
      assert.deepEqual([textOf(reply), reply.fields.get("x-whole")], ["ABCDEFGH", "true"]);
      if (way.kind === "sockets") assert.equal(reply.fields.get("content-length"), "8");
    },
  );

  bothWays(
    `an answer that is larger than a step takes becomes a 502, ${shape}`,
    () => ({
      policies: [wholeResponse("p", 7)],
      config: { policies: [{ p: {} }] },
      service: () =>
        new Reply(200, new Fields(), typeof body === "string" ? HeldBody.fromText(body) : pieces(body)),
    }),
    async (way) => {
      const reply = await way.ask();
      assert.deepEqual([reply.status, jsonOf(reply)["reason"]], [502, "response_body_too_large"]);
      assert.equal(reply.fields.get("x-whole"), "true");
    },
  );
}

bothWays(
  "two policies that need the same bodies get them both",
  () => ({
    policies: [wholeRequest(), wholeResponse("q")],
    config: { policies: [{ p: {} }, { q: {} }, { p: {} }, { q: {} }] },
    service: (sent) => Reply.text(200, `got ${sent.body}`),
  }),
  async (way) => {
    const reply = await way.ask({ method: "POST", body: ["a", "b"] });
    assert.deepEqual([textOf(reply), reply.fields.get("x-whole")], ["GOT AB", "true"]);
    assert.deepEqual(way.sent[0]?.fields.all("x-size"), ["2"]);
  },
);

bothWays(
  "without a body there is nothing to wait for",
  () => ({
    policies: [
      policyOf({
        body: { request: "buffer" },
        request: (x: Exchange) => Reply.text(200, typeof x.outgoing.body),
      }),
    ],
    config: { policies: [{ p: {} }] },
  }),
  async (way) => assert.equal(textOf(await way.ask()), "undefined"),
);

bothWays(
  "a body that needs no step is held for its transform all the same",
  () => ({
    policies: [
      policyOf({
        body: { response: "buffer" },
        responseBody: () => ({ chunk: (bytes: Uint8Array) => Buffer.from(`<${Buffer.from(bytes)}>`) }),
      }),
    ],
    config: { policies: [{ p: {} }] },
    service: () => new Reply(200, new Fields(), pieces(["a", "b", "c"])),
  }),
  async (way) => assert.equal(textOf(await way.ask()), "<abc>"),
);

test("a client that waits for a 100 gets it from the gateway, and the service waits for nothing", async (t) => {
  const service = await startService(async (incoming, outgoing) => {
    outgoing.end(`${incoming.headers["expect"]} ${await bodyOf(incoming)}`);
  });
  const client = await (await stand(t, service, [wholeRequest()])).connect();
  await client.send(request("POST /", { Expect: "100-continue", "Content-Length": "4" }));
  assert.equal((await client.head()).status, 100);
  await client.send("body");
  assert.equal((await client.response()).text, "undefined BODY");
});

test("a client that waits for a 100 learns at once that its body is too large", async (t) => {
  const service = await startService((_incoming, outgoing) => void outgoing.end());
  const client = await (await stand(t, service, [wholeRequest(3)])).connect();
  const response = await client.ask(request("POST /", { Expect: "100-continue", "Content-Length": "4" }));
  assert.deepEqual(response.informational, []);
  assert.equal(problemOf(response, 413)["reason"], "body_too_large");
  assert.equal(service.seen.length, 0);
});

test("an upload may take longer than a step may wait", async (t) => {
  const service = await startService(async (incoming, outgoing) => {
    outgoing.end(await bodyOf(incoming));
  });
  const client = await (await stand(t, service, [wholeRequest()], { policyTimeout: "200ms" })).connect();
  await client.send(request("POST /", { "Transfer-Encoding": "chunked" }));
  for (const piece of ["a", "b", "c"]) {
    await client.send(chunk(piece));
    await sleep(150);
  }
  await client.send("0\r\n\r\n");
  const response = await client.response();
  assert.deepEqual([response.status, response.text], [200, "ABC"]);
});

test("a body that breaks while it is held is answered as the wire answers it", async (t) => {
  const service = await startService((_incoming, outgoing) => void outgoing.end());
  const client = await (await stand(t, service, [wholeRequest()])).connect();
  await client.send(request("POST /", { "Transfer-Encoding": "chunked" }));
  const response = await client.ask("2\r\nab\r\nnot a size\r\n");
  assert.equal(problemOf(response, 400)["reason"], "body_malformed");
  assert.equal(service.seen.length, 0);
});

test("an answer that breaks while it is held becomes a 502 with its reason", async (t) => {
  const service = await startService((_incoming, outgoing) => {
    outgoing.writeHead(200, { "content-length": "100" });
    outgoing.write("only this");
    outgoing.on("drain", () => {});
    setImmediate(() => outgoing.destroy());
  });
  const response = await (await stand(t, service, [wholeResponse()])).ask(request("GET /"));
  assert.equal(problemOf(response, 502)["reason"], "body_cut");
});
