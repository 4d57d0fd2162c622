import { Worker } from "node:worker_threads";

/** How long a config's code may run, in milliseconds. */
export const CODE_TIMEOUT = 10_000;

/** What is wrong with a config's code, with its place where that is known. */
export interface CodeProblem {
  readonly reason: string;
  readonly cure: string;
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
}

/**
 * Runs code of a config in a thread of its own, with a time limit: gives the first message of the thread, or what kept it from it.
 * @param file of the thread: `.ts` in a checkout, `.js` in the published package
 * @param thing what the code is to give, in words
 * @param late what to do where that takes too long
 */
export async function runCode<T extends object>(
  file: URL,
  data: object,
  thing: string,
  late: string,
): Promise<T | CodeProblem> {
  const { promise, resolve } = Promise.withResolvers<T | CodeProblem>();
  const worker = new Worker(file, {
    workerData: data,
    // What it prints must not mix with what the command prints.
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: 512 },
  });
  const timer = setTimeout(
    () =>
      resolve({
        reason: `ran for more than ${CODE_TIMEOUT / 1_000} s`,
        cure: late,
      }),
    CODE_TIMEOUT,
  );
  worker.once("message", (answer: T | CodeProblem) => resolve(answer));
  worker.once("error", (error) =>
    resolve({ reason: `failed: ${(error as Error).message}`, cure: "correct the code" }),
  );
  worker.once("exit", () =>
    resolve({ reason: `ended its thread before it gave ${thing}`, cure: "remove process.exit" }),
  );
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}
