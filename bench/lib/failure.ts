/** A measurement that cannot be trusted or could not be made: it stops the scenario and nothing is written. */
export class BenchFailure extends Error {
  override readonly name = "BenchFailure";
}

/** Stops the scenario unless `condition` holds. */
export function must(condition: boolean, problem: string): asserts condition {
  if (!condition) throw new BenchFailure(problem);
}
