import { type LoadedConfig, readConfig } from "../config/load.ts";
import { ConfigError, problemLine } from "../config/problem.ts";
import { SnapshotChecker } from "../snapshot/check.ts";
import type { CompiledSnapshot } from "../snapshot/compile.ts";
import { EXIT } from "./command.ts";

/** A config that is compiled and serves nobody. */
export interface OpenConfig {
  readonly loaded: LoadedConfig;
  readonly snapshot: CompiledSnapshot;
}

/** Compiles a config file and looks at it; gives the exit code: of the look, or that of a config with problems, which are told. */
export async function withConfig(file: string, look: (open: OpenConfig) => Promise<number>): Promise<number> {
  const checker = new SnapshotChecker();
  try {
    const loaded = await readConfig(file);
    await checker.check(loaded.config, file, loaded.locate);
    return await look({ loaded, snapshot: checker.snapshot! });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const problem of error.problems) console.error(problemLine(problem));
    return EXIT.config;
  } finally {
    checker.close();
  }
}
