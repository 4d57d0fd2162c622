/** Where each number of a row stands. */

/** Status classes in the order of their numbers; "left" is a client that went before the answer was complete (499). */
export const CLASSES = ["1xx", "2xx", "3xx", "4xx", "5xx", "left"] as const;

/** A status class, or "left". */
export type StatusClass = (typeof CLASSES)[number];

/** The place of a status in CLASSES. */
export function classOf(status: number): number {
  if (status === 499) return 5;
  if (status < 200) return 0;
  return status < 600 ? ((status / 100) | 0) - 1 : 4;
}

/** A histogram: a number for each bound and one for what is above the last, then their sum in milliseconds. */
export interface HistogramSpec {
  readonly at: number;
  /** Upper bounds in milliseconds. */
  readonly bounds: Float64Array;
}

const LONG = Float64Array.of(
  ...[0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000],
);
const SHORT = Float64Array.of(...[0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 1_000]);

/** In a route's row: answers without a reason stand at 0 to 5, by class. */
export const BYTES: number = CLASSES.length;
/** In a route's row: tries after the first. */
export const RETRIES: number = BYTES + 1;
/** In a route's row: from the request's head to the end of the answer. */
export const WHOLE: HistogramSpec = { at: RETRIES + 1, bounds: LONG };
/** In a route's row: the gateway's own part of the time until the answer's head was sent. */
export const GATEWAY: HistogramSpec = { at: endOf(WHOLE), bounds: SHORT };
/** In a route's row: from handing the request on to the head of the service's answer. */
export const UPSTREAM: HistogramSpec = { at: endOf(GATEWAY), bounds: LONG };

/** Numbers in the row of a route and service. */
export const ROUTE_WIDTH: number = endOf(UPSTREAM);
/** Numbers in a row of counts: one a class, or those of WorkerNumber. */
export const COUNT_WIDTH: number = CLASSES.length;

/** What is counted of connections that are led on byte by byte, by its place in their row. */
export const TcpNumber = { connections: 0, fromClients: 1, toClients: 2 } as const;

/** What a worker says of itself, by its place in its row. */
export const WorkerNumber = {
  inFlight: 0,
  heapUsed: 1,
  heapTotal: 2,
  external: 3,
  /** Milliseconds that its event loop was at work. */
  busy: 4,
  /** Microseconds of processor time. */
  cpu: 5,
} as const;

function endOf({ at, bounds }: HistogramSpec): number {
  return at + bounds.length + 2;
}

/** Adds one duration in milliseconds to a histogram of the row that begins at `base`. */
export function observe(cells: Float64Array, base: number, spec: HistogramSpec, duration: number): void {
  const { bounds } = spec;
  const { length } = bounds;
  const at = base + spec.at;
  let bucket = 0;
  while (bucket < length && duration > bounds[bucket]!) bucket++;
  cells[at + bucket]! += 1;
  cells[at + length + 1]! += duration;
}
