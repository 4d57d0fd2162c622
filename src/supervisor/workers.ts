import { createSeries, type SharedSeries } from "../observe/series.ts";
import { SeriesBook } from "../observe/series-book.ts";
import { Heartbeat } from "./heartbeat.ts";
import type { ConfigUpdate, RefusedUpdate } from "./protocol.ts";
import { ServingWorker, type WorkerEvents } from "./worker.ts";

/** What the set of workers needs from around it. */
export interface WorkersOptions {
  readonly count: number;
  /** JavaScript heap that each may grow to, in MiB. */
  readonly memory: number;
  /** Rows that each worker's numbers take at most. */
  readonly series: number;
  /** The config's file. */
  readonly file: string;
  readonly log: (line: string) => void;
  /** The config that a replacement starts with: whole, as the others serve it. */
  readonly current: () => ConfigUpdate | undefined;
  /** No worker uses anything older than this generation. */
  readonly left?: (generation: number) => void;
}

/** Waits before a worker is replaced again, in milliseconds: doubled each time, and forgotten after a minute of peace. */
const BACK_OFF = { first: 100, most: 30_000, peace: 60_000 };
/** How long workers have to get a config ready, in milliseconds. */
const PREPARE = 30_000;

/** The workers: started, watched, replaced when they die, all changed together or none. */
export class Workers {
  readonly #options: WorkersOptions;
  readonly #workers: (ServingWorker | undefined)[];
  readonly #left: number[];
  readonly #restarts: { count: number; last: number }[];
  readonly #heartbeat: Heartbeat;
  readonly #series: SharedSeries;
  /** What the workers count. */
  readonly book: SeriesBook;
  #stopping = false;
  /** Replacements so far. */
  restarts = 0;

  constructor(options: WorkersOptions) {
    this.#options = options;
    const { count } = options;
    this.#workers = new Array<ServingWorker | undefined>(count).fill(undefined);
    this.#series = createSeries({ workers: count, budget: options.series });
    this.book = new SeriesBook(this.#series);
    this.#left = new Array<number>(count).fill(0);
    this.#restarts = Array.from({ length: count }, () => ({ count: 0, last: 0 }));
    this.#heartbeat = new Heartbeat(count, {
      late: (index, ms) => options.log(`worker ${index} shows no sign of life for ${ms} ms`),
      dead: (index) => void this.#workers[index]?.terminate("it showed no sign of life"),
    });
    for (let index = 0; index < count; index++) this.#start(index);
  }

  #start(index: number): ServingWorker {
    this.#heartbeat.expect(index);
    const worker = new ServingWorker(
      {
        index,
        beats: this.#heartbeat.beats,
        series: this.#series,
        memory: this.#options.memory,
        file: this.#options.file,
      },
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
        this.#options.left?.(Math.min(...this.#left));
      },
      gone: (worker, why) => this.#replace(worker, why),
    };
  }

  #replace(worker: ServingWorker, why: string): void {
    if (this.#workers[worker.index] !== worker) return;
    this.#workers[worker.index] = undefined;
    this.#heartbeat.forget(worker.index);
    this.book.workerGone(worker.index);
    if (this.#stopping) return;
    const restart = this.#restarts[worker.index]!;
    const now = performance.now();
    restart.count = now - restart.last > BACK_OFF.peace ? 0 : restart.count + 1;
    restart.last = now;
    const wait = Math.min(BACK_OFF.most, BACK_OFF.first * 2 ** restart.count);
    this.#options.log(`worker ${worker.index} is gone (${why}): another starts in ${wait} ms`);
    setTimeout(() => void this.#restart(worker.index), wait);
  }

  async #restart(index: number): Promise<void> {
    if (this.#stopping || this.#workers[index] !== undefined) return;
    this.restarts++;
    const worker = this.#start(index);
    const update = this.#options.current();
    if (update === undefined) return;
    const problem = await worker.prepare(update);
    if (worker.gone) return;
    if (problem !== undefined) {
      await worker.terminate(`it cannot serve: ${problem.message}`);
      return;
    }
    // The config may have changed while it got ready.
    if (this.#options.current()?.generation !== update.generation)
      await worker.terminate("the config changed");
    else {
      worker.commit(update.generation);
      this.#options.log(`worker ${index} serves`);
    }
  }

  get count(): number {
    return this.#workers.length;
  }

  /** The workers that are there. */
  get all(): readonly ServingWorker[] {
    return this.#workers.filter((worker) => worker !== undefined);
  }

  /** Whether a worker shows no sign of life. */
  isLate(index: number): boolean {
    return this.#heartbeat.lateness(index) > 0;
  }

  /** What keeps the workers from being ready, in words; empty when all serve. */
  get troubles(): string[] {
    return this.#workers.flatMap((worker, index) => {
      if (worker?.serving !== true) return [`worker ${index} does not serve yet`];
      const age = this.#heartbeat.lateness(index);
      return age > 0 ? [`worker ${index} shows no sign of life for ${age} ms`] : [];
    });
  }

  /** Milliseconds since each worker's last sign of life. */
  get ages(): readonly (number | undefined)[] {
    return this.#workers.map((worker, index) =>
      worker === undefined ? undefined : this.#heartbeat.age(index),
    );
  }

  /** Puts a config in force in all workers, or in none. Gives what stands against it. */
  async change(update: ConfigUpdate): Promise<RefusedUpdate | undefined> {
    const workers = this.all.filter((worker) => worker.serving || this.#options.current() === undefined);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<RefusedUpdate>((resolve) => {
      timer = setTimeout(
        () => resolve({ problems: undefined, message: "a worker did not get ready in time" }),
        PREPARE,
      );
    });
    const answers = workers.map((worker) => worker.prepare(update));
    const problem = await Promise.race([
      late,
      Promise.all(answers).then((all) => all.find((one) => one !== undefined)),
    ]);
    clearTimeout(timer);
    const living = workers.filter((worker) => !worker.gone);
    const failed =
      problem ?? (living.length === 0 ? { problems: undefined, message: "no worker is left" } : undefined);
    for (const worker of living)
      if (failed === undefined) worker.commit(update.generation);
      else worker.abort(update.generation);
    return failed;
  }

  /** Stops accepting everywhere. */
  async stopAccepting(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.all.map((worker) => worker.stopAccepting()));
  }

  /** Answers what is in flight, at most for `graceMs`; what is left then is cut off. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    this.#heartbeat.stop();
    const all = this.all;
    const ends = all.map((worker) => worker.stop(graceMs));
    const timer = setTimeout(() => {
      for (const worker of all) void worker.terminate("its time to stop is up");
    }, graceMs + 2_000);
    await Promise.all(ends);
    clearTimeout(timer);
  }
}
