import {
  FIXED_COUNTS,
  FIXED_ROUTES,
  OTHER_REASONS,
  OTHER_ROUTES,
  type Rows,
  type SeriesLabels,
  type SeriesNews,
  type SharedSeries,
  Slice,
  WORKER,
} from "./series.ts";

/** One series as read: the sum over all workers. */
export interface SeriesSum<Labels extends SeriesLabels = SeriesLabels> {
  readonly labels: Labels;
  /** Numbers in the order of the row. */
  readonly values: Float64Array;
}

/** All numbers at one moment. */
export interface SeriesReading {
  /** By kind, each in the order in which it first counted. */
  of<Kind extends SeriesLabels["kind"]>(
    kind: Kind,
  ): readonly SeriesSum<Extract<SeriesLabels, { kind: Kind }>>[];
  /** What each worker says of itself, by its number; zeros for one that is gone. */
  readonly workers: readonly Float64Array[];
}

/** What one worker's rows stand for. */
interface Page {
  readonly slice: Slice;
  readonly routes: Map<number, SeriesLabels>;
  readonly counts: Map<number, SeriesLabels>;
}

/** The main thread's side of the numbers: knows what each row stands for, reads them all, frees those that are done. */
export class SeriesBook {
  readonly #pages: readonly Page[];
  /** Counts of workers that are gone. */
  readonly #kept = new Map<string, SeriesSum>();

  constructor(series: SharedSeries) {
    this.#pages = series.slices.map((_, worker) => ({
      slice: new Slice(series, worker),
      routes: new Map(FIXED_ROUTES.entries()),
      counts: new Map(FIXED_COUNTS.entries()),
    }));
  }

  /** Takes a worker's word on one of its rows. */
  learn({ worker, row, labels, gone }: SeriesNews): void {
    const { routes, counts } = this.#pages[worker]!;
    const known = labels.kind === "route" ? routes : counts;
    if (gone === true) known.delete(row);
    else known.set(row, labels);
  }

  /** All numbers now. */
  read(): SeriesReading {
    const sums = new Map<string, SeriesSum>();
    for (const { labels, values } of this.#kept.values()) addTo(sums, labels, values);
    for (const { slice, routes, counts } of this.#pages) {
      for (const [row, labels] of routes) addTo(sums, labels, slice.routes.read(row));
      for (const [row, labels] of counts) addTo(sums, labels, slice.counts.read(row));
    }
    const byKind = Map.groupBy(sums.values(), ({ labels }) => labels.kind);
    return {
      of: (kind) => (byKind.get(kind) ?? []) as never,
      workers: this.#pages.map(({ slice }) => slice.counts.read(WORKER).slice()),
    };
  }

  /** Open connections from clients, by worker. */
  connections(): number[] {
    return this.#pages.map(({ slice, counts }) =>
      [...counts].reduce(
        (sum, [row, { kind }]) => (kind === "connections" ? sum + slice.counts.read(row)[0]! : sum),
        0,
      ),
    );
  }

  /**
   * Forgets the series of routes that are gone and frees their rows. To be called when no worker holds a snapshot with
   * them any more: whoever still counted in such a row would count for its next owner. Routes of the gateway's own, whose
   * names stand in parentheses, and "other" are not asked about.
   */
  recycle(isGone: (route: string, service: string) => boolean): void {
    const done = (labels: SeriesLabels): boolean =>
      "route" in labels && !labels.route.startsWith("(") && isGone(labels.route, labels.service);
    for (const { slice, routes, counts } of this.#pages) {
      free(slice, slice.routes, routes, done);
      free(slice, slice.counts, counts, done);
    }
    for (const [key, { labels }] of this.#kept) if (done(labels)) this.#kept.delete(key);
  }

  /** A worker's thread has ended: its counts stay, its gauges are zero, and its slice is fit for the next worker. */
  workerGone(worker: number): void {
    const { slice, routes, counts } = this.#pages[worker]!;
    this.#keep(slice, slice.routes, routes, OTHER_ROUTES);
    this.#keep(slice, slice.counts, counts, OTHER_REASONS);
    slice.emptied();
  }

  #keep(slice: Slice, rows: Rows, known: Map<number, SeriesLabels>, other: number): void {
    const keep = (labels: SeriesLabels, row: number): void => {
      if (!isGauge(labels)) addTo(this.#kept, labels, rows.read(row));
    };
    for (let row = 0; row < rows.first; row++) {
      keep(known.get(row)!, row);
      rows.zero(row);
    }
    for (const row of rows.taken()) {
      // Word of what it stands for can be lost with its worker: what was counted still counts.
      keep(known.get(row) ?? known.get(other)!, row);
      known.delete(row);
      slice.free(rows, row);
    }
  }
}

/** Frees the rows, fixed ones aside, whose labels are done. */
function free(
  slice: Slice,
  rows: Rows,
  known: Map<number, SeriesLabels>,
  done: (labels: SeriesLabels) => boolean,
): void {
  for (const [row, labels] of known) {
    if (row < rows.first || !done(labels)) continue;
    known.delete(row);
    slice.free(rows, row);
  }
}

function isGauge({ kind }: SeriesLabels): boolean {
  return kind === "connections" || kind === "upstream" || kind === "store" || kind === "worker";
}

function addTo(sums: Map<string, SeriesSum>, labels: SeriesLabels, values: Float64Array): void {
  const key = Object.values(labels).join("\0");
  const sum = sums.get(key);
  if (sum === undefined) sums.set(key, { labels, values: values.slice() });
  else for (let i = 0; i < values.length; i++) sum.values[i]! += values[i]!;
}
