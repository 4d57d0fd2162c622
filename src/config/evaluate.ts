import { Worker } from "node:worker_threads";
import type { FindPlace } from "./places.ts";
import { placesInCode } from "./places-in-code.ts";
import { ConfigError, problemAt } from "./problem.ts";

/** How long a config's code may run, in milliseconds. */
const TIMEOUT = 10_000;

/** What the thread that runs a config's code answers. */
export type Evaluated =
  | { readonly value: unknown; readonly files: readonly string[] }
  | {
      readonly reason: string;
      readonly cure: string;
      readonly file?: string;
      readonly line?: number;
      readonly column?: number;
    };

/** Runs a config that is code, in a thread of its own with a time limit. Throws a ConfigError with its file and line. */
export async function evaluateConfig(
  path: string,
  file: string,
  text: string,
): Promise<{ value: unknown; places: FindPlace; files: readonly string[] }> {
  const answer = await run(path);
  if ("value" in answer) return { value: answer.value, places: placesInCode(text), files: answer.files };
  const { reason, cure, line, column } = answer;
  const shown = answer.file === undefined || answer.file === path ? file : answer.file;
  throw new ConfigError([
    { ...problemAt({ file: shown, path: [] }, reason, cure), line: line ?? 1, column: column ?? 1 },
  ]);
}

async function run(path: string): Promise<Evaluated> {
  const { promise, resolve } = Promise.withResolvers<Evaluated>();
  // `.ts` in a checkout, `.js` in the published package.
  const worker = new Worker(new URL(import.meta.url.replace(/evaluate(\.\w+)$/, "evaluate-thread$1")), {
    workerData: { path },
    // What it prints must not mix with what the command prints.
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: 512 },
  });
  const timer = setTimeout(
    () =>
      resolve({
        reason: `ran for more than ${TIMEOUT / 1_000} s`,
        cure: "let it only make data: nothing to wait for, no endless loop",
      }),
    TIMEOUT,
  );
  worker.once("message", (answer: Evaluated) => resolve(answer));
  worker.once("error", (error) =>
    resolve({ reason: `failed: ${(error as Error).message}`, cure: "correct the code" }),
  );
  worker.once("exit", () =>
    resolve({ reason: "ended its thread before it gave a config", cure: "remove process.exit" }),
  );
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}
