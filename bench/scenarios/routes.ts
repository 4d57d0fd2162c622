import { type BenchGateway, startBenchGateway } from "../lib/bench-gateway.ts";
import { folderFor } from "../lib/field.ts";
import { manyRoutes } from "../lib/many-routes.ts";
import { type Chosen, choose, type Noise, noiseNote, watchCore } from "../lib/noise.ts";
import { freePorts } from "../lib/ports.ts";
import { cpuMicroseconds } from "../lib/proc.ts";
import { alternate } from "../lib/rounds.ts";
import type { Bench, Outcome, Scenario, Table, Verdict } from "../lib/scenario.ts";
import { median, ratios, spread } from "../lib/stats.ts";
import { runWrk } from "../lib/wrk.ts";
import { startUpstream } from "../peers/upstream.ts";

const FEW = 10;
const MANY = 10_000;
const CONNECTIONS = 64;
const BAR = 1.1;

/** How many routes there are, and which of them are asked for. */
interface Load {
  readonly routes: number;
  readonly first: number;
  readonly asked: number;
}

const LOADS = {
  "10 routes": { routes: FEW, first: 0, asked: FEW },
  "10,000 routes, 10 asked for": { routes: MANY, first: MANY / 2, asked: FEW },
  "10,000 routes, all asked for": { routes: MANY, first: 0, asked: MANY },
} as const satisfies Record<string, Load>;
type Case = keyof typeof LOADS;
const CASES = Object.keys(LOADS) as Case[];

interface RouteRun {
  /** Microseconds of CPU time for each request. */
  readonly cpuUs: number;
  readonly requestsPerSecond: number;
  readonly noise: Noise;
}

type Runs = Record<Case, Chosen<RouteRun>[]>;

/** What a request costs with few and with many routes. */
export const routes: Scenario = {
  name: "routes",
  summary: "CPU time of a request with 10 and with 10,000 routes",
  peers: ["torana"],
  full: { rounds: 9, seconds: 4 },
  quick: { rounds: 2, seconds: 1 },
  run,
};

async function run(bench: Bench): Promise<Outcome> {
  const [upstreamPort = 0] = await freePorts(1);
  const { loadCore, proxyCore: core } = bench.options;
  const folder = folderFor(bench, "upstream");
  await using _upstream = await startUpstream({ folder, port: upstreamPort, core: loadCore });
  const start = (count: number): Promise<BenchGateway> =>
    startBenchGateway({
      folder: folderFor(bench, `gateway-${count}`),
      core,
      workers: 1,
      config: configOf(count),
    });
  const configOf = (count: number): object => ({
    routes: manyRoutes(count, "0", "main"),
    services: { main: { endpoints: [`http://127.0.0.1:${upstreamPort}`] } },
  });
  await using few = await start(FEW);
  await using many = await start(MANY);
  const runs: Runs = await alternate<Case, Chosen<RouteRun>>({
    bench,
    what: "routes",
    names: CASES,
    run: (name, round) => {
      const gateway = LOADS[name].routes === FEW ? few : many;
      return choose(round > 0 && bench.options.repeatDisturbed, () => routeRun(bench, gateway, name));
    },
  });
  return {
    tables: [table(runs)],
    verdicts: CASES.slice(1).map((name) => verdict(runs, name)),
    method: METHOD,
    configs: { "torana (10 routes)": JSON.stringify(configOf(FEW), undefined, 1) },
    noise: Object.values(runs).flatMap((all) => all.map((one) => one.noise)),
    raw: runs,
  };
}

const METHOD: readonly string[] = [
  "CPU µs a request = user + system ticks of the process from /proc/PID/stat over a run ÷ requests that wrk completed in it. One worker; wrk and the upstream on the other core.",
  "Routes are exact paths, paths with a parameter, prefixes, and prefixes below wildcard hosts, in turn, on 100 hosts; each has a policy that sets a field and a rewritten path. Every 10 routes in a row are the same mix of kinds.",
  "Two gateways stay up, one with 10 routes, one with 10,000; runs alternate within each round, and ratios are formed within a round. The second asks once for 10 of its routes, which shows what finding a route costs, and once for all of them in turn, which also shows what it costs that no route is in the processor's caches.",
];

async function routeRun(bench: Bench, gateway: BenchGateway, name: Case): Promise<RouteRun> {
  const { proxyCore, loadCore } = bench.options;
  const { first, asked } = LOADS[name];
  const before = cpuMicroseconds(gateway.pid);
  const noise = watchCore(proxyCore, [gateway.pid]);
  const { requests, durationUs } = await runWrk({
    what: name,
    port: gateway.port,
    path: "/",
    core: loadCore,
    seconds: bench.seconds,
    connections: CONNECTIONS,
    script: ["many-routes.lua", String(first), String(asked)],
  });
  gateway.program.assertAlive();
  const cpu = cpuMicroseconds(gateway.pid) - before;
  return {
    cpuUs: cpu / requests,
    requestsPerSecond: (requests / durationUs) * 1e6,
    noise: { proxyCore: noise(), loadCore: undefined },
  };
}

function costs(runs: readonly RouteRun[]): number[] {
  return runs.map(({ cpuUs }) => cpuUs);
}

function table(runs: Runs): Table {
  return {
    title: `Requests to few and many routes (${CONNECTIONS} connections)`,
    head: ["case", "CPU µs a request: min", "median", "max", "× 10 routes (median of rounds)", "requests/s"],
    rows: CASES.map((name) => {
      const all = runs[name];
      const { min, median: middle, max } = spread(costs(all));
      return [
        name,
        min.toFixed(2),
        `**${middle.toFixed(2)}**`,
        max.toFixed(2),
        median(ratios(costs(all), costs(runs["10 routes"]))).toFixed(3),
        Math.round(median(all.map((one) => one.requestsPerSecond))).toString(),
      ];
    }),
    notes: [noiseNote(Object.values(runs).flat())],
  };
}

function verdict(runs: Runs, name: Case): Verdict {
  const each = ratios(costs(runs[name]), costs(runs["10 routes"]));
  const note = `rounds ${Math.min(...each).toFixed(2)}–${Math.max(...each).toFixed(2)}`;
  return { what: `CPU a request: ${name}`, measured: median(each), bar: BAR, unit: " × 10 routes", note };
}
