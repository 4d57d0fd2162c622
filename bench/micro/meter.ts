/**
 * What counting one request costs: `node bench/micro/meter.ts`. Bar: below 150 ns for a plain answer.
 * Routes take turns, as they do in a gateway, so that rows are not always the one in the cache.
 */
import { type Counted, WorkerMeter } from "../../src/observe/meter.ts";
import { createSeries } from "../../src/observe/series.ts";

const BAR = 150;
const ROUNDS = 15;
const RECORDS = 1_000_000;

interface Case {
  readonly name: string;
  readonly routes: number;
  readonly reason: string | undefined;
}

const CASES: readonly Case[] = [
  { name: "plain answer, 1 route", routes: 1, reason: undefined },
  { name: "plain answer, 100 routes", routes: 100, reason: undefined },
  { name: "plain answer, 10,000 routes", routes: 10_000, reason: undefined },
  { name: "refused with a reason, 100 routes", routes: 100, reason: "key_unknown" },
];

function exchanges({ routes, reason }: Case): Counted[] {
  return Array.from({ length: Math.max(routes, 64) }, (_, i) => {
    const route = { name: `route-${i % routes}`, serviceName: "main", state: { series: -1 } };
    const duration = 0.4 + (i % 7) * 0.9;
    const outcome = {
      status: reason === undefined ? 200 : 401,
      complete: true,
      bytes: 150,
      reason,
      duration,
      grpcStatus: undefined,
    };
    const times = reason === undefined ? { forwardedAt: 1_000, answeredAt: 1_000.3 } : {};
    const x = { outcome, route, attempts: 1, startedAt: 1_000, forwardedAt: 0, answeredAt: 0, ...times };
    return { ...x, sentAt: 1_000.3 };
  });
}

function runner(work: Case): () => number {
  const series = createSeries({ workers: 1, budget: 25_000 });
  const meter = new WorkerMeter({ series, worker: 0, onNew: () => undefined });
  const all = exchanges(work);
  return () => {
    const began = process.hrtime.bigint();
    for (let i = 0; i < RECORDS; i++) meter.record(all[i % all.length]!);
    return Number(process.hrtime.bigint() - began) / RECORDS;
  };
}

const runs = CASES.map((work) => ({ work, run: runner(work), times: [] as number[] }));
for (let round = 0; round < ROUNDS; round++) for (const { run, times } of runs) times.push(run());
let worst = 0;
for (const { work, times } of runs) {
  const sorted = times.sort((a, b) => a - b);
  const median = sorted[ROUNDS >> 1]!;
  const spread = `${sorted[0]!.toFixed(0)}–${sorted[ROUNDS - 1]!.toFixed(0)}`;
  console.log(`${work.name.padEnd(36)} ${median.toFixed(0).padStart(5)} ns  (${spread})`);
  worst = Math.max(worst, median);
}
process.exitCode = worst > BAR ? 1 : 0;
