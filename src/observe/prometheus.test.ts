import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { numberOf, parseExposition } from "../../test/support/exposition.ts";
import { type Counted, WorkerMeter } from "./meter.ts";
import { METRICS } from "./metrics.ts";
import { readProcess } from "./process-reading.ts";
import { type GatewayReading, metricsText } from "./prometheus.ts";
import { createSeries } from "./series.ts";
import { SeriesBook } from "./series-book.ts";

const GATEWAY: GatewayReading = {
  version: "1.2.3",
  generation: 7,
  lastReload: 1_700_000_000_500,
  reloads: { ok: 6, refused: 2 },
  heartbeats: [150, undefined],
  workerRestarts: 1,
  userPolicies: { "./policies/tenant.ts": 3 },
  consumers: { consumers: 3, credentials: { key: 4, basic: 1 } },
  certificates: [
    {
      listener: "public",
      certificate: "shop.pem",
      serial: "1f",
      notAfter: 1_900_000_000_000,
      ocspUntil: 1_800_000_000_000,
    },
  ],
  revocations: [{ listener: "public", list: "staff.crl", until: 1_800_000_000_000 }],
  acme: [{ host: "shop.example", obtained: 2, failed: 1 }],
};

const hasPromtool = spawnSync("promtool", ["--version"]).status === 0;

/** One worker of two, with a book that knows what it counts. */
function stand(budget = 100) {
  const series = createSeries({ workers: 2, budget });
  const book = new SeriesBook(series);
  const meter = new WorkerMeter({ series, worker: 0, onNew: (news) => book.learn(news) });
  const text = (): string => metricsText(book.read(), GATEWAY, readProcess());
  return { book, meter, text, read: () => parseExposition(text()) };
}

function routeOf(name: string, serviceName = "main"): Counted["route"] {
  return { name, serviceName, state: { series: -1 } };
}

/** An exchange of 10 ms: 1 ms until it was forwarded, 6 ms of waiting, 1 ms for response steps, 2 ms of sending. */
function over(route: Counted["route"], outcome: Partial<NonNullable<Counted["outcome"]>> = {}): Counted {
  return {
    route,
    outcome: {
      status: 200,
      complete: true,
      bytes: 150,
      reason: undefined,
      duration: 10,
      grpcStatus: undefined,
      ...outcome,
    },
    attempts: 1,
    startedAt: 1_000,
    forwardedAt: 1_001,
    answeredAt: 1_007,
    sentAt: 1_008,
  };
}

/** A gateway that has seen everything. */
function busy(): ReturnType<typeof stand> {
  const all = stand();
  const route = routeOf('odd "name"\\\n');
  for (let i = 0; i < 100; i++) all.meter.record(over(route, { duration: 8 + 0.7 * i }));
  all.meter.record(over(route, { status: 403, reason: "ip_denied" }));
  all.meter.record({ ...over(route, { status: 499, reason: "client_left", complete: false }), attempts: 3 });
  all.meter.record({ ...over(routeOf("(not found)", "")), forwardedAt: 0, answeredAt: 0 });
  for (const grpcStatus of [0, 0, 14]) all.meter.record(over(routeOf("calls", "main"), { grpcStatus }));
  all.meter.refused("public", "request_malformed");
  all.meter.handshake("public", "ok");
  all.meter.passed("db", { service: "main", bytesFromClient: 10, bytesToClient: 20, failure: undefined });
  all.meter.beat({
    inFlight: 2,
    connections: [["public", 9]],
    upstream: [["main", 4]],
    stores: [["shared", 1]],
  });
  return all;
}

test("every metric is well-formed, and all there are are shown", () => {
  const families = busy().read();
  assert.deepEqual(
    [...families.keys()].sort(),
    Object.values(METRICS)
      .map(({ name }) => name)
      .sort(),
  );
  for (const { name, type } of Object.values(METRICS)) assert.equal(families.get(name)!.type, type);
});

test("promtool has nothing against them", { skip: !hasPromtool && "promtool is not installed" }, () => {
  const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], { input: busy().text() });
  assert.equal(`${stdout}${stderr}`, "");
  assert.equal(status, 0);
});

test("connections that are led on byte by byte are counted, and why the gateway ended one", () => {
  const { meter, read } = stand();
  const failure = { code: "tcp_idle" };
  meter.passed("db", { service: "main", bytesFromClient: 10, bytesToClient: 20, failure: undefined });
  meter.passed("db", { service: "main", bytesFromClient: 1, bytesToClient: 2, failure });
  meter.passed("db", { service: "", bytesFromClient: 0, bytesToClient: 0, failure });
  const families = read();
  const labels = { listener: "db", service: "main" };
  assert.equal(numberOf(families, "torana_tcp_connections_total", labels), 2);
  assert.equal(numberOf(families, "torana_tcp_received_bytes_total", labels), 11);
  assert.equal(numberOf(families, "torana_tcp_sent_bytes_total", labels), 22);
  assert.equal(numberOf(families, "torana_refused_total", { listener: "db", reason: "tcp_idle" }), 2);
});

test("a gateway that has seen nothing shows no empty families", () => {
  const families = stand().read();
  assert.equal(families.has(METRICS.requests.name), false);
  assert.equal(numberOf(families, "torana_in_flight_requests"), 0);
  assert.equal(numberOf(families, "torana_config_generation"), 7);
});

test("gRPC calls are counted by the status that clients were told", () => {
  const families = busy().read();
  const count = (grpc_status: string) =>
    numberOf(families, "torana_grpc_requests_total", { route: "calls", service: "main", grpc_status });
  assert.deepEqual([count("0"), count("14")], [2, 1]);
});

test("requests are counted by route, service, class and reason", () => {
  const families = busy().read();
  const route = { route: 'odd "name"\\\n', service: "main" };
  const count = (labels: Record<string, string>) => numberOf(families, "torana_requests_total", labels);
  assert.equal(count({ ...route, class: "2xx", reason: "" }), 100);
  assert.equal(count({ ...route, class: "4xx", reason: "ip_denied" }), 1);
  assert.equal(count({ ...route, class: "left", reason: "client_left" }), 1);
  assert.equal(count({ route: "(not found)", service: "", class: "2xx" }), 1);
  assert.equal(numberOf(families, "torana_response_bytes_total", route), 102 * 150);
  assert.equal(numberOf(families, "torana_upstream_retries_total", route), 2);
  assert.equal(
    numberOf(families, "torana_refused_total", { listener: "public", reason: "request_malformed" }),
    1,
  );
});

test("a duration falls into its parts: the gateway's and the service's", () => {
  const { meter, read } = stand();
  meter.record(over(routeOf("all")));
  const families = read();
  assert.equal(numberOf(families, "torana_request_duration_seconds_sum"), 0.01);
  assert.equal(numberOf(families, "torana_upstream_duration_seconds_sum"), 0.006);
  assert.equal(numberOf(families, "torana_gateway_duration_seconds_sum"), 0.002);
  assert.equal(numberOf(families, "torana_request_duration_seconds_bucket", { le: "0.005" }), 0);
  assert.equal(
    numberOf(families, "torana_request_duration_seconds_bucket", { le: "0.01" }),
    1,
    "a bound is within",
  );
  assert.equal(numberOf(families, "torana_gateway_duration_seconds_bucket", { le: "0.001" }), 0);
  assert.equal(numberOf(families, "torana_gateway_duration_seconds_bucket", { le: "0.0025" }), 1);
});

test("what was never forwarded has no upstream part, what was never answered has waited until its end", () => {
  const { meter, read } = stand();
  meter.record({
    ...over(routeOf("refused"), { duration: 2 }),
    forwardedAt: 0,
    answeredAt: 0,
    sentAt: 1_001,
  });
  meter.record({ ...over(routeOf("left")), answeredAt: 0, sentAt: 0 });
  const families = read();
  assert.equal(numberOf(families, "torana_upstream_duration_seconds_count", { route: "refused" }), 0);
  assert.equal(numberOf(families, "torana_gateway_duration_seconds_sum", { route: "refused" }), 0.001);
  assert.equal(numberOf(families, "torana_upstream_duration_seconds_sum", { route: "left" }), 0.009);
  assert.equal(numberOf(families, "torana_gateway_duration_seconds_sum", { route: "left" }), 0.001);
});

test("a tunnel counts with the time that it took to open, not with its life", () => {
  const { meter, read } = stand();
  meter.record(over(routeOf("chat"), { status: 101, duration: 3_600_000 }));
  assert.equal(numberOf(read(), "torana_request_duration_seconds_sum"), 0.008);
});

test("routes past the budget count as other, with their classes, and nothing is lost", () => {
  const { meter, read } = stand(2);
  const routes = ["a", "b", "c", "d"].map((name) => routeOf(name));
  for (const route of [...routes, ...routes]) meter.record(over(route));
  for (const route of routes) meter.record(over(route, { status: 503, reason: "pool_full" }));
  const families = read();
  const samples = families.get("torana_requests_total")!.samples;
  const shown = samples.map(({ labels, value }) => [...Object.values(labels), value].join(" "));
  assert.deepEqual(shown, [
    "other other 2xx  4",
    "a main 2xx  2",
    "b main 2xx  2",
    "other other 5xx other 4",
  ]);
  assert.equal(numberOf(families, "torana_request_duration_seconds_count", { route: "other" }), 6);
  // c and d, then the reason of a and of b.
  assert.equal(numberOf(families, "torana_series_overflow_total"), 4);
});

test("a route that is gone disappears, and its place is free for another", () => {
  const { book, meter, read } = stand(2);
  const old = routeOf("old");
  meter.record(over(old));
  meter.record(over(old, { status: 503, reason: "pool_full" }));
  book.recycle((route) => route === "old");
  assert.equal(read().has("torana_requests_total"), false);
  assert.equal(read().has("torana_request_duration_seconds"), false);

  const next = routeOf("next");
  meter.record(over(next));
  meter.record(over(next, { status: 503, reason: "pool_full" }));
  const samples = read().get("torana_requests_total")!.samples;
  assert.deepEqual(
    samples.map(({ labels, value }) => [labels["route"], labels["class"], value]),
    [
      ["next", "2xx", 1],
      ["next", "5xx", 1],
    ],
  );
  assert.equal(numberOf(read(), "torana_series_overflow_total"), 0);
});

test("counts of a dead worker stay until its routes are gone", () => {
  const { book, meter, read } = stand();
  meter.record(over(routeOf("all")));
  book.workerGone(0);
  assert.equal(numberOf(read(), "torana_requests_total"), 1);
  book.recycle(() => true);
  assert.equal(numberOf(read(), "torana_requests_total"), 0);
});

test("the page on metrics lists each with its type", () => {
  const page = readFileSync(new URL("../../docs/observe.md", import.meta.url), "utf8");
  const listed = [...page.matchAll(/^\| `([a-z_]+)` \| (counter|gauge|histogram) \|/gm)];
  assert.deepEqual(
    listed.map(([, name, type]) => `${name} ${type}`).sort(),
    Object.values(METRICS)
      .map(({ name, type }) => `${name} ${type}`)
      .sort(),
  );
});
