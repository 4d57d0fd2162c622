import { isPolicyFile } from "../config/policy-path.ts";
import { ConfigError, type ConfigProblem, type Locate, type Origin } from "../config/problem.ts";
import type { Config } from "../config/schema.ts";
import type { PolicyDefinition } from "../pipeline/policy.ts";
import { SHIPPED } from "../policies/index.ts";
import type { PolicyCatalog } from "./compile-policies.ts";
import { eachPolicy } from "./policy-entries.ts";
import { noteSecretOptions } from "./secret-options.ts";
import type { UserFile } from "./user-graph.ts";
import { filesOf, loadUserPolicy, readUserCode } from "./user-policies.ts";

/**
 * Loads the policies that a config names, and no others: shipped ones by their names, a user's own by the paths of their
 * files; `extra` goes first. `file` is where the config came from; `code` what `readCode` gave, where not what the files
 * hold now is meant. What the options of policies mark as secret is kept with the config's secrets. Throws a ConfigError with
 * the problems of all files.
 */
export async function loadCatalog(
  config: Config,
  extra: ReadonlyMap<string, PolicyDefinition> = new Map(),
  file = "config",
  code: UserCode = readCode(config),
  locate?: Locate,
): Promise<PolicyCatalog> {
  const catalog = new Map(extra);
  const problems: ConfigProblem[] = [];
  const files = new Map(code.map((one) => [one.url, one]));
  for (const [name, origin] of namesIn(config, file)) {
    if (catalog.has(name)) continue;
    try {
      const policy = await (isPolicyFile(name) ? loadUserPolicy(name, origin, files) : shipped(name));
      if (policy !== undefined) catalog.set(name, policy);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(...error.problems.map((problem) => located(problem, origin, locate)));
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);
  noteSecretOptions(config, catalog, file);
  return catalog;
}

function shipped(name: string): Promise<PolicyDefinition> | undefined {
  return Object.hasOwn(SHIPPED, name) ? SHIPPED[name]!() : undefined;
}

/**
 * All files of the users' own policies of a config, with their texts: plain data that can be sent to another thread, which
 * then loads what was checked and not what the files have become.
 */
export type UserCode = readonly UserFile[];

/** Reads the users' own policies of a config. Never throws: what is missing is told when it is loaded. */
export function readCode(config: Config): UserCode {
  return [...readUserCode([...namesIn(config).keys()].filter(isPolicyFile)).values()];
}

/** Every file that code was read from, absolute; also one that is imported and not there yet. */
export function filesIn(code: UserCode): string[] {
  return filesOf(new Map(code.map((one) => [one.url, one])));
}

/** Names of all policies that stand in a config, and where each stands first. */
export function namesIn(config: Config, file = "config"): Map<string, Origin> {
  const names = new Map<string, Origin>();
  eachPolicy(config, file, (entry, place) => {
    for (const name in entry) if (!names.has(name)) names.set(name, place());
  });
  return names;
}

/** A problem of the config itself gets its line; one in a user's file has it. */
function located(problem: ConfigProblem, origin: Origin, locate: Locate | undefined): ConfigProblem {
  const at = problem.line === undefined && problem.file === origin.file ? locate?.(origin) : undefined;
  return at === undefined ? problem : { ...problem, line: at.line, column: at.column };
}
