/** The harness's end of bench/load/heap-probe.ts. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { must } from "./failure.ts";
import { pause } from "./process.ts";
import { ROOT } from "./root.ts";

/** Live heap and external bytes of a thread. */
export interface Isolate {
  readonly used: number;
  readonly external: number;
}

/** The environment with which a gateway starts so that `heapsOf` can ask it. */
export function probeEnv(folder: string): Readonly<Record<string, string>> {
  const probe = pathToFileURL(join(ROOT, "bench/load/heap-probe.ts")).href;
  return { TORANA_BENCH_HEAP: folder, NODE_OPTIONS: `--import=${probe}` };
}

/** Collects garbage in each thread of the gateway; questions are numbered from 1. By thread: "0" is the main thread. */
export async function heapsOf(folder: string, question: number): Promise<Readonly<Record<string, Isolate>>> {
  must(!existsSync(join(folder, `ask-${question}`)), `question ${question} was asked already`);
  writeFileSync(join(folder, `ask-${question}`), "");
  await pause(3_000); // each thread looks five times a second, and a collection takes well below a second
  const found: [string, Isolate][] = [];
  for (const file of readdirSync(folder)) {
    const [, thread] = new RegExp(`^heap-${question}-(\\d+)\\.json$`).exec(file) ?? [];
    if (thread === undefined) continue;
    found.push([thread, JSON.parse(readFileSync(join(folder, file), "utf8")) as Isolate]);
  }
  must(found.length > 0, "the heap probe in the gateway did not answer");
  return Object.fromEntries(found);
}
