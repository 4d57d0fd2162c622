/** The body of the thread that runs a config written as code, and sends its data. */
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { parentPort, workerData } from "node:worker_threads";
import { codeFailure } from "./code-failure.ts";
import type { Evaluated } from "./evaluate.ts";
import { hookModules } from "./own-modules.ts";

const { path } = workerData as { path: string };
const files = hookModules();

let answer: Evaluated;
try {
  const module = (await import(pathToFileURL(path).href)) as Readonly<Record<string, unknown>>;
  const value = module["config"] ?? module["default"];
  answer =
    value === undefined || value === null
      ? { reason: "exports no config", cure: "write: export const config = defineConfig({ … })" }
      : (flawOf(value) ?? { value, files: [...files] });
} catch (error) {
  answer = codeFailure(error, path);
}
try {
  parentPort!.postMessage(answer);
} catch (error) {
  parentPort!.postMessage({
    reason: `is not plain data: ${(error as Error).message}`,
    cure: "write maps, lists, text, numbers and booleans",
  });
}

/** What could not be handed over as data: functions, promises, instances of classes. */
function flawOf(value: unknown, at: readonly PropertyKey[] = [], depth = 0): Evaluated | undefined {
  if (depth > 100)
    return {
      reason: "is nested too deeply, or holds itself",
      cure: "write at most 100 maps and lists within one another",
    };
  const where = at.length === 0 ? "the config" : at.map(String).join(".");
  const cure = "write maps, lists, text, numbers, true, false or null";
  if (typeof value === "function" || typeof value === "symbol" || typeof value === "bigint")
    return { reason: `${where} is a ${typeof value}, not plain data`, cure, ...placeOfKey(at) };
  if (typeof value !== "object" || value === null) return undefined;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) {
    const kind = (value.constructor as { name?: string } | undefined)?.name ?? "object";
    return {
      reason: `${where} is a ${kind}, not plain data`,
      cure: kind === "Promise" ? "await it" : cure,
      ...placeOfKey(at),
    };
  }
  for (const [key, one] of Object.entries(value)) {
    const flaw = flawOf(one, [...at, Array.isArray(value) ? Number(key) : key], depth + 1);
    if (flaw !== undefined) return flaw;
  }
  return undefined;
}

/** The line that a key is written in, when it stands in the file only once. */
function placeOfKey(at: readonly PropertyKey[]): { file: string; line: number; column: number } | undefined {
  const key = at.findLast((one) => typeof one === "string");
  if (key === undefined) return undefined;
  const text = readFileSync(path, "utf8");
  const found = [...text.matchAll(/[A-Za-z_$][\w$]*/g)].filter(([word]) => word === key);
  if (found.length !== 1) return undefined;
  const before = text.slice(0, found[0]!.index).split("\n");
  return { file: path, line: before.length, column: before.at(-1)!.length + 1 };
}
