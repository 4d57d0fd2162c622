import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Client, isRefused, request } from "../support/client.ts";
import { Random } from "../support/random.ts";
import { type Service, startRawService, startService } from "../support/service.ts";
import { stage } from "../support/stage.ts";
import { until, within } from "../support/wait.ts";
import { agreement, handshake } from "../support/websocket.ts";
import { joined } from "../support/wire.ts";

const LONG_GRACE_MS = 60_000;

/** A service that answers "/held" only when it is told to, and everything else at once. */
async function startHolding(): Promise<{ service: Service; held: ServerResponse[] }> {
  const held: ServerResponse[] = [];
  const service = await startService((incoming, outgoing) => {
    if (incoming.url === "/held") held.push(outgoing);
    else outgoing.end("ok");
  });
  return { service, held };
}

/** Waits until nothing more can connect. */
async function refused(port: number): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if (await isRefused(port)) return;
    await new Promise((done) => setTimeout(done, 10));
  }
  assert.fail("connections are still accepted");
}

test("what is in flight is answered with Connection: close, idle connections end, new ones are refused", async (t) => {
  const { service, held } = await startHolding();
  const { gateway, connect } = await stage(t, service);
  const port = gateway.port();
  const [busy, idle, fresh] = [await connect(), await connect(), await connect()];
  assert.equal((await idle.ask(request("GET /"))).text, "ok");
  await busy.send(request("GET /held"));
  await until("the request to reach the service", () => held.length === 1);
  const stopped = gateway.stop(LONG_GRACE_MS);
  assert.equal(await idle.closed(), "");
  assert.equal(await fresh.closed(), "");
  await refused(port);
  held[0]!.end("in time");
  const response = await busy.response();
  assert.equal(response.text, "in time");
  assert.equal(response.closes, true);
  assert.equal(await busy.closed(), "");
  await within("the gateway to stop", stopped);
});

test("a long answer that has begun is finished", async (t) => {
  const content = new Random(1).bytes(8_000_000);
  const service = await startService((_incoming, outgoing) => {
    outgoing.setHeader("content-length", content.length);
    outgoing.end(content);
  });
  const { gateway, connect } = await stage(t, service);
  const client = await connect();
  await client.send(request("GET /"));
  const head = await client.head();
  const stopped = gateway.stop(LONG_GRACE_MS);
  await refused(gateway.port());
  assert.ok((await joined(client.body(head))).equals(content));
  assert.equal(await client.closed(), "");
  await within("the gateway to stop", stopped);
});

test("an upload that has begun is finished", async (t) => {
  const service = await startService(async (incoming, outgoing) => {
    outgoing.end(`got ${(await joined(incoming)).length}`);
  });
  const { gateway, connect } = await stage(t, service);
  const client = await connect();
  await client.send(request("POST /", { "Content-Length": "10" }).toString().concat("12345"));
  await until("the request to reach the service", () => service.seen.length === 1);
  const stopped = gateway.stop(LONG_GRACE_MS);
  await refused(gateway.port());
  await client.send("67890");
  assert.equal((await client.response()).text, "got 10");
  assert.equal(await client.closed(), "");
  await within("the gateway to stop", stopped);
});

test("what is not answered within the grace is cut, tunnels too", async (t) => {
  const service = await startRawService(async (connection) => {
    const head = await connection.request();
    if (head?.field("upgrade")) await connection.send(agreement(head.field("sec-websocket-key") ?? ""));
    await connection.wire.rest();
  });
  const { gateway, connect } = await stage(t, service);
  const [held, tunnel] = [await connect(), await connect()];
  await held.send(request("GET /held"));
  await tunnel.send(request("GET /socket", handshake().fields));
  assert.equal((await tunnel.head()).status, 101);
  await until("both requests to reach the service", () => service.seen.length === 2);
  await within("the gateway to stop", gateway.stop(200));
  await tunnel.closed();
  await held.closed();
  await until("the service to see the end", () => service.open.size === 0);
});

test("an idle gateway stops at once, and may be stopped twice", async (t) => {
  const { service } = await startHolding();
  const { gateway, ask } = await stage(t, service);
  assert.equal((await ask(request("GET /"))).text, "ok");
  await within(
    "the gateway to stop",
    Promise.all([gateway.stop(LONG_GRACE_MS), gateway.stop(LONG_GRACE_MS)]),
  );
  await until("the service's connections to be closed", () => service.open.size === 0);
});

const LAUNCHER = fileURLToPath(new URL("../../bin/torana", import.meta.url));

/** Starts the real command with this config, and gives the port of its only listener. */
async function launch(t: TestContext, yaml: string): Promise<{ child: ChildProcess; port: number }> {
  const folder = await mkdtemp(join(tmpdir(), "torana-"));
  const file = join(folder, "torana.yaml");
  await writeFile(file, yaml);
  const child = spawn(LAUNCHER, ["run", file], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(async () => {
    child.kill("SIGKILL");
    await rm(folder, { recursive: true });
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const port = /^listening on 127\.0\.0\.1:(\d+) \(public\)$/.exec(line)?.[1];
    if (port) return { child, port: Number(port) };
  }
  return assert.fail("the gateway ended without a listener");
}

test("the command serves, and ends by SIGTERM when what is in flight is answered, with exit code 0", async (t) => {
  const { service, held } = await startHolding();
  t.after(() => service.stop());
  const yaml = `
listeners: [{ name: public, address: "127.0.0.1:0" }]
routes: [{ name: all, service: main }]
services: { main: { endpoints: ["${service.url}"] } }
`;
  const { child, port } = await within("the listener", launch(t, yaml));
  const exited = once(child, "exit");
  const client = await Client.open(port);
  t.after(() => client.socket.destroy());
  assert.equal((await client.ask(request("GET /"))).text, "ok");
  await client.send(request("GET /held"));
  await until("the request to reach the service", () => held.length === 1);
  child.kill("SIGTERM");
  await refused(port);
  assert.equal(child.exitCode, null);
  held[0]!.end("in time");
  const response = await client.response();
  assert.equal(response.text, "in time");
  assert.equal(response.closes, true);
  assert.equal(await client.closed(), "");
  assert.deepEqual(await within("the process to end", exited), [0, null]);
});
