import { readFileSync } from "node:fs";
import { type BenchGateway, startBenchGateway } from "../lib/bench-gateway.ts";
import { AUDIENCE, type Credentials, ISSUER, makeCredentials } from "../lib/credentials.ts";
import { must } from "../lib/failure.ts";
import { folderFor } from "../lib/field.ts";
import { type Chosen, choose, type Noise, noiseNote, watchCore } from "../lib/noise.ts";
import { freePorts } from "../lib/ports.ts";
import { cpuMicroseconds } from "../lib/proc.ts";
import type { Program } from "../lib/process.ts";
import { alternate } from "../lib/rounds.ts";
import type { Bench, Outcome, Scenario, Table, Verdict } from "../lib/scenario.ts";
import { median, ratios, spread } from "../lib/stats.ts";
import { runWrk } from "../lib/wrk.ts";
import { startSecuredHaproxy } from "../peers/haproxy-secured.ts";
import { startUpstream } from "../peers/upstream.ts";

const CALLERS = 10_000;
const CONNECTIONS = 64;

const RATE = { "rate-limit": { limit: "100000000/1m", key: "consumer" } };
const JWT = { audience: [AUDIENCE] };

/** What is measured: each a proxy of its own that stays up. */
const CASES = [
  "bare",
  "key and rate",
  "token and rate",
  "token and rate, nothing remembered",
  "haproxy",
] as const;
type Case = (typeof CASES)[number];

interface SecuredRun {
  /** Microseconds of CPU time for each request. */
  readonly cpuUs: number;
  readonly requestsPerSecond: number;
  readonly noise: Noise;
}

type Runs = Record<Case, Chosen<SecuredRun>[]>;

/** A proxy that serves. */
interface Serving extends AsyncDisposable {
  readonly port: number;
  readonly pid: number;
  readonly program: Pick<Program, "assertAlive">;
  readonly config: string;
}

/** What it costs to know who calls, and to count. */
export const secured: Scenario = {
  name: "secured",
  summary: "CPU time of a request that is authenticated and limited by its consumer",
  peers: ["torana", "haproxy"],
  full: { rounds: 9, seconds: 4 },
  quick: { rounds: 2, seconds: 1 },
  run,
};

async function run(bench: Bench): Promise<Outcome> {
  const [upstreamPort = 0] = await freePorts(1);
  const { loadCore } = bench.options;
  const credentials = makeCredentials(folderFor(bench, "credentials"), CALLERS);
  const folder = folderFor(bench, "upstream");
  await using stack = new AsyncDisposableStack();
  stack.use(await startUpstream({ folder, port: upstreamPort, core: loadCore }));
  const proxies = new Map<Case, Serving>();
  for (const name of CASES) {
    bench.progress.now(`starting ${name}`);
    proxies.set(name, stack.use(await start(bench, name, upstreamPort, credentials)));
  }
  await mustRefuse(proxies);
  const runs: Runs = await alternate<Case, Chosen<SecuredRun>>({
    bench,
    what: "secured",
    names: CASES,
    run: (name, round) => {
      const file = name === "key and rate" ? credentials.keys : credentials.tokens;
      const once = (): Promise<SecuredRun> => securedRun(bench, proxies.get(name)!, name, file);
      return choose(round > 0 && bench.options.repeatDisturbed, once);
    },
  });
  return {
    tables: [table(runs)],
    verdicts: [verdict(runs, "token and rate", "haproxy", 0.45), verdict(runs, "key and rate", "bare", 1.2)],
    method: METHOD,
    configs: Object.fromEntries(
      [...proxies].map(([name, { config }]) => [name, config.replaceAll(bench.folder, "…")]),
    ),
    noise: Object.values(runs).flatMap((all) => all.map((one) => one.noise)),
    raw: runs,
  };
}

const METHOD: readonly string[] = [
  "CPU µs a request = user + system ticks of the process from /proc/PID/stat over a run ÷ requests that wrk completed in it. One worker or thread; wrk and the upstream on the other core. 150-byte answers.",
  `${CALLERS.toLocaleString("en")} callers, each a consumer with a token (RS256, 2,048 bits, one issuer) and a key; they call as people do: the second half as often as the first, the third a third as often (Zipf). A browser's 12 fields besides.`,
  "All verify signature, algorithm, issuer, audience and time of each token, and count each caller's requests in a window of a minute, which is never used up. HAProxy does so by jwt_verify and a stick table, as its documentation shows. Torana remembers what it has verified; the case with nothing remembered verifies each time. Before the first run each proxy was asked without a credential and with a wrong one, and refused.",
  "The proxies stay up, and are measured in turn within each round; ratios are formed within a round. The bare gateway gets the same requests with their tokens and looks at none.",
];

function policiesOf(name: Case, { publicKey }: Credentials): readonly object[] {
  const issuers = [{ issuer: ISSUER, keys: [readFileSync(publicKey, "utf8")], ...JWT }];
  if (name === "bare") return [];
  if (name === "key and rate") return [{ "key-auth": {} }, RATE];
  const remember = name === "token and rate" ? {} : { remember: 0 };
  return [{ jwt: { issuers, ...remember } }, RATE];
}

async function start(bench: Bench, name: Case, upstream: number, credentials: Credentials): Promise<Serving> {
  const folder = folderFor(bench, name.replaceAll(/[ ,]+/g, "-"));
  const core = bench.options.proxyCore;
  if (name === "haproxy") {
    const [port = 0] = await freePorts(1);
    const { publicKey } = credentials;
    const { program, config } = await startSecuredHaproxy({
      folder,
      port,
      endpoints: [upstream],
      core,
      publicKey,
    });
    return { port, pid: program.pid, program, config, [Symbol.asyncDispose]: () => program.stop() };
  }
  const config = {
    routes: [{ name: "all", service: "main", policies: policiesOf(name, credentials) }],
    services: { main: { endpoints: [`http://127.0.0.1:${upstream}`] } },
    ...(name !== "bare" && { consumers: credentials.consumers }),
  };
  const gateway: BenchGateway = await startBenchGateway({ folder, core, workers: 1, config });
  const { port, pid, program } = gateway;
  const consumers = `${CALLERS} like ${JSON.stringify(credentials.consumers[0])}`;
  const shown = JSON.stringify({ ...config, ...(name !== "bare" && { consumers }) }, undefined, 1);
  return { port, pid, program, config: shown, [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose]() };
}

/** A proxy that lets everybody in would be fast. */
async function mustRefuse(proxies: ReadonlyMap<Case, Serving>): Promise<void> {
  for (const [name, { port }] of proxies) {
    if (name === "bare") continue;
    for (const headers of [{}, { authorization: "Bearer eyJhbGciOiJub25lIn0.e30.", "x-api-key": "wrong" }]) {
      const { status } = await fetch(`http://127.0.0.1:${port}/small`, {
        headers: headers as Record<string, string>,
      });
      must(status === 401, `${name} answered ${status} to a request without a valid credential`);
    }
  }
}

async function securedRun(bench: Bench, proxy: Serving, name: Case, file: string): Promise<SecuredRun> {
  const { proxyCore, loadCore } = bench.options;
  const before = cpuMicroseconds(proxy.pid);
  const noise = watchCore(proxyCore, [proxy.pid]);
  const { requests, durationUs } = await runWrk({
    what: name,
    port: proxy.port,
    path: "/small",
    core: loadCore,
    seconds: bench.seconds,
    connections: CONNECTIONS,
    script: ["bearers.lua", file],
  });
  proxy.program.assertAlive();
  const cpu = cpuMicroseconds(proxy.pid) - before;
  return {
    cpuUs: cpu / requests,
    requestsPerSecond: (requests / durationUs) * 1e6,
    noise: { proxyCore: noise(), loadCore: undefined },
  };
}

function costs(runs: readonly SecuredRun[]): number[] {
  return runs.map(({ cpuUs }) => cpuUs);
}

function table(runs: Runs): Table {
  return {
    title: `Requests of ${CALLERS.toLocaleString("en")} callers (${CONNECTIONS} connections)`,
    head: ["case", "CPU µs a request: min", "median", "max", "× haproxy", "× bare", "requests/s"],
    rows: CASES.map((name) => {
      const all = runs[name];
      const { min, median: middle, max } = spread(costs(all));
      const against = (other: Case): string => median(ratios(costs(all), costs(runs[other]))).toFixed(2);
      const perSecond = Math.round(median(all.map((one) => one.requestsPerSecond))).toString();
      return [
        name,
        min.toFixed(2),
        `**${middle.toFixed(2)}**`,
        max.toFixed(2),
        against("haproxy"),
        against("bare"),
        perSecond,
      ];
    }),
    notes: [noiseNote(Object.values(runs).flat())],
  };
}

function verdict(runs: Runs, name: Case, other: Case, bar: number): Verdict {
  const each = ratios(costs(runs[name]), costs(runs[other]));
  const note = `rounds ${Math.min(...each).toFixed(2)}–${Math.max(...each).toFixed(2)}`;
  return { what: `CPU a request: ${name}`, measured: median(each), bar, unit: ` × ${other}`, note };
}
