import type { Noise } from "./noise.ts";
import type { Options } from "./options.ts";
import type { PeerName } from "./peer.ts";
import type { Progress } from "./progress.ts";

/** How often and how long a scenario measures. */
export interface Extent {
  readonly rounds: number;
  readonly seconds: number;
}

/** What a scenario is given. */
export interface Bench extends Extent {
  readonly options: Options;
  /** The proxies to compare, in the order of a round. */
  readonly peers: readonly PeerName[];
  /** A folder that is removed afterwards. */
  readonly folder: string;
  readonly progress: Progress;
}

/** One promise of the project, measured. */
export interface Verdict {
  readonly what: string;
  /** Undefined when a proxy that it needs was left out. */
  readonly measured: number | undefined;
  /** The measured value must not exceed it. */
  readonly bar: number;
  /** Text after both numbers: " × nginx", " B". */
  readonly unit: string;
  /** Numbers after the decimal point; default 2. */
  readonly digits?: number;
  /** For the reader: the spread, what it is made of. */
  readonly note?: string;
}

export interface Table {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly notes?: readonly string[];
}

/** What a scenario found. */
export interface Outcome {
  readonly tables: readonly Table[];
  readonly verdicts: readonly Verdict[];
  /** How it was measured, one sentence each. */
  readonly method: readonly string[];
  /** The configs of the proxies, by name. */
  readonly configs: Readonly<Record<string, string>>;
  /** Noise of the runs that count; left out where time is not measured. */
  readonly noise?: readonly Noise[];
  /** Everything that was measured, round by round. */
  readonly raw: unknown;
}

export interface Scenario {
  readonly name: string;
  /** One line for the list of scenarios. */
  readonly summary: string;
  readonly peers: readonly PeerName[];
  readonly full: Extent;
  readonly quick: Extent;
  run(bench: Bench): Promise<Outcome>;
}
