import assert from "node:assert/strict";
import { test } from "node:test";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { WorkerMeter } from "./meter.ts";
import { createSeries, type SeriesNews, type SharedSeries } from "./series.ts";
import { SeriesBook } from "./series-book.ts";

interface Task {
  readonly series: SharedSeries;
  readonly worker: number;
  readonly times: number;
}

/** The body of the worker threads that the tests start. */
function work({ series, worker, times }: Task): void {
  const meter = new WorkerMeter({ series, worker, onNew: (news) => parentPort!.postMessage(news) });
  for (let i = 0; i < times; i++) meter.refused("public", i % 2 === 0 ? "even" : "odd");
}

/** Runs a worker to its end. */
function counting(book: SeriesBook, task: Task): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const thread = new Worker(new URL(import.meta.url), { workerData: task });
  thread.on("message", (news: SeriesNews) => book.learn(news));
  thread.on("error", reject);
  thread.on("exit", () => resolve());
  return promise;
}

/** A meter of one slice in this thread. */
function meterOf(series: SharedSeries, book: SeriesBook, worker = 0): WorkerMeter {
  return new WorkerMeter({ series, worker, onNew: (news) => book.learn(news) });
}

/** What was refused: `listener reason` and the number of times. */
function refusals(book: SeriesBook): Record<string, number> {
  const sums = book.read().of("refused");
  const shown = sums.map(
    ({ labels, values }) => [`${labels.listener} ${labels.reason}`, values[0]!] as const,
  );
  return Object.fromEntries(shown.filter(([, count]) => count > 0));
}

function overflow(book: SeriesBook): number {
  return book.read().of("overflow")[0]!.values[0]!;
}

const NOTHING = { inFlight: 0, connections: [], upstream: [] };

function inMainThread(): void {
  test("two threads that count at once lose nothing", async () => {
    const series = createSeries({ workers: 2, budget: 10 });
    const book = new SeriesBook(series);
    const times = 1_000_000;
    await Promise.all([
      counting(book, { series, worker: 0, times }),
      counting(book, { series, worker: 1, times }),
    ]);
    assert.deepEqual(refusals(book), { "public even": times, "public odd": times });
  });

  test("the next worker in a slice goes on where a dead one stopped", async () => {
    const series = createSeries({ workers: 1, budget: 2 });
    const book = new SeriesBook(series);
    for (let life = 0; life < 5; life++) {
      await counting(book, { series, worker: 0, times: 1_000 });
      book.workerGone(0);
    }
    assert.deepEqual(refusals(book), { "public even": 2_500, "public odd": 2_500 });
    assert.equal(overflow(book), 0, "rows of dead workers were not freed");
  });

  test("past the budget everything counts as other, and what found no place is counted", () => {
    const series = createSeries({ workers: 1, budget: 2 });
    const book = new SeriesBook(series);
    const meter = meterOf(series, book);
    for (const reason of ["a", "b", "c", "d", "c", "a"]) meter.refused("public", reason);
    assert.deepEqual(refusals(book), { "other other": 3, "public a": 2, "public b": 1 });
    assert.equal(overflow(book), 2);
  });

  test("what a dead worker could not tell of any more counts as other", () => {
    const series = createSeries({ workers: 1, budget: 2 });
    const book = new SeriesBook(series);
    new WorkerMeter({ series, worker: 0, onNew: () => undefined }).refused("public", "a");
    assert.deepEqual(refusals(book), {});
    book.workerGone(0);
    assert.deepEqual(
      book
        .read()
        .of("reason")
        .map(({ values }) => values[0]),
      [1],
    );
  });

  test("gauges show what the last beat said, go with their thing and with their worker, and take no place for ever", () => {
    const series = createSeries({ workers: 2, budget: 2 });
    const book = new SeriesBook(series);
    const meters = [0, 1].map((worker) => meterOf(series, book, worker));
    const connections = (): Record<string, number> =>
      Object.fromEntries(
        book
          .read()
          .of("connections")
          .map(({ labels, values }) => [labels.listener, values[0]!]),
      );
    for (const meter of meters) meter.beat({ ...NOTHING, inFlight: 3, connections: [["public", 5]] });
    assert.deepEqual(connections(), { public: 10 });
    assert.deepEqual(
      book.read().workers.map(([inFlight]) => inFlight),
      [3, 3],
    );

    book.workerGone(1);
    assert.deepEqual(connections(), { public: 5 });
    assert.equal(book.read().workers[1]![0], 0);

    for (const listener of ["a", "b", "c", "d"]) {
      meters[0]!.beat({ ...NOTHING, connections: [[listener, 1]] });
      meters[0]!.beat({ ...NOTHING, connections: [[listener, 2]] });
      assert.deepEqual(connections(), { [listener]: 2 });
    }
    meters[0]!.beat(NOTHING);
    assert.deepEqual(connections(), {});
    assert.equal(overflow(book), 0);
  });

  test("a slice that is not there is refused", () => {
    const series = createSeries({ workers: 1, budget: 2 });
    assert.throws(() => meterOf(series, new SeriesBook(series), 1), new RangeError("there is no worker 1"));
  });
}

if (isMainThread) inMainThread();
else work(workerData as Task);
