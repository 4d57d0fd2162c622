import { setTimeout } from "node:timers/promises";
import { inspect } from "node:util";
import { checkConfig } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import type { Failure } from "../errors/failure.ts";
import type { ReadMode } from "../http/transport.ts";
import { Listeners, type PreparedListeners } from "../listener/listeners.ts";
import { type RouteCounts, ThreadCounters } from "../observe/counters.ts";
import type { PolicyDefinition } from "../pipeline/policy.ts";
import type { Meter, Sink } from "../pipeline/ports.ts";
import { loadCatalog } from "../snapshot/catalog.ts";
import type { CompiledSnapshot } from "../snapshot/compile.ts";
import type { PolicyCatalog } from "../snapshot/compile-policies.ts";
import { Snapshots } from "../snapshot/snapshots.ts";

/** How often a gateway that stops looks whether its own requests are done, in milliseconds. */
const FORK_POLL = 10;

export interface GatewayOptions {
  /** Policies beside the shipped ones, usable by their names in the config. */
  readonly policies?: readonly PolicyDefinition[];
  /** Where failures are told; default: nowhere. */
  readonly log?: (line: string) => void;
  /** Other threads listen on the same addresses (default false). */
  readonly shared?: boolean;
  /** Counts exchanges; default: counters of its own. */
  readonly meter?: Meter;
}

/** A change that is ready and not in force yet. */
export interface Prepared {
  readonly snapshot: CompiledSnapshot;
  readonly listeners: PreparedListeners;
}

/** A gateway in one thread: its listeners, and the snapshots that serve. */
export class Gateway {
  readonly listeners: Listeners;
  readonly #snapshots: Snapshots;
  readonly #counters = new ThreadCounters();
  readonly #refused = new Map<string, number>();
  readonly #log: (line: string) => void;

  constructor(options: GatewayOptions) {
    this.#log = options.log ?? (() => undefined);
    const mode = readMode();
    this.#snapshots = new Snapshots({
      mode: mode === "data" ? "data" : "onread",
      meter: options.meter ?? this.#counters,
      sink: this.#sink(),
    });
    this.listeners = new Listeners({
      current: () => this.#snapshots.current,
      refused: (failure) => this.#countRefusal(failure),
      mode,
      shared: options.shared ?? false,
    });
  }

  #countRefusal({ code }: Failure): void {
    this.#refused.set(code, (this.#refused.get(code) ?? 0) + 1);
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

  /** Builds the first snapshot and listens. Throws a ConfigError, or the system's error for an address. */
  async start(config: Config, catalog: PolicyCatalog): Promise<void> {
    this.#snapshots.first(config, catalog);
    this.listeners.commit(await this.listeners.prepare(config));
  }

  /** Gets the next config ready beside the one that serves. Throws as `start` does, and then nothing has changed. */
  async prepare(config: Config, catalog: PolicyCatalog): Promise<Prepared> {
    const snapshot = await this.#snapshots.prepare(config, catalog);
    try {
      return { snapshot, listeners: await this.listeners.prepare(config) };
    } catch (error) {
      this.#snapshots.discard(snapshot);
      throw error;
    }
  }

  /** Puts a prepared config in force. */
  commit({ snapshot, listeners }: Prepared): void {
    this.#snapshots.commit(snapshot);
    this.listeners.commit(listeners);
  }

  /** Gives a prepared config up. */
  discard({ snapshot, listeners }: Prepared): void {
    this.#snapshots.discard(snapshot);
    this.listeners.discard(listeners);
  }

  get snapshots(): Snapshots {
    return this.#snapshots;
  }

  /** The port of a listener by its name; the first one's without. Throws a RangeError for an unknown name. */
  port(name?: string): number {
    return this.listeners.get(name).port;
  }

  /** What was counted, by the name of the route. */
  counts(): Map<string, RouteCounts> {
    const { routes, notFound } = this.#snapshots.current;
    return new Map(
      [...routes.values(), notFound].map(({ entry: { route } }) => [
        route.name,
        this.#counters.read(route.state.series),
      ]),
    );
  }

  /** Requests that the wire refused, by reason. */
  refusals(): ReadonlyMap<string, number> {
    return this.#refused;
  }

  /** Answers what is in flight, at most for `graceMs`, then closes everything. */
  async stop(graceMs: number): Promise<void> {
    const end = performance.now() + graceMs;
    await this.listeners.stop(graceMs);
    const { forks } = this.#snapshots.current;
    while (forks.size > 0 && performance.now() < end) await setTimeout(FORK_POLL);
    for (const fork of forks) fork.leave();
    this.#snapshots.close();
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

/** Policies by name. Throws an Error where two have the same. */
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
  const checked = checkConfig(config);
  const gateway = new Gateway(options);
  await gateway.start(checked, await loadCatalog(checked, catalogOf(options.policies ?? [])));
  return gateway;
}

/** Sockets are read by onread wherever Node's inside is as it should be; TORANA_READ_MODE=data asks for the other way. */
function readMode(): ReadMode | "auto" {
  const wanted = process.env["TORANA_READ_MODE"];
  return wanted === "data" || wanted === "onread" ? wanted : "auto";
}
