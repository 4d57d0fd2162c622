import type { Config, ListenerConfig } from "../config/schema.ts";
import type { ListenAddress } from "../config/values.ts";
import type { Failure } from "../errors/failure.ts";
import type { ReadMode } from "../http/transport.ts";
import type { Snapshot } from "../pipeline/ports.ts";
import { Listener } from "./listener.ts";

/** What all listeners of a thread share. */
export interface ListenersOptions {
  /** The snapshot that serves what arrives now. */
  readonly current: () => Snapshot;
  /** Told of what never became an exchange, and by which listener it came. */
  readonly refused: (failure: Failure, listener: string) => void;
  readonly mode: ReadMode | "auto";
  /** Other threads listen on the same addresses. */
  readonly shared: boolean;
  /** This thread is the one that owns Unix sockets: they cannot be shared. */
  readonly first: boolean;
  /** Unix sockets that others listen on, and that are taken from them. */
  readonly follows: readonly string[];
}

/** Listeners of the next config: opened, not in force. */
export interface PreparedListeners {
  readonly config: Config;
  readonly opened: ReadonlyMap<string, Listener>;
}

/** For so long a listener that is gone from the config answers what is in flight, in milliseconds. */
const CLOSING = 30_000;

/** The listeners of one thread, by name. */
export class Listeners {
  readonly #options: ListenersOptions;
  #byName = new Map<string, Listener>();
  /** Gone from the config, but not done. */
  readonly #retired = new Set<Listener>();

  constructor(options: ListenersOptions) {
    this.#options = options;
  }

  /**
   * Opens those that are new or stand on another address. What they accept before they are in force is served by
   * `ready`. Throws the system's error, and then none is open.
   */
  async prepare(config: Config, ready?: Snapshot): Promise<PreparedListeners> {
    const opened = new Map<string, Listener>();
    try {
      for (const listener of this.#mine(config)) {
        if (this.#byName.get(listener.name)?.standsOn(listener.address) === true) continue;
        const made = new Listener(listener, config, this.#options, ready);
        await made.listen(this.#mayReplace(listener.address));
        opened.set(listener.name, made);
      }
    } catch (error) {
      for (const listener of opened.values()) this.#retire(listener, 0);
      throw error;
    }
    return { config, opened };
  }

  /** Whether what listens on an address may be replaced: a listener of ours under another name, or of who is followed. */
  #mayReplace({ socket }: ListenAddress): boolean {
    if (socket === undefined) return false;
    return this.#options.follows.includes(socket) || this.all.some((one) => one.address === `unix:${socket}`);
  }

  #mine({ listeners }: Config): readonly ListenerConfig[] {
    return this.#options.first ? listeners : listeners.filter(({ address }) => address.socket === undefined);
  }

  commit({ config, opened }: PreparedListeners): void {
    const before = this.#byName;
    this.#byName = new Map();
    for (const listener of this.#mine(config)) {
      const kept = opened.get(listener.name) ?? before.get(listener.name)!;
      kept.configure(listener, config);
      kept.enter();
      this.#byName.set(listener.name, kept);
    }
    for (const [name, listener] of before)
      if (this.#byName.get(name) !== listener) this.#retire(listener, CLOSING);
  }

  #retire(listener: Listener, graceMs: number): void {
    this.#retired.add(listener);
    const gone = (): unknown => this.#retired.delete(listener);
    listener.stop(graceMs).then(gone, gone);
  }

  discard({ opened }: PreparedListeners): void {
    for (const listener of opened.values()) this.#retire(listener, 0);
  }

  /** A listener by its name; the first one without. Throws a RangeError for an unknown name. */
  get(name?: string): Listener {
    const listener = name === undefined ? this.all[0] : this.#byName.get(name);
    if (listener === undefined) throw new RangeError(`there is no listener ${name}`);
    return listener;
  }

  get all(): readonly Listener[] {
    return [...this.#byName.values()];
  }

  /** Open connections. */
  get connections(): number {
    return this.all.reduce((sum, { connections }) => sum + connections, 0);
  }

  /** Stops accepting; what is open goes on. */
  async stopAccepting(): Promise<void> {
    await Promise.all(this.all.map((listener) => listener.stopAccepting()));
  }

  /** Answers what is in flight, at most for `graceMs`, then closes. */
  async stop(graceMs: number): Promise<void> {
    const all = [...this.all, ...this.#retired];
    await Promise.all(all.map((listener) => listener.stop(graceMs)));
  }
}
