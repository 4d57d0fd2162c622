import assert from "node:assert/strict";
import { test } from "node:test";
import { Client, request } from "../support/client.ts";
import { ProcessStage } from "../support/process.ts";
import { startService } from "../support/service.ts";

function config(url: string, address = "127.0.0.1:0"): object {
  return {
    workers: 2,
    listeners: [{ name: "public", address }],
    routes: [{ name: "all", service: "main" }],
    services: { main: { endpoints: [url] } },
  };
}

test("SIGTERM answers what is in flight, then the process ends with 0", async () => {
  await using stage = new ProcessStage();
  const release = Promise.withResolvers<void>();
  const arrived = Promise.withResolvers<void>();
  await using service = await startService(async (_request, response) => {
    arrived.resolve();
    await release.promise;
    response.end("late");
  });
  stage.write(config(service.url));
  const { process, port } = await stage.run();
  const client = await Client.open(port);
  await client.send(request("GET /"));
  await arrived.promise;
  process.signal("SIGTERM");
  const refused = async (): Promise<boolean> =>
    fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(500) }).then(
      () => false,
      (error: Error) => error.name !== "TimeoutError",
    );
  while (!(await refused()));
  release.resolve();
  const response = await client.response("GET");
  assert.equal(response.body.toString(), "late");
  assert.ok(response.closes);
  assert.equal(await process.exit, 0);
});

test("a port that another program has is a clear error", async () => {
  await using stage = new ProcessStage();
  await using service = await startService((_request, response) => void response.end());
  stage.write(config(service.url, `127.0.0.1:${service.port}`));
  const process = stage.start("run", stage.file);
  assert.equal(await process.exit, 1);
  assert.match(process.output, new RegExp(`127\\.0\\.0\\.1:${service.port}.*is taken`));
  assert.doesNotMatch(process.output, /\n\s+at /);
});

test("a second process on the same port is refused, and does not get a part of the traffic", async () => {
  await using stage = new ProcessStage();
  await using service = await startService((_request, response) => void response.end());
  stage.write(config(service.url));
  const { port } = await stage.run();
  stage.write(config(service.url, `127.0.0.1:${port}`));
  const second = stage.start("run", stage.file);
  assert.equal(await second.exit, 1);
  assert.match(second.output, /is taken/);
});

test("a config with problems ends the start with 2 and a line for each", async () => {
  await using stage = new ProcessStage();
  stage.write({
    listeners: [{ name: "public", address: "nowhere" }],
    routes: [{ name: "a", service: "none" }],
  });
  const process = stage.start("run", stage.file);
  assert.equal(await process.exit, 2);
  assert.match(process.output, /torana\.json:\d+:\d+: listeners\[0\]\.address: /);
  assert.doesNotMatch(process.output, /\n\s+at /);
});
