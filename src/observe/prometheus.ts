import { versions } from "node:process";
import type { CertificateReading, RevocationReading } from "./certificates.ts";
import type { ConsumersReading } from "./consumers.ts";
import { Exposition, type HistogramValues, type Labels, type MetricSpec } from "./exposition.ts";
import { METRICS } from "./metrics.ts";
import {
  BYTES,
  CLASSES,
  GATEWAY,
  type HistogramSpec,
  RETRIES,
  TcpNumber,
  UPSTREAM,
  WHOLE,
  WorkerNumber,
} from "./numbers.ts";
import type { ProcessReading } from "./process-reading.ts";
import type { SeriesReading, SeriesSum } from "./series-book.ts";

/** What became of the orders of one certificate. */
export interface AcmeReading {
  /** Its first host. */
  readonly host: string;
  readonly obtained: number;
  readonly failed: number;
}

/** What the supervisor knows beside the series. */
export interface GatewayReading {
  readonly version: string;
  /** Number of the config that serves. */
  readonly generation: number;
  /** When a config was last put in force, in milliseconds since 1970; undefined before the first. */
  readonly lastReload: number | undefined;
  /** Reloads by result: "ok", "refused" and the like. */
  readonly reloads: Readonly<Record<string, number>>;
  /** Milliseconds since each worker's last sign of life, by its number; undefined for one that does not run. */
  readonly heartbeats: readonly (number | undefined)[];
  readonly workerRestarts: number;
  /** Certificates of listeners; left out: none. */
  readonly certificates?: readonly CertificateReading[];
  /** Revocation lists of listeners; left out: none. */
  readonly revocations?: readonly RevocationReading[];
  /** Orders of certificates by ACME so far, by first host; left out: none. */
  readonly acme?: readonly AcmeReading[];
  /** Consumers of the config that serves; left out: none. */
  readonly consumers?: ConsumersReading;
  /** Versions in memory by a user policy's file. */
  readonly userPolicies: Readonly<Record<string, number>>;
}

/** All metrics as Prometheus reads them. */
export function metricsText(series: SeriesReading, gateway: GatewayReading, process: ProcessReading): string {
  const out = new Exposition();
  writeRoutes(out, series);
  writeWire(out, series);
  writeGateway(out, gateway);
  writeWorkers(out, series, gateway, process);
  writeProcess(out, process);
  out.numbers(METRICS.build, [[{ version: gateway.version, node: versions.node }, 1]]);
  return out.text;
}

type RouteSum = ReturnType<typeof routesOf>[number];

function routesOf(series: SeriesReading) {
  return series.of("route");
}

function writeRoutes(out: Exposition, series: SeriesReading): void {
  const routes = routesOf(series).filter(({ values }) => values.some((value) => value !== 0));
  out.numbers(METRICS.requests, requests(routes, series));
  writeDurations(out, METRICS.duration, routes, WHOLE);
  writeDurations(out, METRICS.gateway, routes, GATEWAY);
  writeDurations(out, METRICS.upstream, routes, UPSTREAM);
  out.numbers(METRICS.responseBytes, routes.map(pick(BYTES)));
  out.numbers(METRICS.retries, routes.map(pick(RETRIES)));
  out.numbers(
    METRICS.grpc,
    series
      .of("grpc")
      .filter(({ values }) => values[0] !== 0)
      .map(({ labels: { route, service, status }, values }) => [
        { route, service, grpc_status: status },
        values[0]!,
      ]),
  );
}

function pick(at: number): (sum: RouteSum) => readonly [Labels, number] {
  return ({ labels: { route, service }, values }) => [{ route, service }, values[at]!];
}

function* requests(routes: readonly RouteSum[], series: SeriesReading): Generator<readonly [Labels, number]> {
  const classes = function* (
    { route, service, reason }: Record<"route" | "service" | "reason", string>,
    sum: SeriesSum,
  ) {
    for (const [i, name] of CLASSES.entries()) {
      const value = sum.values[i]!;
      if (value !== 0) yield [{ route, service, class: name, reason }, value] as const;
    }
  };
  for (const sum of routes) yield* classes({ ...sum.labels, reason: "" }, sum);
  for (const sum of series.of("reason")) yield* classes(sum.labels, sum);
}

function writeDurations(
  out: Exposition,
  metric: MetricSpec,
  routes: readonly RouteSum[],
  spec: HistogramSpec,
): void {
  const { at, bounds } = spec;
  const seconds = [...bounds].map((milliseconds) => milliseconds / 1_000);
  const samples = routes.flatMap(({ labels: { route, service }, values }) => {
    const counts = [...values.subarray(at, at + bounds.length + 1)];
    const sum = values[at + bounds.length + 1]! / 1_000;
    const whole: HistogramValues = { bounds: seconds, counts, sum };
    return counts.some((count) => count > 0) ? [[{ route, service }, whole] as const] : [];
  });
  out.histograms(metric, samples);
}

function writeWire(out: Exposition, series: SeriesReading): void {
  const refusals = series.of("refused").filter(({ values }) => values[0] !== 0);
  out.numbers(
    METRICS.refused,
    refusals.map(({ labels: { listener, reason }, values }) => [{ listener, reason }, values[0]!]),
  );
  out.numbers(
    METRICS.handshakes,
    series
      .of("handshake")
      .filter(({ values }) => values[0] !== 0)
      .map(({ labels: { listener, result }, values }) => [{ listener, result }, values[0]!]),
  );
  writePassed(out, series);
  const inFlight = series.workers.reduce((sum, row) => sum + row[WorkerNumber.inFlight]!, 0);
  out.numbers(METRICS.inFlight, [[{}, inFlight]]);
  out.numbers(
    METRICS.connections,
    series.of("connections").map(({ labels: { listener }, values }) => [{ listener }, values[0]!]),
  );
  out.numbers(
    METRICS.upstreamConnections,
    series.of("upstream").map(({ labels: { service }, values }) => [{ service }, values[0]!]),
  );
  out.numbers(
    METRICS.stores,
    series.of("store").map(({ labels: { store }, values }) => [{ store }, values[0]!]),
  );
  out.numbers(METRICS.overflow, [[{}, series.of("overflow")[0]?.values[0] ?? 0]]);
}

function writePassed(out: Exposition, series: SeriesReading): void {
  const passed = series.of("tcp").filter(({ values }) => values.some((value) => value !== 0));
  const column = (at: number): (readonly [Labels, number])[] =>
    passed.map(({ labels: { listener, service }, values }) => [{ listener, service }, values[at]!]);
  out.numbers(METRICS.tcpConnections, column(TcpNumber.connections));
  out.numbers(METRICS.tcpReceived, column(TcpNumber.fromClients));
  out.numbers(METRICS.tcpSent, column(TcpNumber.toClients));
}

function writeGateway(out: Exposition, gateway: GatewayReading): void {
  out.numbers(METRICS.generation, [[{}, gateway.generation]]);
  out.numbers(
    METRICS.reloads,
    Object.entries(gateway.reloads).map(([result, count]) => [{ result }, count]),
  );
  if (gateway.lastReload !== undefined) out.numbers(METRICS.lastReload, [[{}, gateway.lastReload / 1_000]]);
  writeCertificates(out, gateway.certificates ?? []);
  out.numbers(
    METRICS.revocationsExpiry,
    (gateway.revocations ?? []).map(({ listener, list, until }) => [{ listener, crl: list }, until / 1_000]),
  );
  out.numbers(
    METRICS.acmeOrders,
    (gateway.acme ?? []).flatMap(({ host, obtained, failed }) => [
      [{ host, outcome: "obtained" }, obtained] as const,
      [{ host, outcome: "failed" }, failed] as const,
    ]),
  );
  const { consumers, credentials } = gateway.consumers ?? { consumers: 0, credentials: {} };
  out.numbers(METRICS.consumers, [[{}, consumers]]);
  out.numbers(
    METRICS.credentials,
    Object.entries(credentials).map(([kind, count]) => [{ kind }, count]),
  );
  out.numbers(METRICS.restarts, [[{}, gateway.workerRestarts]]);
  out.numbers(
    METRICS.userPolicies,
    Object.entries(gateway.userPolicies).map(([file, versions]) => [{ file }, versions]),
  );
}

function writeCertificates(out: Exposition, certificates: readonly CertificateReading[]): void {
  const labels = ({ listener, certificate, serial }: CertificateReading): Labels => ({
    listener,
    certificate,
    serial,
  });
  out.numbers(
    METRICS.certificateExpiry,
    certificates.map((one) => [labels(one), one.notAfter / 1_000]),
  );
  out.numbers(
    METRICS.ocspExpiry,
    certificates.flatMap((one) =>
      one.ocspUntil === undefined ? [] : [[labels(one), one.ocspUntil / 1_000] as const],
    ),
  );
}

function writeWorkers(
  out: Exposition,
  { workers }: SeriesReading,
  { heartbeats }: GatewayReading,
  main: ProcessReading,
): void {
  const running = heartbeats.flatMap((age, worker) => (age === undefined ? [] : [{ age, worker }]));
  out.numbers(METRICS.workers, [[{}, running.length]]);
  out.numbers(
    METRICS.heartbeat,
    running.map(({ age, worker }) => [{ worker: String(worker) }, age / 1_000]),
  );
  const each = (at: number, unit = 1): (readonly [Labels, number])[] =>
    running.flatMap(({ worker }) => {
      const row = workers[worker];
      return row === undefined ? [] : [[{ worker: String(worker) }, row[at]! / unit] as const];
    });
  const withMain = (at: number, value: number) => [[{ worker: "main" }, value] as const, ...each(at)];
  out.numbers(METRICS.busy, each(WorkerNumber.busy, 1_000));
  out.numbers(METRICS.workerCpu, each(WorkerNumber.cpu, 1e6));
  out.numbers(METRICS.heapUsed, withMain(WorkerNumber.heapUsed, main.heapUsed));
  out.numbers(METRICS.heapTotal, withMain(WorkerNumber.heapTotal, main.heapTotal));
  out.numbers(METRICS.external, withMain(WorkerNumber.external, main.external));
}

function writeProcess(out: Exposition, reading: ProcessReading): void {
  const one = (spec: MetricSpec, value: number | undefined): void => {
    if (value !== undefined) out.numbers(spec, [[{}, value]]);
  };
  one(METRICS.cpu, reading.cpu);
  one(METRICS.resident, reading.residentBytes);
  one(METRICS.openFds, reading.openFds);
  one(METRICS.maxFds, reading.maxFds);
  one(METRICS.startTime, reading.startTime);
}
