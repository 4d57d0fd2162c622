import { type BenchGateway, startBenchGateway } from "../lib/bench-gateway.ts";
import { must } from "../lib/failure.ts";
import { folderFor } from "../lib/field.ts";
import { manyRoutes } from "../lib/many-routes.ts";
import { noiseNote } from "../lib/noise.ts";
import { BROWSER_REQUEST, type OpenLoopRun, runOpenLoopAnyway } from "../lib/open-loop.ts";
import { Poller } from "../lib/poller.ts";
import { freePorts } from "../lib/ports.ts";
import { onlyChildOf } from "../lib/proc.ts";
import { pause } from "../lib/process.ts";
import { alternate } from "../lib/rounds.ts";
import type { Bench, Outcome, Scenario, Table, Verdict } from "../lib/scenario.ts";
import { median, spread } from "../lib/stats.ts";
import { startUpstream } from "../peers/upstream.ts";

const ROUTES = 10_000;
const RATE = 1_000;
const POLL_MS = 5;
const WARM_UP_SECONDS = 1;

type Case = "no reload" | "one route changed" | "all routes changed";
const CASES: readonly Case[] = ["no reload", "one route changed", "all routes changed"];

/** One reload under load; times in milliseconds. */
interface ReloadRun extends OpenLoopRun {
  /** From the write to the log's word that all workers serve it; 0 without a reload. */
  readonly logged: number;
  /** From the write to the first answer of the new config. */
  readonly seen: number;
  /** The longest poll of /livez, which the main thread answers. */
  readonly livez: number;
  readonly failures: number;
}

type Runs = Record<Case, ReloadRun[]>;

/** How soon a large config serves after it was written, and what clients notice of it. */
export const reload: Scenario = {
  name: "reload",
  summary: "reload of 10,000 routes under load",
  peers: ["torana"],
  full: { rounds: 5, seconds: 10 },
  quick: { rounds: 1, seconds: 8 },
  run,
};

async function run(bench: Bench): Promise<Outcome> {
  const [upstreamPort = 0] = await freePorts(1);
  const { loadCore: core, proxyCore } = bench.options;
  const folder = folderFor(bench, "upstream");
  await using upstream = await startUpstream({ folder, port: upstreamPort, core });
  let config = configOf(upstreamPort, "0", "0");
  await using gateway = await startBenchGateway({
    folder: folderFor(bench, "gateway"),
    core: proxyCore,
    workers: 1,
    config,
  });
  const upstreamPid = onlyChildOf(upstream.pid);
  let edition = 0;
  const runs: Runs = await alternate<Case, ReloadRun>({
    bench,
    what: "reload",
    names: CASES,
    run: async (name) => {
      edition += 1;
      config = next(name, config, upstreamPort, String(edition));
      return reloadRun({ bench, gateway, upstreamPid, name, edition: String(edition), config });
    },
  });
  return {
    tables: [table(runs)],
    verdicts: verdicts(runs),
    method: METHOD,
    configs: {},
    noise: Object.values(runs).flatMap((all) => all.map((one) => one.noise)),
    raw: runs,
  };
}

const METHOD: readonly string[] = [
  `${ROUTES} routes (exact paths, paths with a parameter, prefixes, prefixes below wildcard hosts; a policy each), 1 worker; all threads of the gateway share one core.`,
  `Time to serve: from the rename that puts the new file in place to the later of two: the log's “generation N serves”, and the first answer of the new config to a client that asks every ${POLL_MS} ms. The 40 ms for which a change is left to settle are in it.`,
  `Load: ${RATE} browser-size requests a second, open loop, 64 connections; generator and upstream on the other core. Longest request: the longest of a run, counted from when it was due. Longest poll: /livez, which the main thread answers, asked every ${POLL_MS} ms. Both are for all rounds; the runs without a reload show what the machine itself does.`,
  "All changed: another value in every route's policy. One changed: in one route's policy, the others are as they were; the whole file is read and compared all the same.",
];

interface WholeConfig {
  readonly routes: readonly object[];
  readonly services: object;
}

function configOf(upstreamPort: number, routes: string, version: string): WholeConfig {
  return {
    routes: [...extraRoutes(version), ...manyRoutes(ROUTES, routes, "main")],
    services: { main: { endpoints: [`http://127.0.0.1:${upstreamPort}`] } },
  };
}

/** The load's route, and one that tells which config answers: it is the one that changes. */
function extraRoutes(version: string): object[] {
  return [
    { name: "version", match: { path: "/version" }, policies: [{ respond: { body: version } }] },
    { name: "load", match: { path: "/small" }, service: "main" },
  ];
}

function next(name: Case, old: WholeConfig, upstreamPort: number, edition: string): WholeConfig {
  if (name === "all routes changed") return configOf(upstreamPort, edition, edition);
  if (name === "no reload") return old;
  return { ...old, routes: [...extraRoutes(edition), ...old.routes.slice(2)] };
}

interface ReloadOrder {
  readonly bench: Bench;
  readonly gateway: BenchGateway;
  readonly upstreamPid: number;
  readonly name: Case;
  readonly edition: string;
  readonly config: WholeConfig;
}

async function reloadRun(order: ReloadOrder): Promise<ReloadRun> {
  const { bench, gateway, upstreamPid, name, edition, config } = order;
  const text = gateway.textOf(config);
  using livez = new Poller(gateway.adminPort, "/livez", POLL_MS);
  using version = new Poller(gateway.port, "/version", POLL_MS);
  const place = { cores: bench.options, proxyPids: [gateway.pid], loadPids: [upstreamPid] };
  const { seconds } = bench;
  const job = { port: gateway.port, request: BROWSER_REQUEST, rate: RATE, connections: 64 };
  const load = runOpenLoopAnyway(place, { ...job, warmUpSeconds: WARM_UP_SECONDS, seconds });
  await pause((WARM_UP_SECONDS + 1.5) * 1_000);
  livez.reset();
  const written = performance.now();
  let seen = 0;
  const answered = new Promise<void>((resolve) => {
    version.onAnswer = (body) => {
      if (body !== edition || seen > 0) return;
      seen = performance.now() - written;
      resolve();
    };
  });
  const logged = name === "no reload" ? 0 : await gateway.replace(text);
  if (name !== "no reload") await answered;
  must(Math.max(logged, seen) < (seconds - 1) * 1_000, `the reload took longer than the load: ${logged} ms`);
  const result = await load;
  const failed = Object.values(result.problems).reduce((sum, times) => sum + times, 0);
  const failures = failed + livez.failures + version.failures;
  return { ...result, logged, seen, livez: livez.longest, failures };
}

function serves(runs: readonly ReloadRun[]): number[] {
  return runs.map(({ logged, seen }) => Math.max(logged, seen));
}

function table(runs: Runs): Table {
  const most = (all: readonly number[]): string => Math.max(...all).toFixed(1);
  return {
    title: `Reload of ${ROUTES} routes at ${RATE} requests/s`,
    head: [
      "case",
      "serves after ms: median (min–max)",
      "log says after ms",
      "failed",
      "p99 ms",
      "longest request ms",
      "generator late ms",
      "longest /livez ms",
    ],
    rows: CASES.map((name) => {
      const all = runs[name];
      const { min, median: middle, max } = spread(serves(all));
      const ms = (key: "p99" | "max" | "lateMax"): number[] => all.map((one) => one[key] / 1_000);
      return [
        name,
        name === "no reload" ? "–" : `**${middle.toFixed(0)}** (${min.toFixed(0)}–${max.toFixed(0)})`,
        name === "no reload" ? "–" : median(all.map((one) => one.logged)).toFixed(0),
        String(all.reduce((sum, one) => sum + one.failures, 0)),
        median(ms("p99")).toFixed(1),
        most(ms("max")),
        most(ms("lateMax")),
        most(all.map((one) => one.livez)),
      ];
    }),
    notes: [
      noiseNote(
        Object.values(runs)
          .flat()
          .map(({ noise }) => ({ noise, discarded: [] })),
      ),
    ],
  };
}

function verdicts(runs: Runs): Verdict[] {
  const reloads = [...runs["one route changed"], ...runs["all routes changed"]];
  const pauseOf = (of: (one: ReloadRun) => number): number => Math.max(...reloads.map(of));
  const quiet = (of: (one: ReloadRun) => number): string =>
    `without a reload ${Math.max(...runs["no reload"].map(of)).toFixed(1)}`;
  const longest = (one: ReloadRun): number => one.max / 1_000;
  const livez = (one: ReloadRun): number => one.livez;
  const ms = { unit: " ms", digits: 0 };
  return [
    { what: "all routes changed", measured: median(serves(runs["all routes changed"])), bar: 2_000, ...ms },
    { what: "one route changed", measured: median(serves(runs["one route changed"])), bar: 300, ...ms },
    {
      what: "failed requests",
      measured: reloads.reduce((sum, one) => sum + one.failures, 0),
      bar: 0,
      unit: "",
      digits: 0,
    },
    { what: "longest request", measured: pauseOf(longest), bar: 50, ...ms, note: quiet(longest) },
    {
      what: "longest pause of the main thread",
      measured: pauseOf(livez),
      bar: 50,
      ...ms,
      note: quiet(livez),
    },
  ];
}
