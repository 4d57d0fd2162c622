import { must } from "../lib/failure.ts";
import { type Field, startField } from "../lib/field.ts";
import { startLoadProgram } from "../lib/load-program.ts";
import { noiseNote } from "../lib/noise.ts";
import { BROWSER_REQUEST, type OpenLoopRun, type Place, runOpenLoop } from "../lib/open-loop.ts";
import type { PeerName } from "../lib/peer.ts";
import { pause } from "../lib/process.ts";
import { alternate } from "../lib/rounds.ts";
import type { Bench, Outcome, Scenario, Table, Verdict } from "../lib/scenario.ts";
import type { SlowAnswer } from "../lib/slow.ts";
import { median, ratios, spread } from "../lib/stats.ts";

const SENDERS = 5_000;
const RATE = 2_000;
const BAR = 2;
const WARM_UP_SECONDS = 5;

type Case = `${PeerName} alone` | `${PeerName} attacked`;

interface SlowRun extends OpenLoopRun {
  readonly attack: SlowAnswer | undefined;
}

type Runs = Partial<Record<Case, SlowRun[]>>;

/** What good clients notice of thousands that send their heads byte by byte. */
export const slowHeaders: Scenario = {
  name: "slow-headers",
  summary: "good clients beside 5,000 slow header senders",
  peers: ["torana", "nginx"],
  full: { rounds: 3, seconds: 30 },
  quick: { rounds: 1, seconds: 4 },
  run,
};

async function run(bench: Bench): Promise<Outcome> {
  await using field = await startField(bench, { connections: SENDERS + 1_000 });
  const runs: Runs = await alternate<Case, SlowRun>({
    bench,
    what: `${RATE} good requests/s`,
    names: bench.peers.flatMap((peer): Case[] => [`${peer} alone`, `${peer} attacked`]),
    run: (name, round) => slowRun(bench, field, name, round === 0 ? WARM_UP_SECONDS : bench.seconds),
  });
  return {
    tables: [slowTable(runs)],
    verdicts: [verdict(runs)],
    method: METHOD,
    configs: field.configs,
    noise: Object.values(runs).flatMap((all) => all.map((one) => one.noise)),
    raw: runs,
  };
}

const METHOD: readonly string[] = [
  `${SENDERS} senders hold a connection each, send one byte of a head every 2 s that never ends, and come again when that shows that they were closed. Time limits for heads are each proxy's default (Torana 10 s, nginx 60 s).`,
  `Good clients send ${RATE} browser-size requests a second on 64 keep-alive connections, open loop; latency counts from the time at which a request was due.`,
  "Runs without and with the attack alternate, after a warm-up of each; measuring begins when all senders are there. A good request that failed would have stopped the scenario.",
  "The senders start over ten seconds, so that a proxy's time limit closes them little by little, some 500 a second.",
  "The senders use the spare time of the proxy's core (scheduler's idle class: the proxy goes first at once), so that what they cost themselves holds up neither the good clients' generator nor the upstream on the other core.",
];

async function slowRun(bench: Bench, field: Field, name: Case, seconds: number): Promise<SlowRun> {
  const [peer, how] = name.split(" ") as [PeerName, string];
  const { port, pid } = field.peers.get(peer)!;
  const placeOf = (senders: readonly number[]): Place => ({
    cores: bench.options,
    proxyPids: [pid, ...senders],
    loadPids: [field.upstreamPid],
  });
  const load = (...senders: number[]) =>
    runOpenLoop(name, placeOf(senders), {
      port,
      request: BROWSER_REQUEST,
      rate: RATE,
      connections: 64,
      warmUpSeconds: 1,
      seconds,
    });
  if (how === "alone") {
    const result = await load();
    field.assertAlive();
    return { ...result, attack: undefined };
  }
  await using senders = await startLoadProgram({
    file: "slow-senders.ts",
    core: bench.options.proxyCore,
    files: SENDERS + 1_000,
    spareTimeOnly: true,
  });
  await senders.order<SlowAnswer>({ port, connections: SENDERS }, 60_000);
  await pause(2_000);
  const result = await load(senders.program.pid);
  field.assertAlive();
  const attack = await senders.order<SlowAnswer>("report", 5_000);
  must(attack.open > SENDERS / 2, `${name}: only ${attack.open} slow senders are connected at the end`);
  await senders.program.stop("SIGKILL");
  await pause(2_000); // the proxy buries them
  return { ...result, attack };
}

function slowTable(runs: Runs): Table {
  const cell = (all: readonly SlowRun[], key: "p50" | "p99" | "p999"): string => {
    const { min, median: middle, max } = spread(all.map((one) => one[key]));
    return `**${middle.toFixed(0)}** (${min.toFixed(0)}–${max.toFixed(0)})`;
  };
  return {
    title: `Good clients at ${RATE} requests/s`,
    head: [
      "case",
      "p50 µs: median (min–max)",
      "p99 µs",
      "p99.9 µs",
      "generator late p99 µs",
      "senders closed",
    ],
    rows: Object.entries(runs).map(([name, all]) => [
      name,
      cell(all, "p50"),
      cell(all, "p99"),
      cell(all, "p999"),
      median(all.map((one) => one.lateP99)).toFixed(0),
      all[0]?.attack ? median(all.map((one) => one.attack?.closed ?? 0)).toFixed(0) : "–",
    ]),
    notes: [
      noiseNote(Object.values(runs).flatMap((all) => all.map(({ noise }) => ({ noise, discarded: [] })))),
    ],
  };
}

function verdict(runs: Runs): Verdict {
  const p99 = (name: Case): number[] | undefined => runs[name]?.map((one) => one.p99);
  const alone = p99("torana alone");
  const attacked = p99("torana attacked");
  const base = { what: "p99 of good clients under attack", bar: BAR, unit: " × without" };
  if (!alone || !attacked) return { ...base, measured: undefined };
  const each = ratios(attacked, alone);
  return {
    ...base,
    measured: median(each),
    note: `rounds ${each.map((ratio) => ratio.toFixed(2)).join(", ")}`,
  };
}
