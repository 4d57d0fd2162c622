import assert from "node:assert/strict";
import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { test } from "node:test";
import { Client, request } from "../support/client.ts";
import { startGateway } from "../support/gateway.ts";
import { Random } from "../support/random.ts";
import { startRawService, startService } from "../support/service.ts";
import { stageOf } from "../support/stage.ts";

const SIZE = 300_000;

/** An address of this machine on which nothing listens stands before the right one, where localhost has both. */
async function both(): Promise<boolean> {
  return (await lookup("localhost", { all: true })).length > 1;
}

test("an endpoint may be a name: its addresses are tried one after the other", async (t) => {
  const content = new Random(3).bytes(SIZE);
  const service = await startService((_, outgoing) => {
    outgoing.setHeader("connection", "close");
    outgoing.end(content);
  });
  const stage = await stageOf(t, [service], {
    routes: [{ name: "all", service: "main" }],
    services: { main: { endpoints: [`http://localhost:${service.port}`] } },
  });
  t.diagnostic(`localhost has ${(await both()) ? "several addresses" : "one address"}`);
  for (let i = 0; i < 5; i++) assert.ok((await stage.ask(request("GET /"))).body.equals(content));
  assert.equal(service.connections, 5);
});

test("so may one that is spoken to by bytes", async (t) => {
  const content = new Random(4).bytes(SIZE);
  const service = await startRawService(async ({ socket }) => {
    if (!socket.write(content)) await once(socket, "drain");
  });
  const gateway = await startGateway({
    listeners: [{ name: "test", address: "127.0.0.1:0", tcp: { service: "main" } }],
    services: { main: { endpoints: [`tcp://localhost:${service.port}`] } },
  });
  t.after(async () => {
    await gateway.stop(0);
    await service.stop();
  });
  const client = await Client.open(gateway.port());
  assert.ok((await client.wire.rest()).bytes.equals(content));
  client.reset();
});

test("a name that nobody knows is an endpoint that cannot be reached", async (t) => {
  const stage = await stageOf(t, [], {
    routes: [{ name: "all", service: "main" }],
    services: { main: { endpoints: ["http://nobody.invalid:80"], timeouts: { connect: "8s" } } },
  });
  const answer = await stage.ask(request("GET /"));
  assert.equal(answer.json()["reason"], "connect_failed");
});
