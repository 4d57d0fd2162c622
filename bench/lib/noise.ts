/** How quiet the machine was during a run: what else its cores did, and what the hypervisor took of them. */
import { coreTimes, cpuMicroseconds } from "./proc.ts";
import { median } from "./stats.ts";

/** Which core does what. */
export interface Cores {
  /** Core of the proxy under test. */
  readonly proxyCore: number;
  /** Core of load generator and upstream. */
  readonly loadCore: number;
}

/** Shares of a run's time, for one core. */
export interface CoreNoise {
  /** Used by programs that are no part of the run, or by the kernel for itself. */
  readonly foreign: number;
  /** Taken away by the hypervisor while there was work. */
  readonly stolen: number;
}

/** Noise on both cores; the load's core is not known for runs of wrk, which has ended when it could be asked. */
export interface Noise {
  readonly proxyCore: CoreNoise;
  readonly loadCore: CoreNoise | undefined;
}

/** Starts to watch a core; the returned function tells the noise since, beside these processes that belong there. */
export function watchCore(core: number, pids: readonly number[]): () => CoreNoise {
  const own = (): number => pids.reduce((sum, pid) => sum + cpuMicroseconds(pid), 0);
  const started = performance.now();
  const before = coreTimes(core);
  const ownBefore = own();
  return () => {
    const after = coreTimes(core);
    const elapsed = (performance.now() - started) * 1_000;
    const foreign = after.busy - before.busy - (own() - ownBefore);
    return {
      foreign: Math.max(0, foreign / elapsed),
      stolen: (after.stolen - before.stolen) / elapsed,
    };
  };
}

const QUIET = 0.02;
const ATTEMPTS = 3;

/** For the page of results, when `--repeat-disturbed` was given. */
export const REPEAT_METHOD =
  "With --repeat-disturbed, a run during which a watched core lost more than 2 % to other programs, the kernel's own threads or the hypervisor is made up to two times again at once, and the run that lost least counts. A proxy can cause part of that loss itself (files that the kernel writes later, for one), so the runs that do not count are in the JSON file, and their number stands below each table.";

/** A run that counts, and those that it replaced. */
export type Chosen<Run> = Run & { readonly discarded: readonly Run[] };

/** One run; with `repeat`, the least disturbed of at most three, none of which is lost. */
export async function choose<Run extends { readonly noise: Noise }>(
  repeat: boolean,
  run: () => Promise<Run>,
): Promise<Chosen<Run>> {
  let best = await run();
  const discarded: Run[] = [];
  while (repeat && discarded.length < ATTEMPTS - 1 && lossOf(best.noise) > QUIET) {
    const again = await run();
    const better = lossOf(again.noise) < lossOf(best.noise);
    discarded.push(better ? best : again);
    if (better) best = again;
  }
  return { ...best, discarded };
}

/** Median loss of the runs, as a share of the busier core's time: beyond 5 % a result does not stand. */
export function disturbance(all: readonly Noise[]): number {
  return median(all.map(lossOf));
}

function lossOf({ proxyCore, loadCore }: Noise): number {
  return Math.max(proxyCore.foreign + proxyCore.stolen, loadCore ? loadCore.foreign + loadCore.stolen : 0);
}

/** Sentences about the noise of all runs of a table, and how many runs were replaced. */
export function noiseNote(runs: readonly { noise: Noise; discarded: readonly unknown[] }[]): string {
  const all = runs.map(({ noise }) => noise);
  const sentences = [
    sentence(
      "proxy's",
      all.map(({ proxyCore }) => proxyCore),
    ),
  ];
  const load = all.flatMap(({ loadCore }) => loadCore ?? []);
  if (load.length > 0) sentences.push(sentence("load's", load));
  const discarded = runs.reduce((sum, run) => sum + run.discarded.length, 0);
  if (discarded > 0) sentences.push(`${discarded} disturbed runs do not count, ${runs.length} do.`);
  return sentences.join(" ");
}

function sentence(which: string, all: readonly CoreNoise[]): string {
  const shares = (key: keyof CoreNoise): string => {
    const values = all.map((one) => one[key]);
    return `${percent(median(values))} in the median, ${percent(Math.max(...values))} in the worst run`;
  };
  return `Noise on the ${which} core: other programs ${shares("foreign")}; hypervisor ${shares("stolen")}.`;
}

/** A share as text: "1.5 %". */
export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
