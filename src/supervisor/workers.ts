import { setTimeout as sleep } from "node:timers/promises";
import { newTicketSecret } from "../listener/tls/ticket-keys.ts";
import { createSeries, type SharedSeries } from "../observe/series.ts";
import { SeriesBook } from "../observe/series-book.ts";
import type { LimitMemory } from "../stores/limit-memory.ts";
import { BackOff } from "./back-off.ts";
import { Heartbeat } from "./heartbeat.ts";
import type { ConfigUpdate, RefusedUpdate } from "./protocol.ts";
import { Turns } from "./turns.ts";
import { DIED, ServingWorker, type WorkerEvents } from "./worker.ts";
import { WorkerLimits } from "./worker-limits.ts";

/** What the set of workers needs from around it. */
export interface WorkersOptions {
  readonly count: number;
  /** JavaScript heap that each may grow to, in MiB. */
  readonly memory: number;
  /** Rows that each worker's numbers take at most. */
  readonly series: number;
  /** Where limits are counted, for one worker more than there are. */
  readonly limits: LimitMemory;
  /** The config's file. */
  readonly file: string;
  readonly log: (line: string) => void;
  /** The config that a replacement starts with: whole, as the others serve it. */
  readonly current: () => ConfigUpdate | undefined;
  /** Unix sockets of a process that is followed: they are taken from it. */
  readonly follows?: () => readonly string[];
  /** No worker uses anything older than this generation. */
  readonly left?: (generation: number) => void;
  /** A config was refused because no worker was there to take it, and now one is. */
  readonly back?: () => void;
}

/** TLS tickets are made with another secret after so long, in milliseconds: who gets hold of one reads no older sessions. */
const TICKETS = 12 * 3_600_000;
/** How long workers have to get a config ready, in milliseconds. */
const PREPARE = 30_000;
/** A worker that has loaded more versions of one file of users' code is replaced: V8 keeps them all. */
const VERSIONS = 200;
/** Past so many versions it is replaced even if another, replaced before, must end its tunnels for that. */
const VERSIONS_MAX = 400;

const LATE: RefusedUpdate = { problems: undefined, message: "a worker did not get ready in time" };
const NOBODY: RefusedUpdate = { problems: undefined, message: "no worker is left" };

/** The workers: started, watched, replaced when they die, all changed together or none. */
export class Workers {
  readonly #options: WorkersOptions;
  /** By index; one index more than there are workers, for the one that replaces another that still serves. */
  readonly #workers: (ServingWorker | undefined)[];
  /** Indexes of the workers that there should be. */
  readonly #wanted: Set<number>;
  /** The one that has the Unix sockets. */
  #first = 0;
  readonly #left: number[];
  readonly #backOff: BackOff;
  readonly #heartbeat: Heartbeat;
  readonly #series: SharedSeries;
  readonly #limits: WorkerLimits;
  /** What TLS tickets are made with, in all workers. */
  #tickets: Uint8Array = newTicketSecret();
  readonly #rotation: NodeJS.Timeout;
  /** Changes and new workers: one that gets ready while the others change would serve what they have left. */
  readonly #turns = new Turns();
  /** What the workers count. */
  readonly book: SeriesBook;
  /** A config is in force. */
  #accepted = false;
  #stopping = false;
  #renewing = false;
  /** Nobody was there to take the last config. */
  #missed = false;
  /** Replacements of workers that died, so far. */
  restarts = 0;

  constructor(options: WorkersOptions) {
    this.#options = options;
    const { count, log } = options;
    this.#workers = new Array<ServingWorker | undefined>(count + 1).fill(undefined);
    this.#wanted = new Set(Array.from({ length: count }, (_, index) => index));
    this.#series = createSeries({ workers: count + 1, budget: options.series });
    this.book = new SeriesBook(this.#series);
    this.#limits = new WorkerLimits(options.limits, () => Math.max(0, ...this.ages.map((age) => age ?? 0)));
    this.#left = new Array<number>(count + 1).fill(0);
    this.#backOff = new BackOff(count + 1);
    this.#heartbeat = new Heartbeat(count + 1, {
      late: (index, ms) => log(`worker ${index} shows no sign of life for ${ms} ms`),
      dead: (index) => void this.#workers[index]?.terminate("it showed no sign of life"),
    });
    this.#rotation = setInterval(() => this.#rotateTickets(), TICKETS).unref();
    for (const index of this.#wanted) this.#start(index, index === this.#first);
  }

  #rotateTickets(): void {
    this.#tickets = newTicketSecret();
    for (const worker of this.all) worker.rotateTickets(this.#tickets);
  }

  #start(index: number, first: boolean): ServingWorker {
    this.#heartbeat.expect(index);
    this.#left[index] = 0;
    const { memory, file, follows, limits } = this.#options;
    const { beats } = this.#heartbeat;
    const shared = { beats, series: this.#series, limits, tickets: this.#tickets };
    const worker = new ServingWorker(
      { index, first, ...shared, memory, file, follows: follows?.() ?? [] },
      this.#events(),
    );
    this.#workers[index] = worker;
    return worker;
  }

  #events(): WorkerEvents {
    return {
      log: this.#options.log,
      series: (news) => this.book.learn(news),
      left: (worker, generation) => {
        this.#left[worker.index] = generation;
        // What is getting ready may still take over what an older config used.
        if (this.#turns.busy) return;
        this.#options.left?.(Math.min(...this.all.map(({ index }) => this.#left[index]!)));
      },
      gone: (worker, why) => this.#gone(worker, why),
    };
  }

  #gone({ index }: ServingWorker, why: string): void {
    this.#workers[index] = undefined;
    this.#heartbeat.forget(index);
    this.book.workerGone(index);
    this.#limits.workerGone(index);
    if (this.#stopping || !this.#wanted.has(index)) return;
    const wait = this.#backOff.next(index, () => void this.#turns.take(() => this.#restart(index)));
    this.#options.log(`worker ${index} is gone (${why}): another starts in ${wait} ms`);
  }

  async #restart(index: number): Promise<void> {
    if (this.#stopping || !this.#wanted.has(index) || this.#workers[index] !== undefined) return;
    this.restarts++;
    if (!(await this.#bring(index, index === this.#first))) return;
    this.#options.log(`worker ${index} serves`);
    if (!this.#missed) return;
    this.#missed = false;
    this.#options.back?.();
  }

  /** Starts a worker with the config in force; gives whether it serves. To be called in a turn. */
  async #bring(index: number, first: boolean): Promise<boolean> {
    const update = this.#options.current();
    if (update === undefined) return false;
    const worker = this.#start(index, first);
    const [refused] = await withinLimit([worker.prepare(update)]);
    if (refused === undefined && !worker.gone) {
      worker.commit(update.generation);
      return true;
    }
    if (refused !== undefined && refused !== DIED)
      await worker.terminate(`it cannot serve: ${refused.message}`);
    return false;
  }

  get count(): number {
    return this.#wanted.size;
  }

  /** The workers that are there, also one that answers what it has before it ends. */
  get all(): readonly ServingWorker[] {
    return this.#workers.filter((worker) => worker !== undefined);
  }

  /** Indexes of the workers that there should be, in their order. */
  get indexes(): readonly number[] {
    return [...this.#wanted].sort((a, b) => a - b);
  }

  /** Whether a worker shows no sign of life. */
  isLate(index: number): boolean {
    return this.#heartbeat.lateness(index) > 0;
  }

  /** What keeps the workers from being ready, in words; empty when all serve. */
  get troubles(): string[] {
    return this.indexes.flatMap((index) => {
      if (this.#workers[index]?.serving !== true) return [`worker ${index} does not serve yet`];
      const age = this.#heartbeat.lateness(index);
      return age > 0 ? [`worker ${index} shows no sign of life for ${age} ms`] : [];
    });
  }

  /** Milliseconds since each worker's last sign of life, by index. */
  get ages(): readonly (number | undefined)[] {
    return this.#workers.map((worker, index) =>
      worker === undefined ? undefined : this.#heartbeat.age(index),
    );
  }

  /**
   * Puts a config in force in all workers, or in none. `accept` is called when all are ready, before any of them serves
   * it. Gives what stands against it.
   */
  change(update: ConfigUpdate, accept: () => void): Promise<RefusedUpdate | undefined> {
    return this.#turns.take(async () => {
      const first = await this.#try(update, accept);
      // One that died may have died of a request: the others show whether it was the config.
      const refused = first === DIED ? await this.#try(update, accept) : first;
      this.#missed = refused === NOBODY;
      return refused;
    });
  }

  async #try(update: ConfigUpdate, accept: () => void): Promise<RefusedUpdate | undefined> {
    const first = !this.#accepted;
    const workers = this.all.filter(
      ({ index, serving, retired }) =>
        (serving || first) && (this.#wanted.has(index) || retired) && !this.#stopping,
    );
    const answers = await withinLimit(workers.map((worker) => worker.prepare(update)));
    const living = workers.filter((worker) => !worker.gone);
    const refused =
      answers.find((one) => one !== undefined && one !== DIED) ??
      (living.length === 0 ? NOBODY : answers.find((one) => one !== undefined));
    if (refused === undefined) {
      accept();
      this.#accepted = true;
    }
    for (const worker of living)
      if (refused === undefined) worker.commit(update.generation);
      else worker.abort(update.generation);
    return refused;
  }

  /** Replaces workers that hold too many versions of users' code: one after the other, and none before its successor serves. */
  async renew(graceMs: number): Promise<void> {
    if (this.#renewing) return;
    this.#renewing = true;
    try {
      for (const index of this.indexes) await this.#renewIfFull(index, graceMs);
    } finally {
      this.#renewing = false;
    }
  }

  async #renewIfFull(index: number, graceMs: number): Promise<void> {
    const old = this.#workers[index];
    const counts = await old?.ask<Record<string, number>>({ kind: "user-policies" }).catch(() => undefined);
    const most = Math.max(0, ...Object.values(counts ?? {}));
    if (most <= VERSIONS) return;
    const spare = this.#workers.findIndex((_, at) => !this.#wanted.has(at));
    // One that stays for its tunnels has the place; where too much gathers meanwhile, they are told to go.
    const retired = this.#workers[spare];
    if (retired?.retired === true && most > VERSIONS_MAX) await this.#end(retired, graceMs);
    const end = await this.#turns.take(() => this.#succeed(index, spare, graceMs));
    if (end === undefined) return;
    this.#options.log(
      `worker ${spare} serves for worker ${index}, which had loaded ${most} versions of a policy`,
    );
    await Promise.race([end.gone, sleep(graceMs, undefined, { ref: false })]);
  }

  /** Brings a worker into the place of one that serves, which from then on accepts nothing more. */
  async #succeed(
    index: number,
    successor: number,
    graceMs: number,
  ): Promise<{ readonly gone: Promise<void> } | undefined> {
    const first = index === this.#first;
    const old = this.#workers[index];
    if (this.#stopping || this.#workers[successor] !== undefined || old?.serving !== true) return undefined;
    if (!(await this.#bring(successor, first))) return undefined;
    this.#wanted.delete(index);
    this.#wanted.add(successor);
    if (first) this.#first = successor;
    // Within the turn: no change comes before it has stopped, so that no client meets what is out of force.
    await old.stopAccepting();
    return { gone: old.retire(graceMs) };
  }

  /** Stops accepting everywhere. */
  async stopAccepting(): Promise<void> {
    this.#stopping = true;
    this.#backOff.stop();
    await Promise.all(this.all.map((worker) => worker.stopAccepting()));
  }

  /** Answers what is in flight, at most for `graceMs`; what is left then is cut off. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    clearInterval(this.#rotation);
    this.#backOff.stop();
    await Promise.all(this.all.map((worker) => this.#end(worker, graceMs)));
    this.#limits.stop();
    this.#heartbeat.stop();
  }

  async #end(worker: ServingWorker, graceMs: number): Promise<void> {
    const timer = setTimeout(() => void worker.terminate("its time to stop is up"), graceMs + 2_000);
    await worker.stop(graceMs);
    clearTimeout(timer);
  }
}

/** The answers of all, or that they are late. */
async function withinLimit(
  answers: readonly Promise<RefusedUpdate | undefined>[],
): Promise<readonly (RefusedUpdate | undefined)[]> {
  const late = Promise.withResolvers<[RefusedUpdate]>();
  const timer = setTimeout(() => late.resolve([LATE]), PREPARE);
  const result = await Promise.race([late.promise, Promise.all(answers)]);
  clearTimeout(timer);
  return result;
}
