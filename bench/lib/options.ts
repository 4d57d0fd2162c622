import { parseArgs } from "node:util";
import { BenchFailure, must } from "./failure.ts";
import type { Cores } from "./noise.ts";
import type { PeerName } from "./peer.ts";

/** What the command line says; undefined = the scenario's own default. */
export interface Options extends Cores {
  readonly rounds: number | undefined;
  readonly seconds: number | undefined;
  readonly only: readonly PeerName[] | undefined;
  readonly quick: boolean;
  readonly write: boolean;
  /** Make disturbed runs again and keep the calmest. */
  readonly repeatDisturbed: boolean;
}

const NAMES: readonly string[] = ["torana", "nginx", "haproxy", "nginx-streaming"];

/** The help text's part about options. */
export const OPTIONS_HELP = `  --rounds N        measured rounds of each proxy
  --seconds S       length of a run (idle: of the wait before memory is read)
  --only A,B        only these proxies: torana, nginx, haproxy, nginx-streaming
  --quick           few and short rounds, to try the harness; marked as quick, written only with --write
  --write           write bench/results/ although the run was quick or partial
  --repeat-disturbed  peers, bodies, tls, handshakes, h2, latency: make a disturbed run again, up to two times; the calmest counts
  --proxy-core N    core of the proxy under test (default 0)
  --load-core N     core of load generator and upstream (default 1)`;

/** Parses what follows `node bench/run.ts`; throws a BenchFailure that says what is wrong. */
export function parseOptions(argv: readonly string[]): { names: string[]; options: Options } {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(argv);
  } catch (error) {
    throw new BenchFailure(error instanceof Error ? error.message : String(error));
  }
  const { values, positionals } = parsed;
  const options: Options = {
    rounds: count("--rounds", values.rounds),
    seconds: count("--seconds", values.seconds),
    only: values.only?.split(",").map(peerName),
    quick: values.quick,
    write: values.write,
    repeatDisturbed: values["repeat-disturbed"],
    proxyCore: core("--proxy-core", values["proxy-core"]),
    loadCore: core("--load-core", values["load-core"]),
  };
  must(options.proxyCore !== options.loadCore, "--proxy-core and --load-core must differ");
  return { names: positionals, options };
}

function parse(argv: readonly string[]) {
  return parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      rounds: { type: "string" },
      seconds: { type: "string" },
      only: { type: "string" },
      quick: { type: "boolean", default: false },
      write: { type: "boolean", default: false },
      "repeat-disturbed": { type: "boolean", default: false },
      "proxy-core": { type: "string", default: "0" },
      "load-core": { type: "string", default: "1" },
    },
  });
}

function count(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  must(/^[1-9]\d{0,4}$/.test(text), `${option} wants a whole number from 1, not ${text}`);
  return Number(text);
}

function core(option: string, text: string): number {
  must(/^\d{1,3}$/.test(text), `${option} wants the number of a core, not ${text}`);
  return Number(text);
}

function peerName(text: string): PeerName {
  must(NAMES.includes(text), `--only knows ${NAMES.join(", ")}, not ${text}`);
  return text as PeerName;
}
