import { ConfigError, type ConfigProblem, type Locate, type Origin, pathText, problemAt } from "./problem.ts";
import { hideSecrets, type Secrets } from "./secrets.ts";

interface Finding {
  readonly origin: Origin;
  readonly reason: string;
  readonly cure: string;
  readonly part: "value" | "key";
}

/** What is wrong with a config, as it is found; the same at the same place only once. */
export class Findings {
  readonly #found = new Map<string, Finding>();

  add(origin: Origin, reason: string, cure: string, part: "value" | "key" = "value"): void {
    this.#found.set(`${origin.file}\0${pathText(origin.path)}\0${reason}`, { origin, reason, cure, part });
  }

  get size(): number {
    return this.#found.size;
  }

  /** Whether something was found at a place or within it. */
  within({ file, path }: Origin): boolean {
    return this.#found
      .values()
      .some(({ origin }) => origin.file === file && path.every((key, i) => origin.path[i] === key));
  }

  /** Problems for people: with their places, without secrets; in the order of files and lines. */
  problems(locate: Locate | undefined, secrets: Secrets): ConfigProblem[] {
    const shown = [...this.#found.values()].map(({ origin, reason, cure, part }) =>
      problemAt(origin, hideSecrets(reason, secrets), hideSecrets(cure, secrets), locate, part),
    );
    const order = (problem: ConfigProblem): number => (problem.line ?? 0) * 10_000 + (problem.column ?? 0);
    const files = [...new Set(shown.map(({ file }) => file))];
    return shown.sort((a, b) => files.indexOf(a.file) - files.indexOf(b.file) || order(a) - order(b));
  }

  /** Throws a ConfigError where anything was found. */
  throwIfAny(locate: Locate | undefined, secrets: Secrets): void {
    if (this.#found.size > 0) throw new ConfigError(this.problems(locate, secrets));
  }
}
