import { Findings } from "../config/findings.ts";
import { ConfigError, type ConfigProblem, type Locate } from "../config/problem.ts";
import type { Config } from "../config/schema.ts";
import { hideIn, secretsOf } from "../config/secrets.ts";
import type { Residual } from "../routing/residuals.ts";
import { filesIn, loadCatalog, readCode, type UserCode } from "./catalog.ts";
import { type CompiledSnapshot, compileSnapshot } from "./compile.ts";
import { closePolicies } from "./compile-policies.ts";
import { Pools } from "./pools.ts";
import { RouteStates } from "./route-states.ts";
import { findShadowed } from "./shadowed.ts";
import { SlotNumbers } from "./slot-numbers.ts";

/** What a config depends on beside its own text. */
export interface Checked {
  /** Every file that it was made of, absolute. */
  readonly files: readonly string[];
  /** The users' own policies as they were checked: a UserCode in JSON. */
  readonly code: string;
  /** What serves, but was hardly meant so. */
  readonly warnings: readonly ConfigProblem[];
  /** Hosts and paths whose routes are told apart by further conditions. */
  residuals(): readonly Residual[];
}

/** Builds snapshots only to see whether they can be; what is unchanged since the one before is not built again. */
export class SnapshotChecker {
  readonly #slots = new SlotNumbers();
  readonly #states = new RouteStates();
  readonly #pools = new Pools("data");
  #before: CompiledSnapshot | undefined = undefined;

  /** The snapshot of the config that was checked last. */
  get snapshot(): CompiledSnapshot | undefined {
    return this.#before;
  }

  /** Checks a config, with the users' own policies as `readCode` gave them. Throws a ConfigError with every problem. */
  async check(
    config: Config,
    file: string,
    locate?: Locate,
    code: UserCode = readCode(config),
  ): Promise<Checked> {
    const snapshot = await this.#compile(config, file, code, locate).catch((error: unknown) => {
      // What policies say about their options may hold what must not be shown.
      throw error instanceof ConfigError
        ? new ConfigError(hideIn(error.problems, secretsOf(config)) as ConfigProblem[])
        : error;
    });
    const secrets = secretsOf(config);
    this.#replace(snapshot);
    const problems = new Findings();
    const warnings = new Findings();
    findShadowed(snapshot, problems, warnings);
    problems.throwIfAny(locate, secrets);
    return {
      files: [file, ...filesIn(code)],
      code: JSON.stringify(code),
      warnings: warnings.problems(locate, secrets),
      residuals: () => snapshot.router.residuals(),
    };
  }

  async #compile(
    config: Config,
    file: string,
    code: UserCode,
    locate: Locate | undefined,
  ): Promise<CompiledSnapshot> {
    const parts = {
      pools: this.#pools,
      states: this.#states,
      slots: this.#slots,
      meter: { record: () => undefined },
      sink: { failure: () => undefined },
      catalog: await loadCatalog(config, undefined, file, code, locate),
      file,
      ...(locate !== undefined && { locate }),
    };
    return compileSnapshot(config, parts, this.#before);
  }

  #replace(snapshot: CompiledSnapshot | undefined): void {
    const policies = snapshot?.policies ?? new Set();
    if (this.#before !== undefined) closePolicies(this.#before.policies.difference(policies), this.#slots);
    this.#before = snapshot;
  }

  /** Closes the policies. */
  close(): void {
    this.#replace(undefined);
  }
}

/** Builds a snapshot only to see whether it can be. Throws a ConfigError with every problem. */
export async function checkSnapshot(config: Config, file: string, locate?: Locate): Promise<Checked> {
  const checker = new SnapshotChecker();
  try {
    return await checker.check(config, file, locate);
  } finally {
    checker.close();
  }
}
