import { loadConfig } from "../config/load.ts";
import { ConfigError } from "../config/problem.ts";
import { type Gateway, startChecked } from "../supervisor/gateway.ts";

/** How long requests in flight may take after SIGTERM, in milliseconds. */
const GRACE = 30_000;

/** `torana run FILE`: serves until SIGTERM or SIGINT. Gives the exit code: 0 stopped, 1 cannot listen, 2 bad config. */
export async function run(file: string): Promise<number> {
  let gateway: Gateway;
  try {
    gateway = await startChecked(await loadConfig(file), { log: (line) => console.error(line) });
  } catch (error) {
    console.error(error instanceof ConfigError ? error.message : `torana: ${(error as Error).message}`);
    return error instanceof ConfigError ? 2 : 1;
  }
  for (const { name, address } of gateway.listeners) console.log(`listening on ${address} (${name})`);
  const { promise, resolve } = Promise.withResolvers<void>();
  process.once("SIGTERM", resolve).once("SIGINT", resolve);
  await promise;
  await gateway.stop(GRACE);
  return 0;
}
