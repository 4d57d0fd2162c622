/** The measure of `peers`, `bodies` and their like: CPU time of the proxy for each request that was completed. */

import { must } from "./failure.ts";
import type { Field } from "./field.ts";
import { type Chosen, choose, type Noise, noiseNote, percent, watchCore } from "./noise.ts";
import type { PeerName } from "./peer.ts";
import { cpuMicroseconds } from "./proc.ts";
import { alternate } from "./rounds.ts";
import type { Bench, Table, Verdict } from "./scenario.ts";
import { median, ratios, spread } from "./stats.ts";
import { runWrk, type WrkSummary } from "./wrk.ts";

export interface CpuJob {
  /** Names the load: "100 KB answer". */
  readonly what: string;
  readonly path: string;
  readonly method?: string;
  readonly bodyBytes?: number;
  readonly connections: number;
  /** wrk asks over TLS; default false. */
  readonly tls?: boolean;
  /** Torana may cost so many times what nginx costs. */
  readonly bar: number;
  /** What the cost is counted for; default "request". */
  readonly per?: string;
  /** Says in the title how the load comes; default its connections. */
  readonly shape?: string;
  /** Makes the load; default wrk. */
  readonly load?: (target: LoadTarget) => Promise<WrkSummary>;
}

/** Where a load goes, and for how long. */
export interface LoadTarget {
  /** For messages. */
  readonly what: string;
  readonly port: number;
  /** The load's core. */
  readonly core: number;
  readonly seconds: number;
}

/** One run of one proxy. */
export interface CpuRun {
  /** Microseconds of CPU time (user and system) for each request. */
  readonly cpuUs: number;
  readonly requestsPerSecond: number;
  readonly megabytesPerSecond: number;
  /** Share of the run for which the proxy used its core. */
  readonly proxyShare: number;
  readonly noise: Noise;
  readonly requests: number;
}

export type CpuRuns = Partial<Record<PeerName, Chosen<CpuRun>[]>>;

/** Measures all proxies of the field in alternating rounds. */
export function measureCpu(bench: Bench, field: Field, job: CpuJob): Promise<CpuRuns> {
  return alternate({
    bench,
    what: job.what,
    names: [...field.peers.keys()],
    run: (name, round) => {
      const once = (): Promise<CpuRun> => cpuRun(bench, field, job, name);
      return choose(round > 0 && bench.options.repeatDisturbed, once);
    },
  });
}

async function cpuRun(bench: Bench, field: Field, job: CpuJob, name: PeerName): Promise<CpuRun> {
  const peer = field.peers.get(name);
  must(peer !== undefined, `${name} was not started`);
  const { proxyCore, loadCore } = bench.options;
  const cpuBefore = cpuMicroseconds(peer.pid);
  const noise = watchCore(proxyCore, [peer.pid]);
  const started = performance.now();
  const { load = (target: LoadTarget) => runWrk({ ...job, ...target }) } = job;
  const { seconds } = bench;
  const summary = await load({
    what: `${job.what} through ${name}`,
    port: peer.port,
    core: loadCore,
    seconds,
  });
  const elapsed = (performance.now() - started) * 1_000;
  field.assertAlive();
  const cpu = cpuMicroseconds(peer.pid) - cpuBefore;
  return {
    cpuUs: cpu / summary.requests,
    requestsPerSecond: (summary.requests / summary.durationUs) * 1e6,
    megabytesPerSecond: (summary.bytes + summary.requests * (job.bodyBytes ?? 0)) / summary.durationUs,
    proxyShare: cpu / elapsed,
    noise: { proxyCore: noise(), loadCore: undefined },
    requests: summary.requests,
  };
}

/** The table for people. */
export function cpuTable(job: CpuJob, runs: CpuRuns): Table {
  const entries = Object.entries(runs);
  const { per = "request", shape = `${job.connections} connections` } = job;
  return {
    title: `${job.what} (${shape})`,
    head: [
      "proxy",
      `CPU µs a ${per}: min`,
      "median",
      "max",
      "× nginx (median of rounds)",
      `${per}s/s`,
      "MB/s",
      "core used",
    ],
    rows: entries.map(([name, all]) => {
      const { min, median: middle, max } = spread(all.map((run) => run.cpuUs));
      return [
        name,
        min.toFixed(2),
        `**${middle.toFixed(2)}**`,
        max.toFixed(2),
        runs.nginx ? median(ratios(costs(all), costs(runs.nginx))).toFixed(2) : "–",
        Math.round(median(all.map((run) => run.requestsPerSecond))).toString(),
        Math.round(median(all.map((run) => run.megabytesPerSecond))).toString(),
        percent(median(all.map((run) => run.proxyShare))),
      ];
    }),
    notes: [noiseNote(entries.flatMap(([, all]) => all))],
  };
}

/** Torana's bar against nginx for this load. */
export function cpuVerdict(job: CpuJob, { torana, nginx }: CpuRuns): Verdict {
  const both = torana && nginx ? ratios(costs(torana), costs(nginx)) : undefined;
  const note =
    both === undefined
      ? {}
      : { note: `rounds ${Math.min(...both).toFixed(2)}–${Math.max(...both).toFixed(2)}` };
  return {
    what: `${job.what}: CPU a ${job.per ?? "request"}`,
    measured: both && median(both),
    bar: job.bar,
    unit: " × nginx",
    ...note,
  };
}

function costs(runs: readonly CpuRun[]): number[] {
  return runs.map((run) => run.cpuUs);
}
