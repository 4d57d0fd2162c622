/** Something in a config that must be mended before it can serve. */
export interface ConfigProblem {
  readonly file: string;
  /** 1 for the first; undefined where the config has no text. */
  readonly line: number | undefined;
  readonly column: number | undefined;
  /** Where in the document: `services.catalog.endpoints[0]`. */
  readonly path: string;
  /** What is wrong. */
  readonly reason: string;
  /** What to write instead. */
  readonly cure: string | undefined;
}

/** A config with problems: all of them. */
export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(problemLine).join("\n"));
    this.name = "ConfigError";
    this.problems = problems;
  }
}

/** One problem as a line for people. */
export function problemLine(problem: ConfigProblem): string {
  const place =
    problem.line === undefined ? problem.file : `${problem.file}:${problem.line}:${problem.column}`;
  const cure = problem.cure === undefined ? "" : `; ${problem.cure}`;
  return `${place}: ${problem.path === "" ? "" : `${problem.path}: `}${problem.reason}${cure}`;
}
