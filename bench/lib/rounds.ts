import type { Bench } from "./scenario.ts";

export interface RoundsPlan<Name extends string, Result> {
  readonly bench: Bench;
  /** What is measured, for the progress line. */
  readonly what: string;
  readonly names: readonly Name[];
  /** One run; round 0 is the warm-up and its result is dropped. */
  readonly run: (name: Name, round: number) => Promise<Result>;
  /** False leaves the warm-up out. Default true. */
  readonly warmUp?: boolean;
}

/** Runs the names in turn, a round after the other, so that a slow minute of the machine meets all of them. */
export async function alternate<Name extends string, Result>(
  plan: RoundsPlan<Name, Result>,
): Promise<Record<Name, Result[]>> {
  const { bench, names, what } = plan;
  const first = plan.warmUp === false ? 1 : 0;
  bench.progress.expect((bench.rounds + 1 - first) * names.length);
  const results = Object.fromEntries(names.map((name) => [name, [] as Result[]])) as Record<Name, Result[]>;
  for (let round = first; round <= bench.rounds; round += 1) {
    for (const name of names) {
      bench.progress.now(
        `${what}: ${name}, ${round === 0 ? "warm-up" : `round ${round} of ${bench.rounds}`}`,
      );
      const result = await plan.run(name, round);
      if (round > 0) results[name].push(result);
      bench.progress.step();
    }
  }
  return results;
}
