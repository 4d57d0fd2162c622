/** The body of the thread that reads, checks and compares configs, so that no thread that serves is held up by it. */
import { parentPort } from "node:worker_threads";
import { readConfig } from "../config/load.ts";
import { ConfigError } from "../config/problem.ts";
import { RouteMemory } from "../config/route-memory.ts";
import { secretsOf } from "../config/secrets.ts";
import { filesIn, readCode } from "../snapshot/catalog.ts";
import { SnapshotChecker } from "../snapshot/check.ts";
import { ConfigMemory } from "./config-memory.ts";
import { updateTo } from "./config-parts.ts";
import type { LoadAnswer, LoadedParts, LoadOrder } from "./loader.ts";
import { type ConfigUpdate, SLICE } from "./protocol.ts";

const port = parentPort!;
const memory = new ConfigMemory();
const routes = new RouteMemory();
const checker = new SnapshotChecker();

port.on("message", async ({ id, file, known, generation, consumers }: LoadOrder) => {
  routes.consumers.last = consumers;
  let answer: LoadAnswer;
  let made: string[] = [file];
  try {
    const { config: read, secrets, locate, files, again } = await readConfig(file, routes);
    const users = readCode(read);
    made = [...files, ...filesIn(users)];
    const { config, prints } = memory.recall(read, secrets);
    const checked = await checker.check(config, file, locate, users);
    const about = { generation, code: checked.code, secrets: secretsOf(config) };
    const update = updateTo(config, prints, new Set(known), about);
    answer = { id, update, files: [...new Set([...files, ...checked.files])], again };
  } catch (error) {
    const problems = error instanceof ConfigError ? error.problems : undefined;
    if (error instanceof ConfigError) made.push(...(error.files ?? []));
    const message = String((error as Error | null | undefined)?.message ?? error);
    const again = error instanceof ConfigError ? error.again : undefined;
    answer = { id, refused: { problems, message }, files: [...new Set(made)], again };
  }
  if ("update" in answer) answer = { ...answer, update: await sendParts(id, answer.update) };
  port.postMessage({ ...answer, consumers: routes.consumers.last } satisfies LoadAnswer);
});

/** Sends the parts of a large update piece by piece: read in one go, they would hold up the main thread. */
async function sendParts(id: number, update: ConfigUpdate): Promise<ConfigUpdate> {
  const { newRoutes } = update;
  for (let from = 0; from < newRoutes.length; from += SLICE) {
    port.postMessage({ id, routes: newRoutes.slice(from, from + SLICE) } satisfies LoadedParts);
    await new Promise((go) => setImmediate(go));
  }
  return { ...update, newRoutes: [] };
}
