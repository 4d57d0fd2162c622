import type { Config, ListenerConfig } from "../config/schema.ts";
import type { ListenAddress } from "../config/values.ts";
import type { Failure } from "../errors/failure.ts";
import type { TcpRecord } from "../http/tcp-contract.ts";
import type { ReadMode } from "../http/transport.ts";
import type { CompiledSnapshot as Snapshot } from "../snapshot/compile.ts";
import { Listener } from "./listener.ts";
import { TlsContexts } from "./tls/contexts.ts";
import { newTicketSecret } from "./tls/ticket-keys.ts";

/** What all listeners of a thread share. */
export interface ListenersOptions {
  /** The snapshot that serves what arrives now. */
  readonly current: () => Snapshot;
  /** Told of what never became an exchange, and by which listener it came. */
  readonly refused: (failure: Failure, listener: string) => void;
  /** Told of each connection that was led on byte by byte and is over, and by which listener it came. */
  readonly passed: (record: TcpRecord, listener: string) => void;
  /** Told how each TLS handshake ends: "ok", or why it failed; and of which listener it is. */
  readonly handshake: (result: string, listener: string) => void;
  /** What TLS tickets are made with, where the config has no key for them; left out: a secret of this thread. */
  readonly tickets?: Uint8Array | undefined;
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
  /** What those that speak TLS do it with, by name. */
  readonly tls: ReadonlyMap<string, TlsContexts>;
}

/** For so long a listener that is gone from the config answers what is in flight, in milliseconds. */
const CLOSING = 30_000;

/** The listeners of one thread, by name. */
export class Listeners {
  readonly #options: ListenersOptions;
  #byName = new Map<string, Listener>();
  /** The thread ends: no more are opened. */
  #ending = false;
  /** Gone from the config, but what is in flight on them is not done. */
  readonly #leaving = new Set<Listener>();
  #tickets: Uint8Array;

  constructor(options: ListenersOptions) {
    this.#options = options;
    this.#tickets = options.tickets ?? newTicketSecret();
  }

  /**
   * Opens those that are new or stand on another address. What they accept before they are in force is served by
   * `ready`. Throws the system's error, and then none is open.
   */
  async prepare(config: Config, ready?: Snapshot): Promise<PreparedListeners> {
    const opened = new Map<string, Listener>();
    const tls = await this.#tlsOf(config);
    try {
      for (const listener of this.#mine(config)) {
        if (this.#byName.get(listener.name)?.standsOn(listener.address) === true) continue;
        const made = new Listener(listener, config, this.#options, tls.get(listener.name), ready);
        await made.listen(this.#mayReplace(listener.address));
        opened.set(listener.name, made);
      }
    } catch (error) {
      for (const listener of opened.values()) this.#letGo(listener, 0);
      throw error;
    }
    return { config, opened, tls };
  }

  /** One listener's after the other, with room for other work in between; what is unchanged is taken over. */
  async #tlsOf(config: Config): Promise<ReadonlyMap<string, TlsContexts>> {
    const made = new Map<string, TlsContexts>();
    for (const { name, tls, tcp } of this.#mine(config)) {
      if (tls === undefined) continue;
      const before = this.#byName.get(name)?.tls;
      const counted = (result: string): void => this.#options.handshake(result, name);
      const leads = tcp !== undefined;
      const same = before?.config === tls && before.leads === leads;
      try {
        made.set(name, same ? before : new TlsContexts(tls, this.#tickets, counted, before, leads));
      } catch (error) {
        throw new Error(`the listener ${name} cannot speak TLS: ${(error as Error).message}`);
      }
      await new Promise((go) => setImmediate(go));
    }
    return made;
  }

  /** TLS tickets are made with another secret from now on. */
  rotateTickets(secret: Uint8Array): void {
    this.#tickets = secret;
    for (const { tls } of this.all) tls?.rotate(secret);
  }

  /** Whether what listens on an address may be replaced: a listener of ours under another name, or of who is followed. */
  #mayReplace({ socket }: ListenAddress): boolean {
    if (socket === undefined) return false;
    return this.#options.follows.includes(socket) || this.all.some((one) => one.address === `unix:${socket}`);
  }

  #mine({ listeners }: Config): readonly ListenerConfig[] {
    return listeners.filter(({ name, address }) => {
      if (this.#ending && this.#byName.get(name)?.standsOn(address) !== true) return false;
      return this.#options.first || address.socket === undefined;
    });
  }

  commit({ config, opened, tls }: PreparedListeners): void {
    const before = this.#byName;
    const mine = this.#mine(config);
    this.#byName = new Map();
    for (const listener of mine) {
      const kept = opened.get(listener.name) ?? before.get(listener.name)!;
      kept.configure(listener, config, tls.get(listener.name));
      kept.enter();
      // They may have been changed since it was prepared.
      kept.tls?.rotate(this.#tickets);
      this.#byName.set(listener.name, kept);
    }
    for (const [name, listener] of before)
      if (this.#byName.get(name) !== listener) this.#letGo(listener, CLOSING);
  }

  #letGo(listener: Listener, graceMs: number): void {
    this.#leaving.add(listener);
    const gone = (): unknown => this.#leaving.delete(listener);
    listener.stop(graceMs).then(gone, gone);
  }

  discard({ opened }: PreparedListeners): void {
    for (const listener of opened.values()) this.#letGo(listener, 0);
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
    const all = [...this.all, ...this.#leaving];
    await Promise.all(all.map((listener) => listener.stop(graceMs)));
  }

  /** As `stop`, but tunnels go on until they end by themselves. */
  async retire(): Promise<void> {
    this.#ending = true;
    const all = [...this.all, ...this.#leaving];
    await Promise.all(all.map((listener) => listener.retire()));
  }
}
