/** The body of the thread that asks a source for a certificate, and sends what it gave. */
import { pathToFileURL } from "node:url";
import { parentPort, workerData } from "node:worker_threads";
import type { SourceAnswer, SourceOrder } from "./ask-sources.ts";
import type { CertificateSource } from "./certificate-source.ts";
import { codeFailure } from "./code-failure.ts";
import { hookModules } from "./own-modules.ts";
import type { CodeProblem } from "./run-code.ts";

const order = workerData as SourceOrder;
const files = hookModules();

async function ask(): Promise<SourceAnswer> {
  const module: object = (await import(pathToFileURL(order.path).href)) as object;
  const [source, ...more] = new Set(Object.values(module).filter(looksLikeSource));
  if (source === undefined || more.length > 0)
    return {
      reason: source === undefined ? "exports no source" : `exports ${more.length + 1} sources`,
      cure: "write: export const source = defineCertificateSource({ … })",
    };
  const options = source.options?.safeParse(order.options ?? {});
  if (options?.success === false) return flawOf(options.error.issues[0]);
  const signal = AbortSignal.timeout(order.patience);
  const given: unknown = await source.read(options?.data ?? order.options, { hosts: order.hosts, signal });
  return { given, files: [...files] };
}

function looksLikeSource(value: unknown): value is CertificateSource {
  return typeof value === "object" && value !== null && "read" in value && typeof value.read === "function";
}

function flawOf(issue: { path: readonly PropertyKey[]; message: string } | undefined): CodeProblem {
  const where = ["options", ...(issue?.path ?? [])].map(String).join(".");
  return { reason: `does not take its ${where}: ${issue?.message}`, cure: "correct the options" };
}

let answer: SourceAnswer;
try {
  answer = await ask();
} catch (error) {
  answer = { ...codeFailure(error, order.path), files: [...files] };
}
try {
  parentPort!.postMessage(answer);
} catch (error) {
  parentPort!.postMessage({
    reason: `gave what is not plain data: ${(error as Error).message}`,
    cure: "give { cert, key } as PEM text",
  });
}
