import { setTimeout } from "node:timers/promises";
import { inspect } from "node:util";
import type { Config } from "../config/schema.ts";
import { hideSecrets, secretsOf } from "../config/secrets.ts";
import type { TcpRecord } from "../http/tcp-contract.ts";
import type { ReadMode } from "../http/transport.ts";
import { Listeners, type PreparedListeners } from "../listener/listeners.ts";
import { tcpLogLine, tcpLogTargets } from "../listener/tcp-log.ts";
import { LineFiles } from "../observe/line-files.ts";
import { WorkerMeter, type WorkerReading } from "../observe/meter.ts";
import { createSeries } from "../observe/series.ts";
import { SeriesBook, type SeriesReading } from "../observe/series-book.ts";
import type { LimitStore } from "../pipeline/limits.ts";
import type { PolicyDefinition } from "../pipeline/policy.ts";
import type { Sink } from "../pipeline/ports.ts";
import { LiveCaller } from "../snapshot/caller.ts";
import type { CompiledSnapshot } from "../snapshot/compile.ts";
import type { PolicyCatalog } from "../snapshot/compile-policies.ts";
import { dryPorts } from "../snapshot/policy-ports.ts";
import { Snapshots } from "../snapshot/snapshots.ts";
import type { LimitMemory } from "../stores/limit-memory.ts";
import { type PreparedStores, StoreSet } from "../stores/store-set.ts";
import { OwnLimits } from "./own-limits.ts";

/** How often a gateway that stops looks whether its own requests are done, in milliseconds. */
const FORK_POLL = 10;
/** Series of a gateway that counts for itself. */
const OWN_SERIES = 1_000;

export interface GatewayOptions {
  /** Policies beside the shipped ones, usable by their names in the config. */
  readonly policies?: readonly PolicyDefinition[];
  /** Where failures are told; default: nowhere. */
  readonly log?: (line: string) => void;
  /** Other threads listen on the same addresses (default false). */
  readonly shared?: boolean;
  /** This thread is the one that owns Unix sockets (default true). */
  readonly first?: boolean;
  /** Unix sockets that others listen on, and that are taken from them. */
  readonly follows?: readonly string[];
  /** What TLS tickets are made with, where several threads share it; default: a secret of its own. */
  readonly tickets?: Uint8Array | undefined;
  /** Counts what happens; default: numbers of its own. */
  readonly meter?: WorkerMeter;
  /** Memory that limits are counted in, and this thread's number among those that share it; default: memory of its own. */
  readonly limits?: { readonly memory: LimitMemory; readonly worker: number };
}

/** A change that is ready and not in force yet. */
export interface Prepared {
  readonly snapshot: CompiledSnapshot;
  readonly listeners: PreparedListeners;
  readonly stores: PreparedStores;
}

/** A gateway in one thread: its listeners, and the snapshots that serve. */
export class Gateway {
  readonly listeners: Listeners;
  readonly #snapshots: Snapshots;
  readonly #book: SeriesBook;
  readonly #log: (line: string) => void;
  readonly #lines: LineFiles;
  readonly #limits: OwnLimits;
  readonly #stores: StoreSet;

  constructor(options: GatewayOptions) {
    this.#limits = new OwnLimits(options.limits);
    // The others see the same.
    const tells = options.first ?? true;
    this.#stores = new StoreSet((line) => tells && this.#tell(line));
    this.#log = options.log ?? (() => undefined);
    this.#lines = new LineFiles(this.#log);
    const series = createSeries({ workers: 1, budget: OWN_SERIES });
    this.#book = new SeriesBook(series);
    const meter =
      options.meter ?? new WorkerMeter({ series, worker: 0, onNew: (news) => this.#book.learn(news) });
    const mode = readMode();
    this.#snapshots = new Snapshots({
      mode: mode === "data" ? "data" : "onread",
      meter,
      sink: this.#sink(),
      lines: this.#lines,
      ports: {
        ...dryPorts(),
        caller: new LiveCaller(() => this.#snapshots.current),
        store: (name) => this.store(name),
        tell: (line) => this.#tell(line),
      },
    });
    this.listeners = new Listeners({
      current: () => this.#snapshots.current,
      refused: ({ code }, listener) => meter.refused(listener, code),
      passed: (record, listener) => {
        meter.passed(listener, record);
        this.#logPassed(record, listener);
      },
      handshake: (result, listener) => meter.handshake(listener, result),
      tickets: options.tickets,
      mode,
      shared: options.shared ?? false,
      first: options.first ?? true,
      follows: options.follows ?? [],
    });
  }

  /** The targets are open already, by the policies that name them. */
  #logPassed(record: TcpRecord, listener: string): void {
    for (const target of tcpLogTargets(this.#snapshots.current.config)) {
      const lines = this.#lines.open(target);
      lines.write(tcpLogLine(record, listener, Date.now()));
      lines.close();
    }
  }

  /** While the first snapshot is being built there is none yet. */
  #tell(line: string): void {
    const current: CompiledSnapshot | undefined = this.#snapshots.current;
    this.#log(current === undefined ? line : hideSecrets(line, secretsOf(current.config)));
  }

  #sink(): Sink {
    return {
      failure: (x, failure) => {
        if (failure.code !== "policy_failed" && failure.code !== "policy_timeout") return;
        const cause = failure.cause === undefined ? "" : `: ${shown(failure.cause)}`;
        const line = `${x.id} ${x.route.name} ${failure.code} ${failure.detail ?? ""}${cause}`;
        this.#log(hideSecrets(line, secretsOf(this.#snapshots.current.config)));
      },
    };
  }

  /** Builds the first snapshot and listens. Throws a ConfigError, or the system's error for an address. */
  async start(config: Config, catalog: PolicyCatalog): Promise<void> {
    this.#limits.entries = config.limitEntries;
    this.#snapshots.first(config, catalog);
    this.#stores.commit(await this.#stores.prepare(config.stores));
    this.listeners.commit(await this.listeners.prepare(config));
  }

  /** Gets the next config ready beside the one that serves. Throws as `start` does, and then nothing has changed. */
  async prepare(config: Config, catalog: PolicyCatalog): Promise<Prepared> {
    const snapshot = await this.#snapshots.prepare(config, catalog);
    let stores: PreparedStores | undefined;
    try {
      stores = await this.#stores.prepare(config.stores);
      return { snapshot, stores, listeners: await this.listeners.prepare(config, snapshot) };
    } catch (error) {
      if (stores !== undefined) this.#stores.discard(stores);
      this.#snapshots.discard(snapshot);
      throw error;
    }
  }

  /** Puts a prepared config in force. */
  commit({ snapshot, listeners, stores }: Prepared): void {
    this.#stores.commit(stores);
    this.#snapshots.commit(snapshot);
    this.listeners.commit(listeners);
  }

  /** Gives a prepared config up. */
  discard({ snapshot, listeners, stores }: Prepared): void {
    this.#stores.discard(stores);
    this.listeners.discard(listeners);
    this.#snapshots.discard(snapshot);
  }

  /** The store of limits of that name; undefined where the config has none. */
  store(name: string): LimitStore | undefined {
    return name === "local" ? this.#limits.store : this.#stores.store(name);
  }

  get snapshots(): Snapshots {
    return this.#snapshots;
  }

  /** The port of a listener by its name; the first one's without. Throws a RangeError for an unknown name. */
  port(name?: string): number {
    return this.listeners.get(name).port;
  }

  /** What was counted, where no meter was handed in. */
  counts(): SeriesReading {
    return this.#book.read();
  }

  /** How things stand now, for the beat of a meter. */
  reading(): WorkerReading {
    const { serves, exchanges } = this.#snapshots;
    const services = serves ? [...this.#snapshots.current.services.values()] : [];
    return {
      inFlight: exchanges,
      stores: this.#stores.reading,
      connections: this.listeners.all.map(({ name, connections }) => [name, connections]),
      upstream: services.map(({ service: { name, endpoints } }) => [
        name,
        endpoints.reduce((sum, { pool }) => sum + pool.size, 0),
      ]),
    };
  }

  /** Takes nothing more, and closes everything once what is in flight is answered and the last tunnel has ended by itself. */
  async retire(graceMs: number): Promise<void> {
    await this.listeners.retire();
    await this.stop(graceMs);
  }

  /** Answers what is in flight, at most for `graceMs`, then closes everything. */
  async stop(graceMs: number): Promise<void> {
    const end = performance.now() + graceMs;
    await this.listeners.stop(graceMs);
    const forks = this.#snapshots.serves ? this.#snapshots.current.forks : new Set<{ leave(): void }>();
    while (forks.size > 0 && performance.now() < end) await setTimeout(FORK_POLL);
    for (const fork of forks) fork.leave();
    this.#snapshots.close();
    this.#limits.close();
    await this.#stores.close();
    await this.#lines.settled();
  }

  /** Opens every log file again at its path, after a rotation has moved it away. */
  reopenLogs(): void {
    this.#lines.reopen();
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

/** Sockets are read by onread wherever Node's inside is as it should be; TORANA_READ_MODE=data asks for the other way. */
function readMode(): ReadMode | "auto" {
  const wanted = process.env["TORANA_READ_MODE"];
  return wanted === "data" || wanted === "onread" ? wanted : "auto";
}
