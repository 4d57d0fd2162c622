import { getHeapStatistics } from "node:v8";
import type { TcpRecord } from "../http/tcp-contract.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import type { Meter } from "../pipeline/ports.ts";
import type { Route } from "../pipeline/route.ts";
import {
  BYTES,
  COUNT_WIDTH,
  classOf,
  GATEWAY,
  observe,
  RETRIES,
  ROUTE_WIDTH,
  TcpNumber,
  UPSTREAM,
  WHOLE,
  WorkerNumber,
} from "./numbers.ts";
import {
  OTHER_GRPC,
  OTHER_HANDSHAKES,
  OTHER_REASONS,
  OTHER_REFUSALS,
  OTHER_ROUTES,
  OTHER_TCP,
  OVERFLOW,
  type SeriesLabels,
  type SeriesNews,
  type SharedSeries,
  Slice,
  WORKER,
} from "./series.ts";

/** What a worker's meter needs. */
export interface WorkerMeterOptions {
  readonly series: SharedSeries;
  /** Number of its slice, from 0. */
  readonly worker: number;
  /** Takes word of each new row, for the main thread's SeriesBook; plain data, fit for postMessage. */
  readonly onNew: (news: SeriesNews) => void;
}

/** What a worker knows of itself at one moment. */
export interface WorkerReading {
  /** Exchanges that are not over. */
  readonly inFlight: number;
  /** Open connections by listener. */
  readonly connections: Iterable<readonly [string, number]>;
  /** Open connections to services, by service. */
  readonly upstream: Iterable<readonly [string, number]>;
  /** 1 for a store that limits can be counted in now, 0 for one that is down. */
  readonly stores?: Iterable<readonly [string, number]>;
}

/** What is counted of an exchange that is over. */
export interface Counted
  extends Pick<Exchange, "outcome" | "attempts" | "startedAt" | "forwardedAt" | "answeredAt" | "sentAt"> {
  readonly route: CountedRoute;
}

/** What is counted of a connection that was led on byte by byte. */
export interface Passed extends Pick<TcpRecord, "service" | "bytesFromClient" | "bytesToClient"> {
  readonly failure: { readonly code: string } | undefined;
}

type CountedRoute = Pick<Route, "name" | "serviceName" | "state">;

/** Counts what one worker does, in its own slice of the shared memory: a request costs a handful of additions. */
export class WorkerMeter implements Meter {
  readonly #worker: number;
  readonly #onNew: (news: SeriesNews) => void;
  readonly #slice: Slice;
  readonly #routes: Float64Array;
  readonly #counts: Float64Array;
  /** Rows of reasons, by the row of their route. */
  readonly #reasons: (Map<string, number> | undefined)[] = [];
  /** Rows of gRPC statuses, by the row of their route. */
  readonly #grpc: (Map<number, number> | undefined)[] = [];
  readonly #refusals = new Map<string, number>();
  readonly #passed = new Map<string, number>();
  readonly #handshakes = new Map<string, number>();
  readonly #gauges = new Map<string, { readonly row: number; readonly labels: SeriesLabels }>();

  constructor({ series, worker, onNew }: WorkerMeterOptions) {
    this.#worker = worker;
    this.#onNew = onNew;
    this.#slice = new Slice(series, worker);
    this.#routes = this.#slice.routes.cells;
    this.#counts = this.#slice.counts.cells;
  }

  record(x: Counted): void {
    const { status, bytes, reason, duration, grpcStatus } = x.outcome!;
    const { route, startedAt, forwardedAt, answeredAt } = x;
    const { state } = route;
    if (state.series === -1) state.series = this.#begin(route);
    const base = state.series;
    const cells = this.#routes;
    if (reason === undefined) cells[base + classOf(status)]! += 1;
    else this.#countReason(base, route, reason, status);
    if (grpcStatus !== undefined) this.#countGrpc(base, route, grpcStatus);
    cells[base + BYTES]! += bytes;
    if (x.attempts > 1) cells[base + RETRIES]! += x.attempts - 1;

    const untilHead = x.sentAt === 0 ? duration : x.sentAt - startedAt;
    // A tunnel lives for hours: what counts is how long it took to open.
    observe(cells, base, WHOLE, status === 101 ? untilHead : duration);
    if (forwardedAt === 0) {
      observe(cells, base, GATEWAY, untilHead);
      return;
    }
    const before = forwardedAt - startedAt;
    const upstream = answeredAt === 0 ? untilHead - before : answeredAt - forwardedAt;
    observe(cells, base, GATEWAY, untilHead - upstream);
    observe(cells, base, UPSTREAM, upstream);
  }

  #begin({ name, serviceName }: CountedRoute): number {
    const row = this.#take({ kind: "route", route: name, service: serviceName }, OTHER_ROUTES);
    if (row !== OTHER_ROUTES) {
      this.#reasons[row] = undefined;
      this.#grpc[row] = undefined;
    }
    return row * ROUTE_WIDTH;
  }

  #countReason(base: number, route: CountedRoute, reason: string, status: number): void {
    const ofRoute = base / ROUTE_WIDTH;
    let rows = this.#reasons[ofRoute];
    if (rows === undefined) {
      rows = new Map();
      this.#reasons[ofRoute] = rows;
    }
    let row = rows.get(reason);
    if (row === undefined) {
      row = ofRoute === OTHER_ROUTES ? OTHER_REASONS : this.#takeReason(route, reason);
      rows.set(reason, row);
    }
    this.#counts[row * COUNT_WIDTH + classOf(status)]! += 1;
  }

  #takeReason({ name, serviceName }: CountedRoute, reason: string): number {
    return this.#take({ kind: "reason", route: name, service: serviceName, reason }, OTHER_REASONS);
  }

  #countGrpc(base: number, { name, serviceName }: CountedRoute, grpcStatus: number): void {
    const ofRoute = base / ROUTE_WIDTH;
    this.#grpc[ofRoute] ??= new Map();
    const rows = this.#grpc[ofRoute];
    let row = rows.get(grpcStatus);
    if (row === undefined) {
      const labels = { route: name, service: serviceName, status: String(grpcStatus) };
      row = ofRoute === OTHER_ROUTES ? OTHER_GRPC : this.#take({ kind: "grpc", ...labels }, OTHER_GRPC);
      rows.set(grpcStatus, row);
    }
    this.#counts[row * COUNT_WIDTH]! += 1;
  }

  /** A row for these labels; where there is none left, the one for the others. */
  #take(labels: SeriesLabels, other: number): number {
    const row = this.#slice.take(labels);
    if (row === -1) {
      this.#counts[OVERFLOW * COUNT_WIDTH]! += 1;
      return other;
    }
    this.#onNew({ worker: this.#worker, row, labels });
    return row;
  }

  /** Counts a request that the wire refused. */
  refused(listener: string, reason: string): void {
    const key = `${listener}\0${reason}`;
    let row = this.#refusals.get(key);
    if (row === undefined) {
      row = this.#take({ kind: "refused", listener, reason }, OTHER_REFUSALS);
      this.#refusals.set(key, row);
    }
    this.#counts[row * COUNT_WIDTH]! += 1;
  }

  /** Counts how a TLS handshake ended: "ok", or why it failed. */
  handshake(listener: string, result: string): void {
    const key = `${listener}\0${result}`;
    let row = this.#handshakes.get(key);
    if (row === undefined) {
      row = this.#take({ kind: "handshake", listener, result }, OTHER_HANDSHAKES);
      this.#handshakes.set(key, row);
    }
    this.#counts[row * COUNT_WIDTH]! += 1;
  }

  /** Counts a connection that was led on byte by byte; where the gateway ended it, by its reason too. */
  passed(listener: string, { service, bytesFromClient, bytesToClient, failure }: Passed): void {
    if (failure !== undefined) this.refused(listener, failure.code);
    if (service === "") return;
    const key = `${listener}\0${service}`;
    let row = this.#passed.get(key);
    if (row === undefined) {
      row = this.#take({ kind: "tcp", listener, service }, OTHER_TCP);
      this.#passed.set(key, row);
    }
    const base = row * COUNT_WIDTH;
    this.#counts[base + TcpNumber.connections]! += 1;
    this.#counts[base + TcpNumber.fromClients]! += bytesFromClient;
    this.#counts[base + TcpNumber.toClients]! += bytesToClient;
  }

  /** Notes how things stand; meant to be called with each beat of the worker's heart. */
  beat({ inFlight, connections, upstream, stores = [] }: WorkerReading): void {
    const heap = getHeapStatistics();
    const { user, system } = process.threadCpuUsage();
    const row = this.#slice.counts.read(WORKER);
    row[WorkerNumber.inFlight] = inFlight;
    row[WorkerNumber.heapUsed] = heap.used_heap_size;
    row[WorkerNumber.heapTotal] = heap.total_heap_size;
    row[WorkerNumber.external] = heap.external_memory;
    row[WorkerNumber.busy] = performance.eventLoopUtilization().active;
    row[WorkerNumber.cpu] = user + system;
    const seen = new Set<string>();
    for (const [listener, value] of connections) this.#set({ kind: "connections", listener }, value, seen);
    for (const [service, value] of upstream) this.#set({ kind: "upstream", service }, value, seen);
    for (const [store, value] of stores) this.#set({ kind: "store", store }, value, seen);
    for (const [key, { row, labels }] of this.#gauges) {
      if (seen.has(key)) continue;
      this.#gauges.delete(key);
      this.#onNew({ worker: this.#worker, row, labels, gone: true });
      this.#slice.free(this.#slice.counts, row);
    }
  }

  /** Sets a gauge; without a row for it nothing is shown, since gauges of different things make no sum. */
  #set(labels: SeriesLabels, value: number, seen: Set<string>): void {
    const key = JSON.stringify(labels);
    let gauge = this.#gauges.get(key);
    if (gauge === undefined) {
      const row = this.#slice.take(labels);
      if (row === -1) return;
      this.#onNew({ worker: this.#worker, row, labels });
      gauge = { row, labels };
      this.#gauges.set(key, gauge);
    }
    seen.add(key);
    this.#counts[gauge.row * COUNT_WIDTH] = value;
  }
}
