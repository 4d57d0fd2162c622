import { COUNT_WIDTH, ROUTE_WIDTH } from "./numbers.ts";

/** Rows of numbers that one worker writes and the main thread reads. */
export interface SharedRows {
  readonly width: number;
  readonly rows: number;
  /** Float64, row by row. */
  readonly cells: SharedArrayBuffer;
  /** A byte a row: 1 while it stands for something. */
  readonly taken: SharedArrayBuffer;
}

/** What one worker counts in. */
export interface SharedSlice {
  /** A row for each route and service. */
  readonly routes: SharedRows;
  /** A row for each reason, refusal and gauge. */
  readonly counts: SharedRows;
  /** Int32: rows that are taken now. */
  readonly used: SharedArrayBuffer;
}

/** Shared memory of all numbers: a slice a worker, so that an addition needs no lock. Goes to workers as it is. */
export interface SharedSeries {
  /** Rows that a worker takes at most; what is past it counts as "other". */
  readonly budget: number;
  readonly slices: readonly SharedSlice[];
}

/** What a row stands for. */
export type SeriesLabels =
  | { readonly kind: "route"; readonly route: string; readonly service: string }
  | { readonly kind: "reason"; readonly route: string; readonly service: string; readonly reason: string }
  | { readonly kind: "refused"; readonly listener: string; readonly reason: string }
  | { readonly kind: "grpc"; readonly route: string; readonly service: string; readonly status: string }
  | { readonly kind: "handshake"; readonly listener: string; readonly result: string }
  | { readonly kind: "tcp"; readonly listener: string; readonly service: string }
  | { readonly kind: "connections"; readonly listener: string }
  | { readonly kind: "upstream"; readonly service: string }
  | { readonly kind: "store"; readonly store: string }
  | { readonly kind: "worker" }
  | { readonly kind: "overflow" };

/** Word from a worker to the main thread: from now on its row stands for this. */
export interface SeriesNews {
  readonly worker: number;
  readonly row: number;
  readonly labels: SeriesLabels;
  /** It does not any more. */
  readonly gone?: true;
}

/** The name of what is past the budget. */
export const OTHER = "other";

/** Row of the routes past the budget. */
export const OTHER_ROUTES = 0;
/** Row of the reasons past the budget. */
export const OTHER_REASONS = 0;
/** Row of the refusals past the budget. */
export const OTHER_REFUSALS = 1;
/** Row of what a worker says of itself. */
export const WORKER = 2;
/** Row of the gRPC statuses past the budget. */
export const OTHER_GRPC = 4;
/** Row of the results of TLS handshakes past the budget. */
export const OTHER_HANDSHAKES = 5;
/** Row of the connections that are led on byte by byte, past the budget. */
export const OTHER_TCP = 6;
/** Row that counts what found no row. */
export const OVERFLOW = 3;

/** Rows that always stand for the same and do not count against the budget. */
export const FIXED_ROUTES: readonly SeriesLabels[] = [{ kind: "route", route: OTHER, service: OTHER }];
export const FIXED_COUNTS: readonly SeriesLabels[] = [
  { kind: "reason", route: OTHER, service: OTHER, reason: OTHER },
  { kind: "refused", listener: OTHER, reason: OTHER },
  { kind: "worker" },
  { kind: "overflow" },
  { kind: "grpc", route: OTHER, service: OTHER, status: OTHER },
  { kind: "handshake", listener: OTHER, result: OTHER },
  { kind: "tcp", listener: OTHER, service: OTHER },
];

/** Shared memory for so many workers. Pages that nobody writes take no memory. */
export function createSeries(options: { readonly workers: number; readonly budget: number }): SharedSeries {
  const { workers, budget } = options;
  const slices = Array.from({ length: workers }, () => ({
    routes: sharedRows(ROUTE_WIDTH, FIXED_ROUTES.length + budget),
    counts: sharedRows(COUNT_WIDTH, FIXED_COUNTS.length + budget),
    used: new SharedArrayBuffer(4),
  }));
  return { budget, slices };
}

function sharedRows(width: number, rows: number): SharedRows {
  const cells = new SharedArrayBuffer(width * rows * Float64Array.BYTES_PER_ELEMENT);
  return { width, rows, cells, taken: new SharedArrayBuffer(rows) };
}

/** One slice, seen from either side. Its worker takes rows, adds, and frees gauges; the main thread frees counters. */
export class Slice {
  readonly routes: Rows;
  readonly counts: Rows;
  readonly #used: Int32Array;
  readonly #budget: number;

  constructor(series: SharedSeries, worker: number) {
    const slice = series.slices[worker];
    if (slice === undefined) throw new RangeError(`there is no worker ${worker}`);
    this.routes = new Rows(slice.routes, FIXED_ROUTES.length);
    this.counts = new Rows(slice.counts, FIXED_COUNTS.length);
    this.#used = new Int32Array(slice.used);
    this.#budget = series.budget;
  }

  /** The rows where such labels stand. */
  rowsOf({ kind }: SeriesLabels): Rows {
    return kind === "route" ? this.routes : this.counts;
  }

  /** Takes a row of zeros; -1 when the budget is used up. */
  take(labels: SeriesLabels): number {
    if (Atomics.load(this.#used, 0) >= this.#budget) return -1;
    Atomics.add(this.#used, 0, 1);
    return this.rowsOf(labels).take();
  }

  /** Gives a row back, with zeros in it. */
  free(rows: Rows, row: number): void {
    rows.clear(row);
    Atomics.sub(this.#used, 0, 1);
  }

  /** All rows were freed after its worker died, maybe in the middle of taking one. */
  emptied(): void {
    Atomics.store(this.#used, 0, 0);
  }
}

/** Rows of one width. */
export class Rows {
  readonly width: number;
  /** Aligned 64-bit numbers are written and read whole on every platform that Node runs on. */
  readonly cells: Float64Array;
  /** The first row that is not fixed. */
  readonly first: number;
  readonly #taken: Uint8Array;
  #next: number;

  constructor({ width, cells, taken }: SharedRows, first: number) {
    this.width = width;
    this.cells = new Float64Array(cells);
    this.first = first;
    this.#taken = new Uint8Array(taken);
    this.#next = first;
  }

  /** Takes the next free row; there is one, since there are as many as the budget allows. */
  take(): number {
    const taken = this.#taken;
    while (Atomics.load(taken, this.#next) !== 0) this.#advance();
    const row = this.#next;
    Atomics.store(taken, row, 1);
    this.#advance();
    return row;
  }

  #advance(): void {
    this.#next = this.#next + 1 < this.#taken.length ? this.#next + 1 : this.first;
  }

  /** A row goes back to zeros, then to whoever needs one. */
  clear(row: number): void {
    this.zero(row);
    Atomics.store(this.#taken, row, 0);
  }

  zero(row: number): void {
    this.cells.fill(0, row * this.width, (row + 1) * this.width);
  }

  /** A row as it is now, without a copy. */
  read(row: number): Float64Array {
    return this.cells.subarray(row * this.width, (row + 1) * this.width);
  }

  /** Rows that are taken, fixed ones not among them. */
  *taken(): Generator<number> {
    for (const [row, taken] of this.#taken.entries()) if (taken !== 0) yield row;
  }
}
