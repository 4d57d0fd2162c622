import assert from "node:assert/strict";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { connect } from "node:tls";
import { checkConfig } from "../../src/config/load.ts";
import { loadCatalog } from "../../src/snapshot/catalog.ts";
import { authority, filesOf, shown } from "../support/authority.ts";
import type { TestAuthority } from "../support/certificates.ts";
import { Client, request } from "../support/client.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { type Service, startRawService } from "../support/service.ts";
import { startTlsService } from "../support/tls-service.ts";
import { until, within } from "../support/wait.ts";

/** As a reload does it: check, prepare, commit. */
async function reload({ gateway }: TestGateway, config: object): Promise<void> {
  const whole = { listeners: [{ name: "test", address: "127.0.0.1:0" }], ...config };
  const checked = checkConfig(whole);
  gateway.commit(await gateway.prepare(checked, await loadCatalog(checked)));
}

/** Says its name, then sends back what it gets. */
function named(name: string): Promise<Service> {
  return startRawService(async ({ socket }) => {
    socket.write(name);
    for await (const piece of socket) socket.write(piece);
  });
}

async function running(t: TestContext, services: readonly Service[], config: object): Promise<TestGateway> {
  const gateway = await startGateway(config);
  t.after(async () => {
    await gateway.stop(0);
    for (const service of services) await service.stop();
  });
  return gateway;
}

function leading(service: string, services: Readonly<Record<string, Service>>): object {
  const entries = Object.entries(services).map(([name, { port }]) => [
    name,
    { endpoints: [`tcp://127.0.0.1:${port}`] },
  ]);
  return {
    listeners: [{ name: "test", address: "127.0.0.1:0", tcp: { service } }],
    services: Object.fromEntries(entries),
  };
}

test("a reload leads new connections elsewhere and leaves open ones alone", async (t) => {
  const a = await named("a");
  const b = await named("b");
  const gateway = await running(t, [a, b], leading("a", { a, b }));
  const old = await Client.open(gateway.port());
  assert.equal((await old.wire.take(1))!.toString(), "a");
  await reload(gateway, leading("b", { b }));
  const next = await Client.open(gateway.port());
  assert.equal((await next.wire.take(1))!.toString(), "b");
  await old.send("still");
  assert.equal((await old.wire.take(5))!.toString(), "still");
  for (const client of [old, next]) client.fin();
  await until("both to end", () => gateway.gateway.listeners.connections === 0);
});

test("a listener becomes one for HTTP and back again on its port", async (t) => {
  const bytes = await named("a");
  const web = await startRawService(async (connection) => {
    for (let head = await connection.request(); head; head = await connection.request())
      await connection.send("HTTP/1.1 204 No Content\r\n\r\n");
  });
  const gateway = await running(t, [bytes, web], leading("a", { a: bytes }));
  const port = gateway.port();
  await reload(gateway, {
    routes: [{ name: "all", service: "web" }],
    services: { web: { endpoints: [web.url] } },
  });
  assert.equal(gateway.port(), port);
  const client = await Client.open(port);
  assert.equal((await client.ask(request("GET /"))).status, 204);
  client.reset();
  await reload(gateway, leading("a", { a: bytes }));
  const other = await Client.open(port);
  assert.equal((await other.wire.take(1))!.toString(), "a");
  other.reset();
});

test("TLS may end at the gateway: what is decrypted is led on", async (t) => {
  const service = await named("plain ");
  const ca = authority(t);
  const certificates = [filesOf(ca.issue({ names: ["DNS:db.example"] }))];
  const gateway = await running(t, [service], {
    listeners: [{ name: "db", address: "127.0.0.1:0", tls: { certificates }, tcp: { service: "db" } }],
    services: { db: { endpoints: [`tcp://127.0.0.1:${service.port}`] } },
  });
  const socket = connect({
    port: gateway.port(),
    host: "127.0.0.1",
    servername: "db.example",
    ca: ca.certText,
  });
  let text = "";
  socket.on("data", (piece) => {
    text += piece.toString();
    if (text === "plain ") socket.end("secret");
  });
  await within("the end", once(socket, "end"));
  assert.equal(text, "plain secret");
});

test("a service's TLS that changed holds for the next connection; no session goes around it", async (t) => {
  const ca = authority(t);
  const service = await startTlsService(shown(ca.issue({ names: ["DNS:localhost"] })), (_, outgoing) => {
    outgoing.setHeader("connection", "close");
    outgoing.end("served");
  });
  const by = (authority: TestAuthority): object => ({
    routes: [{ name: "all", service: "main" }],
    services: { main: { endpoints: [service.urlAt("localhost")], tls: { ca: authority.cert } } },
  });
  const gateway = await running(t, [service], by(ca));
  const ask = async (): Promise<number> => {
    const client = await Client.open(gateway.port());
    const { status } = await client.ask(request("GET /"));
    client.reset();
    return status;
  };
  assert.deepEqual([await ask(), await ask()], [200, 200]);
  await reload(gateway, by(authority(t)));
  assert.equal(await ask(), 502);
  await reload(gateway, by(ca));
  assert.equal(await ask(), 200);
});
