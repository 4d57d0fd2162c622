import assert from "node:assert/strict";
import { test } from "node:test";
import { Client, request } from "../support/client.ts";
import { ProcessStage } from "../support/process.ts";
import { startRawService } from "../support/service.ts";
import { SteadyLoad } from "../support/steady-load.ts";
import { agreement, handshake } from "../support/websocket.ts";

/** A client's masked Ping, which the service sends back as it is. */
const PING = Buffer.from([0x89, 0x80, 0, 0, 0, 0]);
/** Close with status 1001, as a server sends it. */
const GOING_AWAY = Buffer.from([0x88, 0x02, 0x03, 0xe9]);

async function next(client: Client, length: number): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(client.wire.body(length)));
}

function policy(version: number): string {
  return `
import { definePolicy, Reply, z } from "torana";
export const say = definePolicy({
  name: "say",
  phase: "request",
  answers: true,
  options: z.strictObject({}),
  compile: () => () => Reply.text(200, "${version}"),
});
`;
}

test("a worker that has loaded very many versions of a policy is replaced, and no request or WebSocket is lost", async () => {
  await using stage = new ProcessStage();
  await using service = await startRawService(async (connection) => {
    const head = await connection.head();
    if (!head) return;
    await connection.send(agreement(head.field("sec-websocket-key") ?? ""));
    for await (const piece of connection.wire.body("close")) await connection.send(piece);
  });
  stage.add("say.ts", policy(1));
  stage.write({
    workers: 1,
    admin: "127.0.0.1:0",
    listeners: [{ name: "public", address: "127.0.0.1:0" }],
    routes: [
      { name: "all", policies: [{ "./say.ts": {} }] },
      { name: "socket", match: { path: "/socket" }, service: "echo" },
    ],
    services: { echo: { endpoints: [service.url] } },
  });
  const { process, port } = await stage.run();
  const [, admin] = await process.says(/admin on port (\d+)/);
  const socket = await Client.open(port);
  await socket.send(request("GET /socket", handshake().fields));
  assert.equal((await socket.head()).status, 101);
  // Few new connections: where the kernel does not hand them on, one in tens of thousands meets a queue that is closed.
  await using load = new SteadyLoad(port, "/", 4, 100);
  for (let version = 2; version <= 201; version++) {
    process.forget();
    stage.add("say.ts", policy(version));
    await process.says(new RegExp(`generation ${version} serves`));
  }
  await process.says(/worker 1 serves for worker 0/);
  const ready = await fetch(`http://127.0.0.1:${admin}/readyz`);
  assert.equal(ready.status, 200, await ready.text());
  process.forget();
  stage.add("say.ts", policy(202));
  await process.says(/generation 202 serves/);
  const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: "close" } });
  assert.equal(await answer.text(), "202");
  const { failures } = await load.stop();
  assert.deepEqual([...failures], []);
  await socket.send(PING);
  assert.deepEqual(await next(socket, PING.length), PING, "it still goes through");
  process.signal("SIGTERM");
  assert.deepEqual(await next(socket, GOING_AWAY.length), GOING_AWAY);
  socket.socket.destroy();
  assert.equal(await process.exit, 0);
});
