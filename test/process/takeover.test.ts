import assert from "node:assert/strict";
import { get } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { ProcessStage } from "../support/process.ts";
import { startService } from "../support/service.ts";
import { SteadyLoad } from "../support/steady-load.ts";

test("a process takes over from another under load, and the old one ends with 0", async () => {
  await using stage = new ProcessStage();
  await using service = await startService((_request, response) => void response.end("served"));
  stage.write({
    workers: 2,
    listeners: [{ name: "public", address: "127.0.0.1:0" }],
    routes: [{ name: "all", service: "main" }],
    services: { main: { endpoints: [service.url] } },
  });
  let { process: old, port } = await stage.run();
  await using load = new SteadyLoad(port, "/", 6, 2);
  for (let round = 0; round < 3; round++) {
    const next = await stage.run("--takeover");
    assert.equal(next.port, port);
    assert.equal(await old.exit, 0);
    assert.match(old.output, /takes over/);
    old = next.process;
  }
  const { done, failures } = await load.stop();
  assert.deepEqual([...failures], []);
  assert.ok(done > 100, `only ${done} requests were made`);
});

test("there may be nobody to take over from", async () => {
  await using stage = new ProcessStage();
  await using service = await startService((_request, response) => void response.end("served"));
  stage.write({
    workers: 1,
    listeners: [{ name: "public", address: "127.0.0.1:0" }],
    routes: [{ name: "all", service: "main" }],
    services: { main: { endpoints: [service.url] } },
  });
  const { port, process } = await stage.run("--takeover");
  assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 200);
  assert.match(process.output, /nothing to take over/);
});

test("a Unix socket is taken over as well", async () => {
  await using stage = new ProcessStage();
  await using service = await startService((_request, response) => void response.end("served"));
  const socket = join(stage.folder, "torana.sock");
  stage.write({
    workers: 2,
    listeners: [
      { name: "public", address: "127.0.0.1:0" },
      { name: "local", address: `unix:${socket}` },
    ],
    routes: [{ name: "all", service: "main" }],
    services: { main: { endpoints: [service.url] } },
  });
  const ask = (): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      get({ socketPath: socket, path: "/", headers: { host: "a.example" } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      }).on("error", reject);
    });
  const { process: old } = await stage.run();
  assert.equal(await ask(), 200);
  const next = await stage.run("--takeover");
  assert.equal(await old.exit, 0);
  assert.equal(await ask(), 200);
  next.process.signal("SIGTERM");
  assert.equal(await next.process.exit, 0);
  await assert.rejects(ask());
});
