import type { FindPlace } from "./places.ts";
import { placesInCode } from "./places-in-code.ts";
import { ConfigError, problemAt } from "./problem.ts";
import { type CodeProblem, runCode } from "./run-code.ts";

/** What the thread that runs a config's code answers. */
export type Evaluated = { readonly value: unknown; readonly files: readonly string[] } | CodeProblem;

/** Runs a config that is code, in a thread of its own with a time limit. Throws a ConfigError with its file and line. */
export async function evaluateConfig(
  path: string,
  file: string,
  text: string,
): Promise<{ value: unknown; places: FindPlace; files: readonly string[] }> {
  // `.ts` in a checkout, `.js` in the published package.
  const thread = new URL(import.meta.url.replace(/evaluate(\.\w+)$/, "evaluate-thread$1"));
  const late = "let it only make data: nothing to wait for, no endless loop";
  const answer = await runCode<Evaluated>(thread, { path }, "a config", late);
  if ("value" in answer) return { value: answer.value, places: placesInCode(text), files: answer.files };
  const { reason, cure, line, column } = answer;
  const shown = answer.file === undefined || answer.file === path ? file : answer.file;
  throw new ConfigError([
    { ...problemAt({ file: shown, path: [] }, reason, cure), line: line ?? 1, column: column ?? 1 },
  ]);
}
