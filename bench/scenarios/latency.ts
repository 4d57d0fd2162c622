import { startField } from "../lib/field.ts";
import { type Chosen, choose, noiseNote } from "../lib/noise.ts";
import { BROWSER_REQUEST, type OpenLoopRun, runOpenLoop } from "../lib/open-loop.ts";
import type { PeerName } from "../lib/peer.ts";
import { alternate } from "../lib/rounds.ts";
import type { Bench, Outcome, Scenario, Table, Verdict } from "../lib/scenario.ts";
import { median, spread } from "../lib/stats.ts";

const RATES = [1_000, 5_000, 10_000];
const CONNECTIONS = 64;
const BAR = 1.3;

type Target = PeerName | "direct";
type Runs = Partial<Record<Target, Chosen<OpenLoopRun>[]>>;

/** What a proxy adds to the time of a request, at fixed rates. */
export const latency: Scenario = {
  name: "latency",
  summary: "latency at fixed request rates (open loop)",
  peers: ["torana", "nginx", "haproxy"],
  full: { rounds: 7, seconds: 5 },
  quick: { rounds: 1, seconds: 2 },
  run,
};

async function run(bench: Bench): Promise<Outcome> {
  await using field = await startField(bench);
  const targets: Target[] = ["direct", ...field.peers.keys()];
  const found: [number, Runs][] = [];
  for (const rate of RATES) {
    const runs = await alternate<Target, Chosen<OpenLoopRun>>({
      bench,
      what: `${rate} requests/s`,
      names: targets,
      run: async (name, round) => {
        const port = name === "direct" ? field.upstreamPort : field.peers.get(name)!.port;
        const job = { port, request: BROWSER_REQUEST, rate, connections: CONNECTIONS, warmUpSeconds: 1 };
        const what = `${rate} requests/s to ${name}`;
        const proxyPids = name === "direct" ? [] : [field.peers.get(name)!.pid];
        const place = { cores: bench.options, proxyPids, loadPids: [field.upstreamPid] };
        const once = () => runOpenLoop(what, place, { ...job, seconds: bench.seconds });
        const result = await choose(round > 0 && bench.options.repeatDisturbed, once);
        field.assertAlive();
        return result;
      },
    });
    found.push([rate, runs]);
  }
  return {
    tables: found.map(([rate, runs]) => latencyTable(rate, runs)),
    verdicts: found.map(([rate, runs]) => latencyVerdict(rate, runs)),
    method: METHOD,
    configs: field.configs,
    noise: found.flatMap(([, runs]) => Object.values(runs).flatMap((all) => all.map((one) => one.noise))),
    raw: Object.fromEntries(found),
  };
}

const METHOD: readonly string[] = [
  `The generator (bench/load/open-loop.ts) holds ${CONNECTIONS} keep-alive connections and sends at fixed times; a latency counts from the time at which the request was due, so a stalled proxy cannot slow the schedule down.`,
  "All targets are measured in turn within each round; one second at the same rate before each run does not count, and the first run of each target is a warm-up.",
  "Generator and upstream share one core, for the direct runs as for the proxied ones. The generator polls without sleeping, in the scheduler's idle class: the upstream goes first, and the column “generator late” shows how far the generator was behind its schedule.",
  `Bar: Torana's p99, or what it adds to the direct p99, is at most ${BAR} × nginx's (the better of the two counts). The added time is formed from the medians of the rounds. “Quietest rounds” compares the best round of each, which a noisy machine disturbs least.`,
  "The request is the browser-size one of `peers`, the answer has 150 bytes. A failed request would have stopped the scenario.",
];

function latencyTable(rate: number, runs: Runs): Table {
  const direct = runs.direct ? middle(runs.direct, "p99") : 0;
  const cell = (all: readonly OpenLoopRun[], key: "p50" | "p99" | "p999"): string => {
    const { min, median: half, max } = spread(all.map((run) => run[key]));
    return `**${half.toFixed(0)}** (${min.toFixed(0)}–${max.toFixed(0)})`;
  };
  return {
    title: `${rate} requests/s`,
    head: [
      "target",
      "p50 µs: median (min–max)",
      "p99 µs",
      "p99.9 µs",
      "added p99 µs",
      "generator late p50 / p99 µs",
    ],
    rows: Object.entries(runs).map(([name, all]) => [
      name,
      cell(all, "p50"),
      cell(all, "p99"),
      cell(all, "p999"),
      name === "direct" ? "–" : (middle(all, "p99") - direct).toFixed(0),
      `${middle(all, "lateP50").toFixed(0)} / ${middle(all, "lateP99").toFixed(0)}`,
    ]),
    notes: [noiseNote(Object.values(runs).flat())],
  };
}

function latencyVerdict(rate: number, { torana, nginx, direct }: Runs): Verdict {
  const verdict = { what: `${rate} requests/s: p99`, bar: BAR, unit: " × nginx" };
  if (!torana || !nginx || !direct) return { ...verdict, measured: undefined };
  const base = middle(direct, "p99");
  const whole = middle(torana, "p99") / middle(nginx, "p99");
  const nginxAdds = middle(nginx, "p99") - base;
  const added = nginxAdds > 0 ? (middle(torana, "p99") - base) / nginxAdds : Number.POSITIVE_INFINITY;
  const quietest = smallest(torana) / smallest(nginx);
  const text = Number.isFinite(added) ? added.toFixed(2) : "not comparable";
  const note = `whole ${whole.toFixed(2)}, added ${text}, quietest rounds ${quietest.toFixed(2)}`;
  return { ...verdict, measured: Math.min(whole, added), note };
}

function middle(runs: readonly OpenLoopRun[], key: "p50" | "p99" | "lateP50" | "lateP99"): number {
  return median(runs.map((run) => run[key]));
}

function smallest(runs: readonly OpenLoopRun[]): number {
  return Math.min(...runs.map((run) => run.p99));
}
