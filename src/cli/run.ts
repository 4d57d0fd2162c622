import { loadConfig } from "../config/load.ts";
import { ConfigError } from "../config/problem.ts";
import { loadCatalog } from "../snapshot/catalog.ts";
import { Gateway } from "../supervisor/gateway.ts";
import { type Command, EXIT, UsageError } from "./command.ts";

/** How long requests in flight may take after SIGTERM, in milliseconds. */
const GRACE = 30_000;

/** `torana run FILE`: serves until SIGTERM or SIGINT. */
export const run: Command = {
  summary: "serve as a config says, until SIGTERM or Ctrl-C",
  usage: "FILE",
  run: serve,
};

async function serve(args: readonly string[]): Promise<number> {
  const [file, ...more] = args;
  if (file === undefined || more.length > 0) throw new UsageError("one config file is needed");
  const gateway = new Gateway({ log: (line) => console.error(line) });
  try {
    const config = await loadConfig(file);
    await gateway.start(config, await loadCatalog(config));
  } catch (error) {
    console.error(error instanceof ConfigError ? error.message : `torana: ${(error as Error).message}`);
    return error instanceof ConfigError ? EXIT.config : EXIT.failed;
  }
  for (const { name, address } of gateway.listeners.all) console.log(`listening on ${address} (${name})`);
  const { promise, resolve } = Promise.withResolvers<void>();
  process.once("SIGTERM", resolve).once("SIGINT", resolve);
  await promise;
  await gateway.stop(GRACE);
  return EXIT.ok;
}
