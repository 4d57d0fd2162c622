import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { Client, request } from "../support/client.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { within } from "../support/wait.ts";

/** A folder for sockets that goes when the test ends. */
function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "torana-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** A service on a Unix socket that says who it was told that the client is. */
async function startService(t: TestContext, path: string): Promise<void> {
  const server = createHttpServer(({ headers, url }, response) => {
    const { host, "x-forwarded-for": client, forwarded } = headers;
    response.end(JSON.stringify({ url, host, client, forwarded }));
  });
  server.listen(path);
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
}

async function startOn(t: TestContext, folder: string, listener: object = {}): Promise<TestGateway> {
  const gateway = await startGateway({
    listeners: [{ name: "local", address: `unix:${folder}/gateway.sock`, ...listener }],
    routes: [{ name: "all", service: "main" }],
    services: { main: { endpoints: [`unix:${folder}/service.sock`] } },
  });
  t.after(() => gateway.stop(0));
  return gateway;
}

async function ask(t: TestContext, folder: string, fields: Record<string, string> = {}): Promise<unknown> {
  const socket = connect({ path: join(folder, "gateway.sock"), allowHalfOpen: true });
  t.after(() => socket.destroy());
  await within("a connection", once(socket, "connect"));
  const response = await new Client(socket).ask(request("GET /x", fields));
  assert.equal(response.status, 200);
  return response.json();
}

test("a gateway serves on a Unix socket, and forwards to one", async (t) => {
  const folder = folderFor(t);
  await startService(t, join(folder, "service.sock"));
  const gateway = await startOn(t, folder);
  assert.equal(gateway.gateway.listeners.get().address, `unix:${folder}/gateway.sock`);
  const file = statSync(join(folder, "gateway.sock"));
  assert.ok(file.isSocket());
  assert.equal(file.mode & 0o777, 0o660);
  assert.deepEqual(await ask(t, folder), { url: "/x", host: "a.example" });
  await gateway.stop();
  assert.equal(existsSync(join(folder, "gateway.sock")), false);
});

test("a peer on a Unix socket is believed where unix is trusted, and nowhere else", async (t) => {
  const folder = folderFor(t);
  await startService(t, join(folder, "service.sock"));
  const told = { "X-Forwarded-For": "192.0.2.7", Forwarded: "for=192.0.2.7" };
  const distrusting = await startOn(t, folder, { trusted: ["127.0.0.0/8"] });
  assert.deepEqual(await ask(t, folder, told), { url: "/x", host: "a.example" });
  await distrusting.stop(0);
  await startOn(t, folder, { trusted: ["unix"] });
  assert.deepEqual(await ask(t, folder, told), {
    url: "/x",
    host: "a.example",
    client: "192.0.2.7",
    forwarded: "for=192.0.2.7, for=unknown",
  });
});

test("a PROXY protocol header names the client on a Unix socket as well", async (t) => {
  const folder = folderFor(t);
  await startService(t, join(folder, "service.sock"));
  await startOn(t, folder, { proxyProtocol: true, trusted: ["unix"] });
  const socket = connect({ path: join(folder, "gateway.sock"), allowHalfOpen: true });
  t.after(() => socket.destroy());
  const client = new Client(socket);
  await client.send("PROXY TCP4 192.0.2.7 198.51.100.1 1 2\r\n");
  assert.equal((await client.ask(request("GET /"))).json()["client"], "192.0.2.7");
});

test("the socket of a dead process is replaced", async (t) => {
  const folder = folderFor(t);
  await startService(t, join(folder, "service.sock"));
  const dead = createServer().listen(join(folder, "dead.sock"));
  await once(dead, "listening");
  renameSync(join(folder, "dead.sock"), join(folder, "gateway.sock"));
  dead.close();
  await once(dead, "close");
  assert.ok(existsSync(join(folder, "gateway.sock")));
  await startOn(t, folder);
  assert.deepEqual(await ask(t, folder), { url: "/x", host: "a.example" });
});

test("a socket that is alive, and a file that is none, stay as they are", async (t) => {
  const folder = folderFor(t);
  await startService(t, join(folder, "service.sock"));
  await startOn(t, folder);
  await assert.rejects(startOn(t, folder), { code: "EADDRINUSE", message: /gateway\.sock/ });
  assert.deepEqual(await ask(t, folder), { url: "/x", host: "a.example" });
  const other = folderFor(t);
  writeFileSync(join(other, "gateway.sock"), "precious");
  await assert.rejects(startOn(t, other), { code: "EEXIST", message: /gateway\.sock.*not a socket/ });
  assert.ok(statSync(join(other, "gateway.sock")).isFile());
  await assert.rejects(startOn(t, join(other, "missing")), { code: "ENOENT", message: /gateway\.sock/ });
});

test("who stops removes no socket that another has put in its place", async (t) => {
  const folder = folderFor(t);
  await startService(t, join(folder, "service.sock"));
  const first = await startOn(t, folder);
  rmSync(join(folder, "gateway.sock"));
  await startOn(t, folder);
  await first.stop();
  assert.deepEqual(await ask(t, folder), { url: "/x", host: "a.example" });
});
