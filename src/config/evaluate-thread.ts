/** The body of the thread that runs a config written as code, and sends its data. */
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { extname } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parentPort, workerData } from "node:worker_threads";
import type { Evaluated } from "./evaluate.ts";

const { path } = workerData as { path: string };
const OWN = new URL(`../index${extname(import.meta.url)}`, import.meta.url).href;
const HOME = new URL("..", import.meta.url).href;
const files = new Set<string>();

registerHooks({
  resolve(specifier, context, next) {
    if (specifier === "torana") return { ...next(OWN, context), shortCircuit: true };
    const found = next(specifier, context);
    // What the gateway itself and packages are made of does not change while it runs.
    if (found.url.startsWith("file:") && !found.url.startsWith(HOME) && !found.url.includes("/node_modules/"))
      files.add(fileURLToPath(found.url));
    return found;
  },
});

let answer: Evaluated;
try {
  const module = (await import(pathToFileURL(path).href)) as Readonly<Record<string, unknown>>;
  const value = module["config"] ?? module["default"];
  answer =
    value === undefined || value === null
      ? { reason: "exports no config", cure: "write: export const config = defineConfig({ … })" }
      : (flawOf(value) ?? { value, files: [...files] });
} catch (error) {
  answer = failure(error);
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

/** What was thrown, with the place in the config's own code. */
function failure(thrown: unknown): Evaluated {
  const {
    message,
    stack = "",
    code,
  } = (thrown instanceof Error ? thrown : new Error(String(thrown))) as NodeJS.ErrnoException;
  const reason = `cannot be run: ${message.replaceAll(/ imported from .*$/g, "").split("\n")[0]}`;
  const cure =
    code === "ERR_MODULE_NOT_FOUND"
      ? "correct the import"
      : code === "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX"
        ? "use only types that can be left out"
        : "correct the code";
  const head = /^(?:file:\/\/)?(\/[^\n]+):(\d+)\n/.exec(stack);
  if (head !== null) return { reason, cure, file: head[1]!, line: Number(head[2]), column: 1 };
  for (const [, file, line, column] of stack.matchAll(/\(?(file:\/\/\/[^\s()]+):(\d+):(\d+)\)?/g))
    if (!file!.startsWith(HOME))
      return { reason, cure, file: fileURLToPath(file!), line: Number(line), column: Number(column) };
  return { reason, cure, ...placeOfImport(message) };
}

/** The line of the import that a message is about. */
function placeOfImport(message: string): { file: string; line: number; column: number } | undefined {
  const target = /'([^']+)'/.exec(message)?.[1];
  if (target === undefined) return undefined;
  const name = target.split("/").at(-1)!;
  const lines = readFileSync(path, "utf8").split("\n");
  const line = lines.findIndex((text) => /\bimport\b|\bfrom\b/.test(text) && text.includes(name));
  return line === -1 ? undefined : { file: path, line: line + 1, column: lines[line]!.indexOf(name) + 1 };
}
