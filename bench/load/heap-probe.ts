/**
 * Loaded into a gateway process by `node --import` to tell the size of its heap: in each thread, when a file
 * `ask-N` appears in the folder TORANA_BENCH_HEAP, it collects garbage and writes `heap-N-THREAD.json` there.
 */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { threadId } from "node:worker_threads";

const folder = process.env["TORANA_BENCH_HEAP"] ?? "";
let next = 1;

function look(): void {
  if (!existsSync(join(folder, `ask-${next}`))) return;
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  const { used_heap_size: used, external_memory: external } = getHeapStatistics();
  writeFileSync(join(folder, `heap-${next}-${threadId}.json`), JSON.stringify({ used, external }));
  next += 1;
}

if (folder !== "") setInterval(look, 200).unref();
