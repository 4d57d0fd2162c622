/** One command of the program. */
export interface Command {
  /** One line for the list of commands. */
  readonly summary: string;
  /** What is written behind its name: `[FILE] [--json]`. */
  readonly usage: string;
  /** Runs it; gives the exit code. */
  run(args: readonly string[]): Promise<number>;
}

/** Exit codes, after sysexits(3) where it has one. */
export const EXIT = {
  ok: 0,
  /** What was asked for failed: an address is taken, a file cannot be written. */
  failed: 1,
  /** The config has problems. */
  config: 2,
  /** The command line is not understood. */
  usage: 64,
} as const;

/** A command line that is not understood; its message says why. */
export class UsageError extends Error {}
