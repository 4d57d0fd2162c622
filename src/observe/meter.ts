import { getHeapStatistics } from "node:v8";
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
  UPSTREAM,
  WHOLE,
  WorkerNumber,
} from "./numbers.ts";
import {
  OTHER_REASONS,
  OTHER_REFUSALS,
  OTHER_ROUTES,
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
}

/** What is counted of an exchange that is over. */
export interface Counted
  extends Pick<Exchange, "outcome" | "attempts" | "startedAt" | "forwardedAt" | "answeredAt" | "sentAt"> {
  readonly route: CountedRoute;
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
  readonly #refusals = new Map<string, number>();
  readonly #gauges = new Map<string, { readonly row: number; readonly labels: SeriesLabels }>();

  constructor({ series, worker, onNew }: WorkerMeterOptions) {
    this.#worker = worker;
    this.#onNew = onNew;
    this.#slice = new Slice(series, worker);
    this.#routes = this.#slice.routes.cells;
    this.#counts = this.#slice.counts.cells;
  }

  record(x: Counted): void {
    const { status, bytes, reason, duration } = x.outcome!;
    const { route, startedAt, forwardedAt, answeredAt } = x;
    const { state } = route;
    if (state.series === -1) state.series = this.#begin(route);
    const base = state.series;
    const cells = this.#routes;
    if (reason === undefined) cells[base + classOf(status)]! += 1;
    else this.#countReason(base, route, reason, status);
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
    if (row !== OTHER_ROUTES) this.#reasons[row] = undefined;
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

  /** Notes how things stand; meant to be called with each beat of the worker's heart. */
  beat({ inFlight, connections, upstream }: WorkerReading): void {
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
