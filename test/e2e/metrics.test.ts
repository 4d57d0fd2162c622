import assert from "node:assert/strict";
import { test } from "node:test";
import { readProcess } from "../../src/observe/process-reading.ts";
import { metricsText } from "../../src/observe/prometheus.ts";
import { request } from "../support/client.ts";
import { type Family, numberOf, parseExposition } from "../support/exposition.ts";
import type { TestGateway } from "../support/gateway.ts";
import { bodyOf, startService } from "../support/service.ts";
import { stage, stageOf } from "../support/stage.ts";
import { until } from "../support/wait.ts";

const SUPERVISOR = {
  version: "0.0.0",
  generation: 1,
  lastReload: undefined,
  reloads: {},
  heartbeats: [0],
  workerRestarts: 0,
  userPolicies: {},
};

function metricsOf({ gateway }: TestGateway): Map<string, Family> {
  return parseExposition(metricsText(gateway.counts(), SUPERVISOR, readProcess()));
}

/** The sum of all samples with these labels. */
function requests(gateway: TestGateway, labels: Readonly<Record<string, string>> = {}): number {
  const samples = metricsOf(gateway).get("torana_requests_total")?.samples ?? [];
  return samples
    .filter((sample) => Object.entries(labels).every(([name, value]) => sample.labels[name] === value))
    .reduce((sum, { value }) => sum + value, 0);
}

/** The URL of an endpoint that nobody listens on. */
async function nowhere(): Promise<string> {
  const service = await startService(() => undefined);
  const { url } = service;
  await service.stop();
  return url;
}

test("every request counts once: by route and service, class and reason", async (t) => {
  const service = await startService(async (incoming, outgoing) => {
    await bodyOf(incoming);
    outgoing.statusCode = incoming.url === "/broken" ? 500 : 200;
    outgoing.end("0123456789");
  });
  const gone = await nowhere();
  const { ask, gateway } = await stageOf(t, [service], {
    routes: [
      { name: "up", match: { path: "/*" }, service: "main" },
      { name: "down", match: { path: "/down" }, service: "gone" },
    ],
    services: { main: { endpoints: [service.url] }, gone: { endpoints: [gone] } },
  });
  for (let nth = 0; nth < 20; nth++) await ask(request("GET /"));
  await ask(request("GET /broken"));
  await ask(request("GET /down"));
  await until("all to be counted", () => requests(gateway) === 22);
  const up = { route: "up", service: "main", reason: "" };
  assert.equal(requests(gateway, { ...up, class: "2xx" }), 20);
  assert.equal(requests(gateway, { ...up, class: "5xx" }), 1);
  assert.equal(
    requests(gateway, { route: "down", service: "gone", class: "5xx", reason: "connect_failed" }),
    1,
  );

  const families = metricsOf(gateway);
  assert.equal(numberOf(families, "torana_response_bytes_total", { route: "up" }), 210);
  for (const part of ["request", "gateway", "upstream"])
    assert.equal(numberOf(families, `torana_${part}_duration_seconds_count`, { route: "up" }), 21);
});

test("a slow service is the service's part, not the gateway's", async (t) => {
  const service = await startService((_incoming, outgoing) => {
    setTimeout(() => outgoing.end("late"), 120);
  });
  const { ask, gateway } = await stage(t, service);
  await ask(request("GET /"));
  await until("it to be counted", () => requests(gateway) === 1);
  const families = metricsOf(gateway);
  const whole = numberOf(families, "torana_request_duration_seconds_sum");
  const upstream = numberOf(families, "torana_upstream_duration_seconds_sum");
  const own = numberOf(families, "torana_gateway_duration_seconds_sum");
  assert.ok(upstream >= 0.1, `the service took 0.12 s, not ${upstream}`);
  assert.ok(own < upstream, `the gateway's part is ${own}, the service's ${upstream}`);
  assert.ok(own + upstream <= whole + 1e-9, `${own} and ${upstream} are more than ${whole}`);
});

test("tries after the first are counted", async (t) => {
  const service = await startService((_incoming, outgoing) => void outgoing.end());
  const { ask, gateway } = await stageOf(t, [service], {
    routes: [{ name: "all", service: "main" }],
    services: { main: { endpoints: [await nowhere(), service.url] } },
  });
  for (let nth = 0; nth < 4; nth++) assert.equal((await ask(request("GET /"))).status, 200);
  await until("all to be counted", () => requests(gateway, { class: "2xx" }) === 4);
  assert.ok(numberOf(metricsOf(gateway), "torana_upstream_retries_total") >= 1);
});

test("what the wire refuses counts by listener and reason, and is no request of a route", async (t) => {
  const service = await startService((_incoming, outgoing) => void outgoing.end());
  const { connect, gateway } = await stage(t, service);
  for (let nth = 0; nth < 3; nth++) await (await connect()).ask("GET / HTTP/1.1\r\nHost: a b\r\n\r\n");
  assert.equal(requests(gateway, { route: "all" }), 0);
  const families = metricsOf(gateway);
  const refused = families.get("torana_refused_total")!.samples;
  assert.deepEqual(
    refused.map(({ labels, value }) => [labels["listener"], labels["reason"], value]),
    [["test", "host_invalid", 3]],
  );
});

test("a gateway knows what is under way in it", async (t) => {
  const waiting: (() => void)[] = [];
  const service = await startService((_incoming, outgoing) => {
    waiting.push(() => outgoing.end());
  });
  const { connect, gateway } = await stage(t, service);
  const clients = [await connect(), await connect()];
  for (const client of clients) await client.send(request("GET /"));
  await until("both requests to reach the service", () => waiting.length === 2);
  const { inFlight, connections, upstream } = gateway.gateway.reading();
  assert.equal(inFlight, 2);
  assert.deepEqual([...connections], [["test", 2]]);
  assert.deepEqual([...upstream], [["main", 2]]);
  for (const answer of waiting) answer();
  for (const client of clients) await client.response();
  await until("both to be over", () => gateway.gateway.reading().inFlight === 0);
});
