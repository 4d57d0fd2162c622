import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Client, problemOf, request } from "../support/client.ts";
import { type Service, startService } from "../support/service.ts";
import { type Stage, stage } from "../support/stage.ts";
import { until, within } from "../support/wait.ts";

/** A service that answers only when it is told to. */
async function startHolding(): Promise<{ service: Service; held: ServerResponse[] }> {
  const held: ServerResponse[] = [];
  const service = await startService((incoming, outgoing) => {
    incoming.resume();
    held.push(outgoing);
  });
  return { service, held };
}

/** Sends the requests over connections of their own, so that they reach the gateway one after the other. */
async function queue({ connect }: Stage, targets: string[]): Promise<Client[]> {
  const clients: Client[] = [];
  for (const target of targets) {
    const client = await connect();
    await client.send(request(`GET ${target}`));
    await sleep(20);
    clients.push(client);
  }
  return clients;
}

test("requests past the cap wait, and are served in the order in which they came", async (t) => {
  const { service, held } = await startHolding();
  const scene = await stage(t, service, {}, { connections: { max: 2 } });
  const targets = Array.from({ length: 8 }, (_, nth) => `/${nth}`);
  const clients = await queue(scene, targets);
  for (let nth = 0; nth < 8; nth++) {
    await until("the next request to reach the service", () => held.length > nth);
    if (nth < 6) await until("both places to be taken", () => held.length === nth + 2);
    held[nth]!.end(`answer ${nth}`);
    assert.equal((await clients[nth]!.response()).text, `answer ${nth}`);
  }
  assert.deepEqual(service.targets, targets);
  assert.equal(service.mostOpen, 2);
});

test("when too many wait already, a request is refused with 503 at once", async (t) => {
  const { service, held } = await startHolding();
  const scene = await stage(t, service, {}, { connections: { max: 1, waiting: 2 } });
  const clients = await queue(scene, ["/served", "/waits-1", "/waits-2"]);
  const response = await within("the refusal", scene.ask(request("GET /refused")));
  problemOf(response, 503);
  for (const [nth, client] of clients.entries()) {
    await until("the next request to reach the service", () => held.length > nth);
    held[nth]!.end("ok");
    assert.equal((await client.response()).text, "ok");
  }
  assert.deepEqual(service.targets, ["/served", "/waits-1", "/waits-2"]);
});

test("a client that leaves the queue gives up its place", async (t) => {
  const { service, held } = await startHolding();
  const scene = await stage(t, service, {}, { connections: { max: 1, waiting: 1 } });
  const [served, leaving] = await queue(scene, ["/served", "/leaves"]);
  leaving!.reset();
  await sleep(50);
  const [waiting] = await queue(scene, ["/waits"]);
  held[0]!.end("ok");
  assert.equal((await served!.response()).text, "ok");
  await until("the waiting request to reach the service", () => held.length === 2);
  held[1]!.end("ok too");
  assert.equal((await waiting!.response()).text, "ok too");
  assert.deepEqual(service.targets, ["/served", "/waits"]);
});

test("a place is given back when its client leaves", async (t) => {
  const { service, held } = await startHolding();
  const scene = await stage(t, service, {}, { connections: { max: 1 } });
  const [leaving, waiting] = await queue(scene, ["/leaves", "/waits"]);
  leaving!.reset();
  await until("the waiting request to reach the service", () => held.length === 2);
  held[1]!.end("ok");
  assert.equal((await waiting!.response()).text, "ok");
});

test("a place is given back when the answer takes too long or breaks", async (t) => {
  const { service, held } = await startHolding();
  const options = { connections: { max: 1 }, timeouts: { response: "400ms" } };
  const scene = await stage(t, service, {}, options);
  const [late, broken, served] = await queue(scene, ["/late", "/broken", "/served"]);
  problemOf(await late!.response(), 504);
  await until("the second request to reach the service", () => held.length === 2);
  held[1]!.socket!.destroy();
  problemOf(await broken!.response(), 502);
  await until("the third request to reach the service", () => held.length === 3);
  held[2]!.end("ok");
  assert.equal((await served!.response()).text, "ok");
});

test("500 requests through 3 connections are all served", async (t) => {
  const service = await startService((incoming, outgoing) => {
    setImmediate(() => outgoing.end(incoming.url));
  });
  const scene = await stage(t, service, {}, { connections: { max: 3, waiting: 1_000 } });
  const texts = await Promise.all(
    Array.from({ length: 50 }, async (_, nth) => {
      const client = await scene.connect();
      const seen: string[] = [];
      for (let round = 0; round < 10; round++)
        seen.push((await client.ask(request(`GET /${nth}/${round}`))).text);
      return seen;
    }),
  );
  for (const [nth, seen] of texts.entries())
    assert.deepEqual(
      seen,
      Array.from({ length: 10 }, (_, round) => `/${nth}/${round}`),
    );
  assert.equal(service.mostOpen, 3);
});
