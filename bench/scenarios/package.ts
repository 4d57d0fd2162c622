import { symlinkSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join, relative } from "node:path";
import { BenchFailure, must } from "../lib/failure.ts";
import { folderFor } from "../lib/field.ts";
import { freePorts } from "../lib/ports.ts";
import { memoryOf } from "../lib/proc.ts";
import { launch, pause } from "../lib/process.ts";
import { ROOT } from "../lib/root.ts";
import type { Bench, Outcome, Scenario } from "../lib/scenario.ts";
import { median, spread } from "../lib/stats.ts";
import { startUpstream } from "../peers/upstream.ts";

const PATIENCE_MS = 20_000;
const RETRY_MS = 2;

interface StartRun {
  /** Milliseconds from the start of the process to the first answer from the service. */
  readonly firstAnswer: number;
  /** Bytes. */
  readonly resident: number;
  readonly privateDirty: number;
}

/** How soon the built package serves, and what it needs when it has nothing to do. */
export const packaged: Scenario = {
  name: "package",
  summary: "start and idle memory of the built package",
  peers: ["torana"],
  full: { rounds: 10, seconds: 5 },
  quick: { rounds: 2, seconds: 5 },
  run,
};

async function run(bench: Bench): Promise<Outcome> {
  const dist = join(folderFor(bench, "package"), "dist");
  bench.progress.now("building");
  await build(dist);
  const [upstreamPort = 0, port = 0] = await freePorts(2);
  const { loadCore: core } = bench.options;
  await using _upstream = await startUpstream({
    folder: folderFor(bench, "upstream"),
    port: upstreamPort,
    core,
  });
  const config = configOf(port, upstreamPort);
  const file = join(bench.folder, "torana.yaml");
  writeFileSync(file, config);
  const runs: StartRun[] = [];
  bench.progress.expect(bench.rounds + 1);
  for (let round = 0; round <= bench.rounds; round += 1) {
    bench.progress.now(round === 0 ? "first start" : `start ${round} of ${bench.rounds}`);
    const result = await startRun(bench, dist, file, port);
    if (round > 0) runs.push(result);
    bench.progress.step();
  }
  const times = runs.map((one) => one.firstAnswer);
  const resident = runs.map((one) => one.resident / 2 ** 20);
  const row = (what: string, values: readonly number[]): string[] => {
    const { min, median: middle, max } = spread(values);
    return [what, min.toFixed(0), `**${middle.toFixed(0)}**`, max.toFixed(0)];
  };
  return {
    tables: [
      {
        title: "The built package",
        head: ["what", "min", "median", "max"],
        rows: [
          row("start to first answer, ms", times),
          row(`RSS after ${bench.seconds} s, MiB`, resident),
          row(
            `Private_Dirty after ${bench.seconds} s, MiB`,
            runs.map((one) => one.privateDirty / 2 ** 20),
          ),
        ],
      },
    ],
    verdicts: [
      { what: "start to first answer", measured: median(times), bar: 500, unit: " ms", digits: 0 },
      // The bar is in MB, a million bytes.
      {
        what: "RSS without traffic",
        measured: median(runs.map((one) => one.resident / 1e6)),
        bar: 110,
        unit: " MB",
        digits: 0,
      },
    ],
    method: [
      "`node tools/build.ts` makes the package in a folder of its own; its dependencies are those of the checkout.",
      `Each start is a process of the package's own bin/torana on one core with one worker. The clock runs from the start of that process (taskset's, which becomes the launcher, which becomes Node) to the end of the first answer that came from the service; it is asked anew every ${RETRY_MS} ms until it listens. One start before does not count: files are then in the page cache.`,
      `Memory is read ${bench.seconds} s after that answer, with no traffic between, and nobody asks the gateway to collect garbage.`,
    ],
    configs: { torana: config },
    raw: runs,
  };
}

async function build(dist: string): Promise<void> {
  await using builder = await launch({
    name: "tools/build.ts",
    command: process.execPath,
    args: [join(ROOT, "tools/build.ts"), relative(ROOT, dist)],
    core: [0, 1],
  });
  await builder.ended(120_000);
  must(builder.child.exitCode === 0, `the package cannot be built:\n${builder.output}`);
  symlinkSync(join(ROOT, "node_modules"), join(dist, "node_modules"));
}

function configOf(port: number, upstreamPort: number): string {
  return `workers: 1
listeners:
  - name: public
    address: 127.0.0.1:${port}
routes:
  - name: all
    match: { path: /* }
    service: main
services:
  main: { endpoints: ["http://127.0.0.1:${upstreamPort}"] }
`;
}

async function startRun(bench: Bench, dist: string, file: string, port: number): Promise<StartRun> {
  const started = performance.now();
  await using program = await launch({
    name: "torana",
    command: join(dist, "bin/torana"),
    args: ["run", file],
    core: bench.options.proxyCore,
    env: { XDG_RUNTIME_DIR: bench.folder },
  });
  while (!(await answers(port))) {
    program.assertAlive();
    must(performance.now() - started < PATIENCE_MS, `it does not answer:\n${program.output}`);
    await pause(RETRY_MS);
  }
  const firstAnswer = performance.now() - started;
  await pause(bench.seconds * 1_000);
  program.assertAlive();
  return { firstAnswer, ...memoryOf(program.pid) };
}

/** Whether a request is answered by the service; false while nobody listens. */
function answers(port: number): Promise<boolean> {
  return new Promise((done, fail) => {
    const asked = request({ port, host: "127.0.0.1", path: "/small", agent: false }, (answer) => {
      answer.resume();
      answer.on("end", () => {
        if (answer.statusCode === 200) done(true);
        else fail(new BenchFailure(`the first answer has status ${answer.statusCode}`));
      });
    });
    asked.on("error", () => done(false));
    asked.end();
  });
}
