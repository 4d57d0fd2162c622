import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { authority, filesOf, shown } from "../support/authority.ts";
import { ProcessStage } from "../support/process.ts";
import { startRawService } from "../support/service.ts";
import { startTlsService } from "../support/tls-service.ts";

async function reasonOf(port: number): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: "close" } });
  const text = await response.text();
  if (response.ok) return text;
  return String((JSON.parse(text) as { reason?: unknown }).reason);
}

test("a service's CA is watched: another holds for the next connection, a broken one changes nothing", async (t) => {
  await using stage = new ProcessStage();
  const [ca, other] = [authority(t), authority(t)];
  await using service = await startTlsService(
    shown(ca.issue({ names: ["DNS:localhost"] })),
    (_, outgoing) => {
      outgoing.setHeader("connection", "close");
      outgoing.end("served");
    },
  );
  stage.add("ca.pem", ca.certText);
  stage.write({
    workers: 2,
    listeners: [{ name: "public", address: "127.0.0.1:0" }],
    routes: [{ name: "all", service: "main" }],
    services: { main: { endpoints: [service.urlAt("localhost")], tls: { ca: "ca.pem" } } },
  });
  const { process, port } = await stage.run();
  assert.equal(await reasonOf(port), "served");
  for (const [text, said, expected] of [
    [other.certText, /generation 2 serves/, "tls_verify_failed"],
    [ca.certText, /generation 3 serves/, "served"],
    ["no certificate", /stays in force[\s\S]*services\.main\.tls\.ca/, "served"],
  ] as const) {
    process.forget();
    stage.add("ca.pem", text);
    await process.says(said);
    for (let i = 0; i < 6; i++) assert.equal(await reasonOf(port), expected);
  }
});

test("a service's private key is shown nowhere", async (t) => {
  await using stage = new ProcessStage();
  const ca = authority(t);
  const mine = ca.issue({ names: ["URI:spiffe://example/gateway"], use: "client" });
  stage.write({
    admin: "127.0.0.1:0",
    listeners: [{ name: "public", address: "127.0.0.1:0" }],
    routes: [{ name: "all", service: "main" }],
    services: { main: { endpoints: ["https://localhost:1"], tls: { ca: ca.cert, ...filesOf(mine) } } },
  });
  const { process } = await stage.run();
  const [, admin] = await process.says(/admin on port (\d+)/);
  const [, secret = ""] = mine.keyText.split("\n");
  assert.ok(secret.length > 40);
  for (const path of ["snapshot", "metrics", "routes", "workers"]) {
    const response = await fetch(`http://127.0.0.1:${admin}/${path}`);
    const text = await response.text();
    assert.equal(response.status, 200);
    assert.ok(!text.includes(secret), `/${path} shows the key`);
    if (path === "snapshot") assert.match(text, /"key":\s*"\*\*\*"/);
  }
  assert.ok(!process.output.includes(secret));
});

test("connections of a TCP listener outlive reloads and end with the gateway's patience", async () => {
  await using stage = new ProcessStage();
  await using service = await startRawService(async ({ socket }) => {
    for await (const piece of socket) socket.write(piece);
  });
  const config = (idleTimeout: string): object => ({
    workers: 2,
    stopTimeout: "1s",
    listeners: [{ name: "db", address: "127.0.0.1:0", tcp: { service: "db", idleTimeout } }],
    services: { db: { endpoints: [`tcp://127.0.0.1:${service.port}`] } },
  });
  stage.write(config("1h"));
  const { process, port } = await stage.run();
  const socket = connect({ port, host: "127.0.0.1" });
  const echoed = async (text: string): Promise<void> => {
    socket.write(text);
    assert.equal(String((await once(socket, "data"))[0]), text);
  };
  await echoed("before");
  stage.write(config("2h"));
  await process.says(/generation 2 serves/);
  await echoed("after");
  process.signal("SIGTERM");
  await setTimeout(200);
  await echoed("while it stops");
  const closed = new Promise((done) => socket.once("close", done));
  socket.on("error", () => undefined);
  await closed;
  assert.equal(await process.exit, 0);
});
