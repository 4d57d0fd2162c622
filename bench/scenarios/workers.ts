import { type BenchGateway, startBenchGateway } from "../lib/bench-gateway.ts";
import { must } from "../lib/failure.ts";
import { folderFor } from "../lib/field.ts";
import { freePorts } from "../lib/ports.ts";
import { cpuMicroseconds } from "../lib/proc.ts";
import { pause } from "../lib/process.ts";
import { alternate } from "../lib/rounds.ts";
import type { Bench, Outcome, Scenario, Table, Verdict } from "../lib/scenario.ts";
import { median, ratios, spread } from "../lib/stats.ts";
import { runWrk } from "../lib/wrk.ts";
import { startUpstream } from "../peers/upstream.ts";

const CONNECTIONS = 256;
type Case = "1 worker" | "2 workers";
const CASES: readonly Case[] = ["1 worker", "2 workers"];

interface WorkersRun {
  readonly cpuUs: number;
  readonly requestsPerSecond: number;
  /** Share of the connections that the worker with most of them has. */
  readonly largest: number;
  /** Connections of each worker. */
  readonly connections: readonly number[];
}

type Runs = Record<Case, WorkersRun[]>;

/** What a second worker costs, and whether both get their share. */
export const workers: Scenario = {
  name: "workers",
  summary: "CPU time of a request and share of connections with two workers",
  peers: ["torana"],
  full: { rounds: 9, seconds: 5 },
  quick: { rounds: 2, seconds: 2 },
  run,
};

async function run(bench: Bench): Promise<Outcome> {
  const [upstreamPort = 0] = await freePorts(1);
  const { loadCore, proxyCore } = bench.options;
  const folder = folderFor(bench, "upstream");
  await using _upstream = await startUpstream({ folder, port: upstreamPort, core: loadCore });
  const config = {
    routes: [{ name: "all", match: { path: "/*" }, service: "main" }],
    services: { main: { endpoints: [`http://127.0.0.1:${upstreamPort}`] } },
  };
  const start = (count: number, core: number | readonly number[]): Promise<BenchGateway> =>
    startBenchGateway({ folder: folderFor(bench, `workers-${count}`), core, workers: count, config });
  await using one = await start(1, proxyCore);
  await using two = await start(2, [proxyCore, loadCore]);
  const runs: Runs = await alternate<Case, WorkersRun>({
    bench,
    what: "workers",
    names: CASES,
    run: (name) => workersRun(bench, name === "1 worker" ? one : two, name),
  });
  return {
    tables: [table(runs)],
    verdicts: verdicts(runs),
    method: METHOD,
    configs: { torana: JSON.stringify(config, undefined, 1) },
    raw: runs,
  };
}

const METHOD: readonly string[] = [
  "CPU µs a request = user + system ticks of the whole process, main thread and all workers, ÷ requests that wrk completed.",
  "One worker has the proxy's core to itself. Two workers have both cores and share them with the load: wrk runs on both cores in the scheduler's idle class in all runs, so that it takes only time that the gateway leaves; the upstream runs on the load's core as usual and takes time from one worker. The two workers also share caches with it: so this is a stricter test than two cores of their own, and requests/s of the two cases cannot be compared.",
  `wrk holds ${CONNECTIONS} connections; the admin endpoint /workers is asked in the middle of a run how many each worker has.`,
];

async function workersRun(bench: Bench, gateway: BenchGateway, name: Case): Promise<WorkersRun> {
  const { proxyCore, loadCore } = bench.options;
  const before = cpuMicroseconds(gateway.pid);
  const load = runWrk({
    what: name,
    port: gateway.port,
    path: "/small",
    core: [proxyCore, loadCore],
    spareTimeOnly: true,
    seconds: bench.seconds,
    connections: CONNECTIONS,
  });
  load.catch(() => undefined); // it is awaited below
  await pause(bench.seconds * 500);
  const { body } = await gateway.admin("/workers");
  const { requests, durationUs } = await load;
  const cpu = cpuMicroseconds(gateway.pid) - before;
  gateway.program.assertAlive();
  const connections = (JSON.parse(body.toString("utf8")) as { connections: number }[]).map(
    (one) => one.connections,
  );
  const all = connections.reduce((sum, count) => sum + count, 0);
  must(
    all === CONNECTIONS,
    `${name}: the workers have ${connections.join(" + ")} of ${CONNECTIONS} connections`,
  );
  return {
    cpuUs: cpu / requests,
    requestsPerSecond: (requests / durationUs) * 1e6,
    largest: Math.max(...connections) / all,
    connections,
  };
}

function table(runs: Runs): Table {
  return {
    title: `One and two workers (${CONNECTIONS} connections)`,
    head: ["case", "CPU µs a request: min", "median", "max", "requests/s", "connections of each worker"],
    rows: CASES.map((name) => {
      const all = runs[name];
      const { min, median: middle, max } = spread(all.map((one) => one.cpuUs));
      return [
        name,
        min.toFixed(2),
        `**${middle.toFixed(2)}**`,
        max.toFixed(2),
        Math.round(median(all.map((one) => one.requestsPerSecond))).toString(),
        all.map((one) => one.connections.join("+")).join(", "),
      ];
    }),
  };
}

function verdicts(runs: Runs): Verdict[] {
  const cost = (name: Case): number[] => runs[name].map((one) => one.cpuUs);
  const each = ratios(cost("2 workers"), cost("1 worker"));
  const shares = runs["2 workers"].map((one) => one.largest * 100);
  return [
    {
      what: "CPU a request with two workers",
      measured: median(each),
      bar: 1.1,
      unit: " × one worker",
      note: `rounds ${Math.min(...each).toFixed(2)}–${Math.max(...each).toFixed(2)}`,
    },
    {
      what: "largest share of the connections in any round",
      measured: Math.max(...shares),
      bar: 65,
      unit: " %",
      digits: 0,
    },
  ];
}
