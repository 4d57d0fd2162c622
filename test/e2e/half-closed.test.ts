import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { request } from "../support/client.ts";
import { Random } from "../support/random.ts";
import { bodyOf, startService } from "../support/service.ts";
import { stage } from "../support/stage.ts";
import { until, within } from "../support/wait.ts";

for (const [title, size] of [
  ["a small answer", 100],
  ["an answer of 5 MB", 5_000_000],
] as const) {
  for (const waits of [0, 100]) {
    test(`a client that sends FIN behind its request gets ${title}, served after ${waits} ms`, async (t) => {
      const content = new Random(size).bytes(size);
      const service = await startService(async (_incoming, outgoing) => {
        await sleep(waits);
        outgoing.setHeader("content-length", size);
        outgoing.end(content);
      });
      const client = await (await stage(t, service)).connect();
      client.socket.end(request("GET /"));
      const response = await client.response();
      assert.equal(response.status, 200);
      assert.ok(response.body.equals(content));
      assert.equal(await client.closed(), "");
    });
  }
}

test("a client that sends FIN behind its body gets its answer", async (t) => {
  const content = new Random(4).bytes(1_000_000);
  const service = await startService(async (incoming, outgoing) => {
    const body = await bodyOf(incoming);
    await sleep(50);
    outgoing.end(body);
  });
  const client = await (await stage(t, service)).connect();
  client.socket.end(request("POST /", {}, content));
  const response = await client.response();
  assert.ok(response.body.equals(content));
  assert.equal(await client.closed(), "");
});

test("a client that sends FIN behind several requests gets all answers", async (t) => {
  const service = await startService(async (incoming, outgoing) => {
    await sleep(30);
    outgoing.end(incoming.url);
  });
  const client = await (await stage(t, service)).connect();
  client.socket.end(`${request("GET /1")}${request("GET /2")}${request("GET /3")}`);
  for (const target of ["/1", "/2", "/3"]) assert.equal((await client.response()).text, target);
  assert.equal(await client.closed(), "");
});

test("a client that resets midway: the service sees its connection closed", async (t) => {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  const service = await startService((_incoming, outgoing) => {
    outgoing.on("close", resolve);
    outgoing.write("first");
  });
  const client = await (await stage(t, service)).connect();
  await client.send(request("GET /"));
  await client.body(await client.head()).next();
  client.reset();
  await within("the service to see the end", closed);
});

test("a service that sends FIN behind its answer is understood as having answered", async (t) => {
  const content = new Random(5).bytes(3_000_000);
  const service = await startService((_incoming, outgoing) => {
    outgoing.setHeader("connection", "close");
    outgoing.setHeader("content-length", content.length);
    outgoing.end(content);
  });
  const client = await (await stage(t, service)).connect();
  for (let round = 0; round < 3; round++) {
    await client.send(request("GET /"));
    const head = await client.head();
    await sleep(50);
    const pieces: Buffer[] = await Array.fromAsync(client.body(head));
    assert.ok(Buffer.concat(pieces).equals(content));
  }
});

test("a client that sends FIN in the middle of a body: the service never takes the body for whole", async (t) => {
  const { promise: left, resolve } = Promise.withResolvers<string>();
  const service = await startService((incoming, outgoing) => {
    incoming.on("end", () => outgoing.end("taken for whole"));
    incoming.on("error", () => {});
    incoming.on("close", () => resolve(incoming.complete ? "whole" : "cut"));
    incoming.resume();
  });
  const client = await (await stage(t, service)).connect();
  await client.send(request("POST /", { "Content-Length": "100" }));
  await until("the service to be asked", () => service.seen.length === 1);
  client.socket.end("only this");
  const rest = await client.closed();
  assert.ok(!rest.startsWith("HTTP/1.1 2"), rest);
  assert.equal(await within("the service to see the end", left), "cut");
});
