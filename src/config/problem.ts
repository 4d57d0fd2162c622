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

/** Where something was written: the file, and the keys and indexes that lead to it. */
export interface Origin {
  readonly file: string;
  readonly path: readonly PropertyKey[];
}

/** A place in a text; both count from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** Where in the texts of a config something stands: the value, or the key by which it is written. */
export type Locate = (origin: Origin, part?: "value" | "key") => Place | undefined;

/** A problem, with its place in the text where there is one. */
export function problemAt(
  { file, path }: Origin,
  reason: string,
  cure?: string,
  locate?: Locate,
  part?: "value" | "key",
): ConfigProblem {
  const at = locate?.({ file, path }, part);
  return { file, line: at?.line, column: at?.column, path: pathText(path), reason, cure };
}

/** A path as people write it: `services.catalog.endpoints[0]`; keys that are paths themselves in quotes. */
export function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((key, i) => {
      if (typeof key === "number") return `[${key}]`;
      const name = String(key);
      return /^[./]/.test(name) ? `[${JSON.stringify(name)}]` : `${i === 0 ? "" : "."}${name}`;
    })
    .join("");
}

/** A config with problems: all of them. */
export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[];
  /** Every file that was read for it, absolute, where they are known. */
  files: readonly string[] | undefined = undefined;
  /** When it is to be read again whatever changes, in milliseconds. */
  again: number | undefined = undefined;

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
