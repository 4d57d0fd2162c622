import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { Client, isRefused, request } from "../support/client.ts";
import { ProcessStage } from "../support/process.ts";
import { startRawService, startService } from "../support/service.ts";
import { SteadyLoad } from "../support/steady-load.ts";
import { agreement, handshake } from "../support/websocket.ts";

const LISTENERS = [{ name: "public", address: "127.0.0.1:0" }];

function config(url: string, more: object = {}, route: object = {}): object {
  return {
    workers: 2,
    listeners: LISTENERS,
    routes: [{ name: "all", service: "main", ...route }],
    services: { main: { endpoints: [url] } },
    ...more,
  };
}

async function text(port: number, path = "/"): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: "close" } });
  return `${response.status} ${await response.text()}`;
}

test("a changed file is served by all workers, and no request is lost while it changes", async () => {
  await using stage = new ProcessStage();
  await using one = await startService((_request, response) => void response.end("one"));
  await using two = await startService((_request, response) => void response.end("two"));
  const services = [one, two];
  stage.write(config(services[0]!.url));
  const { process, port } = await stage.run();
  assert.equal(await text(port), "200 one");
  await using load = new SteadyLoad(port, "/", 8, 5);
  for (let round = 1; round <= 10; round++) {
    process.forget();
    stage.write(config(services[round % 2]!.url));
    await process.says(new RegExp(`generation ${round + 1} serves`));
    const answers = new Set(await Promise.all(Array.from({ length: 20 }, () => text(port))));
    assert.deepEqual([...answers], [`200 ${round % 2 === 0 ? "one" : "two"}`]);
  }
  const { done, failures } = await load.stop();
  assert.deepEqual([...failures], []);
  assert.ok(done > 100, `only ${done} requests were made`);
});

test("a config with problems changes nothing and says why", async () => {
  await using stage = new ProcessStage();
  await using service = await startService((_request, response) => void response.end("served"));
  stage.write(config(service.url));
  const { process, port } = await stage.run();
  stage.write(config(service.url, { colour: "red" }));
  const [said] = await process.says(/reload \(a file changed\)[\s\S]*colour.*\n/);
  assert.match(said, /the config before stays in force/);
  assert.equal(await text(port), "200 served");
  process.forget();
  stage.add("torana.json", "{ this is no config");
  await process.says(/stays in force\n.*torana\.json/);
  assert.equal(await text(port), "200 served");
});

test("SIGHUP reloads, and an unchanged config is a reload of nothing", async () => {
  await using stage = new ProcessStage();
  await using service = await startService((_request, response) => void response.end("served"));
  stage.write(config(service.url));
  const { process, port } = await stage.run();
  process.signal("SIGHUP");
  await process.says(/reload \(SIGHUP\): nothing changed/);
  assert.equal(await text(port), "200 served");
});

test("a reload leaves a WebSocket open, also one whose route is gone", async () => {
  await using stage = new ProcessStage();
  await using service = await startRawService(async (connection) => {
    const head = await connection.head();
    if (!head) return;
    await connection.send(agreement(head.field("sec-websocket-key") ?? ""));
    for await (const piece of connection.wire.body("close")) await connection.send(piece);
  });
  stage.write(config(service.url));
  const { process, port } = await stage.run();
  const client = await Client.open(port);
  await client.send(request("GET /socket", handshake().fields));
  assert.equal((await client.head()).status, 101);
  for (let round = 1; round <= 3; round++) {
    process.forget();
    stage.write(config(service.url, {}, { name: `name-${round}` }));
    await process.says(new RegExp(`generation ${round + 1} serves`));
    await client.send(`round ${round}`);
    const echoed = Buffer.concat(await Array.fromAsync(client.wire.body(7))).toString();
    assert.equal(echoed, `round ${round}`);
  }
});

test("listeners come and go with the config", async () => {
  await using stage = new ProcessStage();
  await using service = await startService((_request, response) => void response.end("served"));
  stage.write(config(service.url));
  const { process, port } = await stage.run();
  const more = await freePort();
  process.forget();
  stage.write(
    config(service.url, { listeners: [...LISTENERS, { name: "more", address: `127.0.0.1:${more}` }] }),
  );
  await process.says(/generation 2 serves/);
  assert.equal(await text(more), "200 served");
  process.forget();
  stage.write(config(service.url));
  await process.says(/generation 3 serves/);
  while (!(await isRefused(more))) await setTimeout(5);
  assert.equal(await text(port), "200 served");
});

test("a listener whose address is taken changes nothing", async () => {
  await using stage = new ProcessStage();
  await using service = await startService((_request, response) => void response.end("served"));
  stage.write(config(service.url));
  const { process, port } = await stage.run();
  const listeners = [...LISTENERS, { name: "taken", address: `127.0.0.1:${service.port}` }];
  stage.write(config(service.url, { listeners }));
  await process.says(new RegExp(`127\\.0\\.0\\.1:${service.port} of the listener taken is taken`));
  assert.equal(await text(port), "200 served");
});

async function freePort(): Promise<number> {
  await using service = await startService(() => undefined);
  return service.port;
}
