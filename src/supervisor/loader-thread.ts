/** The body of the thread that reads, checks and compares configs, so that no thread that serves is held up by it. */
import { parentPort } from "node:worker_threads";
import { readConfig } from "../config/load.ts";
import { ConfigError } from "../config/problem.ts";
import { SnapshotChecker } from "../snapshot/check.ts";
import { ConfigMemory } from "./config-memory.ts";
import { updateTo } from "./config-parts.ts";
import type { LoadAnswer, LoadOrder } from "./loader.ts";

const port = parentPort!;
const memory = new ConfigMemory();
const checker = new SnapshotChecker();

port.on("message", async ({ id, file, known, generation }: LoadOrder) => {
  let answer: LoadAnswer;
  try {
    const { config: read, secrets, locate, files } = await readConfig(file);
    const { config, prints } = memory.recall(read, secrets);
    const checked = await checker.check(config, file, locate);
    const update = updateTo(config, prints, new Set(known), { generation, code: checked.code, secrets });
    answer = { id, update, files: [...new Set([...files, ...checked.files])] };
  } catch (error) {
    const problems = error instanceof ConfigError ? error.problems : undefined;
    answer = { id, refused: { problems, message: (error as Error).message } };
  }
  port.postMessage(answer);
});
