/**
 * Open-loop load: requests are due at fixed times whatever the answers do, and latency counts from the due time
 * (no coordinated omission). It never sleeps, since timers of one millisecond would hide what is measured; the
 * harness runs it in the scheduler's idle class, so that the upstream on the same core always goes first.
 */
import { Histogram } from "../lib/histogram.ts";
import type { OpenLoopJob, OpenLoopResult } from "../lib/open-loop.ts";
import { Connection } from "./open-loop-connection.ts";

const GRACE_MS = 5_000;

class OpenLoop {
  readonly #job: OpenLoopJob;
  readonly #request: Buffer;
  readonly #latency = new Histogram();
  readonly #lateness = new Histogram();
  readonly #connections: Connection[] = [];
  /** Connections that wait for a request: the one that waited longest goes first, so that all are used. */
  readonly #free: Connection[] = [];
  /** Due times of requests for which no connection was free. */
  readonly #backlog: number[] = [];
  readonly #problems = new Map<string, number>();
  readonly #done: (result: OpenLoopResult) => void;
  #start = 0;
  #next = 0;
  #inFlight = 0;
  #mostInFlight = 0;
  #stopped = false;

  constructor(job: OpenLoopJob, done: (result: OpenLoopResult) => void) {
    this.#job = job;
    this.#request = Buffer.from(job.request, "latin1");
    this.#done = done;
    const events = {
      ready: (connection: Connection) => this.#ready(connection),
      answered: (connection: Connection, status: number) => this.#answered(connection, status),
      failed: (connection: Connection, problem: string) => this.#failed(connection, problem),
    };
    for (let index = 0; index < job.connections; index += 1)
      this.#connections.push(new Connection(job.port, "127.0.0.1", events));
    for (const connection of this.#connections) connection.open();
  }

  #ready(connection: Connection): void {
    if (this.#backlog.length > 0) {
      this.#send(connection, this.#backlog.shift()!);
      return;
    }
    this.#free.push(connection);
    if (this.#start === 0 && this.#free.length === this.#connections.length) this.#begin();
  }

  #begin(): void {
    this.#start = performance.now() + 20;
    this.#turn();
  }

  readonly #turn = (): void => {
    const { rate, warmUpSeconds, seconds } = this.#job;
    const total = rate * (warmUpSeconds + seconds);
    const now = performance.now();
    for (; this.#next < total; this.#next += 1) {
      const due = this.#start + (this.#next * 1_000) / rate;
      if (due > now) break;
      if (this.#counts(due)) this.#lateness.record((now - due) * 1_000);
      const connection = this.#free.shift();
      if (connection) this.#send(connection, due);
      else this.#backlog.push(due);
    }
    const over = this.#next >= total && this.#inFlight === 0 && this.#backlog.length === 0;
    const late = now > this.#start + (total / rate) * 1_000 + GRACE_MS;
    if (over || late) this.#finish();
    else setImmediate(this.#turn);
  };

  #counts(due: number): boolean {
    return due >= this.#start + this.#job.warmUpSeconds * 1_000;
  }

  #send(connection: Connection, due: number): void {
    this.#inFlight += 1;
    this.#mostInFlight = Math.max(this.#mostInFlight, this.#inFlight);
    connection.send(this.#request, due);
  }

  #answered(connection: Connection, status: number): void {
    this.#inFlight -= 1;
    if (status !== 200) this.#note(`status ${status}`);
    else if (this.#counts(connection.due)) this.#latency.record((performance.now() - connection.due) * 1_000);
  }

  #failed(connection: Connection, problem: string): void {
    if (this.#start === 0) throw new Error(`cannot connect to port ${this.#job.port}: ${problem}`);
    this.#inFlight -= 1;
    this.#note(problem);
    if (!this.#stopped) connection.open();
  }

  #note(problem: string): void {
    this.#problems.set(problem, (this.#problems.get(problem) ?? 0) + 1);
  }

  #finish(): void {
    this.#stopped = true;
    const unanswered = this.#inFlight + this.#backlog.length;
    if (unanswered > 0) this.#problems.set(`no answer within ${GRACE_MS} ms after the end`, unanswered);
    for (const connection of this.#connections) connection.close();
    const at = (histogram: Histogram, share: number): number => histogram.quantile(share);
    this.#done({
      requests: this.#latency.total,
      p50: at(this.#latency, 0.5),
      p90: at(this.#latency, 0.9),
      p99: at(this.#latency, 0.99),
      p999: at(this.#latency, 0.999),
      max: this.#latency.max,
      lateP50: at(this.#lateness, 0.5),
      lateP99: at(this.#lateness, 0.99),
      lateMax: this.#lateness.max,
      mostInFlight: this.#mostInFlight,
      reconnects: this.#connections.reduce((sum, { reconnects }) => sum + reconnects, 0),
      problems: Object.fromEntries(this.#problems),
    });
  }
}

process.on("message", (job) => {
  new OpenLoop(job as OpenLoopJob, (result) => process.send?.(result));
});
process.on("disconnect", () => process.exit(0));
process.send?.("ready");
