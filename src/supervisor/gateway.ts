import { setTimeout } from "node:timers/promises";
import { inspect } from "node:util";
import { checkConfig } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import type { Failure } from "../errors/failure.ts";
import type { ReadMode } from "../http/transport.ts";
import { Listener } from "../listener/listener.ts";
import { type RouteCounts, ThreadCounters } from "../observe/counters.ts";
import type { PolicyDefinition } from "../pipeline/policy.ts";
import type { Sink } from "../pipeline/ports.ts";
import { type CompiledSnapshot, compileSnapshot } from "../snapshot/compile.ts";
import { Pools } from "../snapshot/pools.ts";

/** How often a gateway that stops looks whether its own requests are done, in milliseconds. */
const FORK_POLL = 10;

export interface GatewayOptions {
  /** Policies beside the shipped ones, usable by their names in the config. */
  readonly policies?: readonly PolicyDefinition[];
  /** Where failures are told; default: nowhere. */
  readonly log?: (line: string) => void;
}

/** A gateway in this thread: its listeners, and the snapshot that serves. */
export class Gateway {
  readonly #listeners: readonly Listener[];
  readonly #pools: Pools;
  readonly #snapshot: CompiledSnapshot;
  readonly #counters: ThreadCounters;
  readonly #refused = new Map<string, number>();
  readonly #log: (line: string) => void;

  constructor(config: Config, options: GatewayOptions) {
    this.#log = options.log ?? (() => undefined);
    const mode = readMode();
    this.#pools = new Pools(mode === "data" ? "data" : "onread");
    this.#counters = new ThreadCounters(config.routes.length + 1);
    this.#snapshot = compileSnapshot(config, {
      pools: this.#pools,
      meter: this.#counters,
      sink: this.#sink(),
      catalog: catalogOf(options.policies ?? []),
    });
    const refused = (failure: Failure): void => {
      this.#refused.set(failure.code, (this.#refused.get(failure.code) ?? 0) + 1);
    };
    this.#listeners = config.listeners.map(
      (listener) => new Listener(listener, defined(config.limits), () => this.#snapshot, refused, mode),
    );
  }

  #sink(): Sink {
    return {
      failure: (x, failure) => {
        if (failure.code !== "policy_failed" && failure.code !== "policy_timeout") return;
        const cause = failure.cause === undefined ? "" : `: ${shown(failure.cause)}`;
        this.#log(`${x.id} ${x.route.name} ${failure.code} ${failure.detail ?? ""}${cause}`);
      },
    };
  }

  async listen(): Promise<void> {
    for (const listener of this.#listeners) await listener.listen();
  }

  get listeners(): readonly Listener[] {
    return this.#listeners;
  }

  /** The port of a listener by its name; the first one's without. Throws a RangeError for an unknown name. */
  port(name?: string): number {
    const listener =
      name === undefined ? this.#listeners[0] : this.#listeners.find((one) => one.name === name);
    if (listener === undefined) throw new RangeError(`there is no listener ${name}`);
    return listener.port;
  }

  /** What was counted, by the name of the route. */
  counts(): Map<string, RouteCounts> {
    return new Map(this.#snapshot.routeNames.map((name, index) => [name, this.#counters.read(index)]));
  }

  /** Requests that the wire refused, by reason. */
  refusals(): ReadonlyMap<string, number> {
    return this.#refused;
  }

  /** Answers what is in flight, at most for `graceMs`, then closes everything. */
  async stop(graceMs: number): Promise<void> {
    const end = performance.now() + graceMs;
    await Promise.all(this.#listeners.map((listener) => listener.stop(graceMs)));
    const { forks } = this.#snapshot;
    while (forks.size > 0 && performance.now() < end) await setTimeout(FORK_POLL);
    for (const fork of forks) fork.leave();
    this.#pools.close();
    this.#snapshot.close();
  }
}

/** A cause as text, whatever was thrown: some things throw again when they are looked at. */
function shown(cause: unknown): string {
  try {
    return inspect(cause);
  } catch {
    return "something that cannot be shown";
  }
}

/** Policies by name. Throws a ConfigError where two have the same. */
function catalogOf(policies: readonly PolicyDefinition[]): Map<string, PolicyDefinition> {
  const catalog = new Map<string, PolicyDefinition>();
  for (const policy of policies) {
    if (catalog.has(policy.name)) throw new Error(`two policies are named ${policy.name}`);
    catalog.set(policy.name, policy);
  }
  return catalog;
}

/** Starts a gateway from a config as it would be written. Throws a ConfigError, or the system's error for an address. */
export async function startGateway(config: unknown, options: GatewayOptions = {}): Promise<Gateway> {
  return startChecked(checkConfig(config), options);
}

/** Starts a gateway from a config that was checked. */
export async function startChecked(config: Config, options: GatewayOptions = {}): Promise<Gateway> {
  const gateway = new Gateway(config, options);
  await gateway.listen();
  return gateway;
}

/** Sockets are read by onread wherever Node's inside is as it should be; TORANA_READ_MODE=data asks for the other way. */
function readMode(): ReadMode | "auto" {
  const wanted = process.env["TORANA_READ_MODE"];
  return wanted === "data" || wanted === "onread" ? wanted : "auto";
}

function defined<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as ReturnType<
    typeof defined<T>
  >;
}
