import type { StoreConfig } from "../config/store-schema.ts";
import { StoreDown } from "../pipeline/limits.ts";
import { CallTimes, type TimedCall } from "./call-times.ts";
import { callScript, isAway } from "./redis-call.ts";
import { connect, type RedisConnection } from "./redis-connection.ts";
import type { Script } from "./redis-scripts.ts";

/** Runs scripts in a store. */
export interface ScriptRunner {
  /** How many keys' counts may go in one call, whatever their slots. */
  readonly batch: number;
  /** Milliseconds since 1970: which window of the calendar is under way is not known there. */
  wall(): number;
  /** Why the server that has a key cannot be asked; undefined where it can. */
  downFor(key: string): StoreDown | undefined;
  /**
   * Runs a script on keys of one slot. Rejects with a StoreDown where the server cannot be asked, or not in time; what comes
   * after that goes to `late`.
   */
  run(
    script: Script,
    keys: readonly string[],
    args: readonly string[],
    late?: (value: unknown) => void,
  ): Promise<unknown>;
}

/** What a link tells of itself, and how. */
export interface RedisLinkOptions {
  /** The store's name in the config. */
  readonly name: string;
  readonly config: StoreConfig;
  /** Takes a line for people: once when it goes down, once when it is back. */
  tell(line: string): void;
}

/** Between two tries to reach a server that is down: at first, at most; milliseconds. */
const SOON = 50;
const LATE = 2_000;
/** How long a server may take to say that it is there, in milliseconds. */
const PROBE = 1_000;
/** Reasons of refusals that are told at most. */
const MOST_ODD = 10;
/** After so many tries in vain the connection is made anew. */
const TRIES = 3;
/** Keys whose counts one call settles. */
const BATCH = 64;
/** What replaced connections still have under way is waited for so long, in milliseconds. */
const DRAIN = 2_000;

/** A server that cannot be asked now. */
interface Down {
  readonly error: StoreDown;
  /** One of its keys. */
  readonly key: string;
  tries: number;
}

/**
 * The way to a Redis. No call waits longer than the store's time limit; while a server is known to be down calls to it fail at
 * once, and it is asked in the background whether it is back.
 */
export class RedisLink implements ScriptRunner {
  readonly config: StoreConfig;
  readonly #name: string;
  readonly #tell: (line: string) => void;
  readonly #times: CallTimes;
  readonly #down = new Map<string, Down>();
  /** What it refused for, as far as it was told. */
  readonly #odd = new Set<string>();
  #connection: RedisConnection | undefined = undefined;
  #missing: StoreDown;
  #told = false;
  #opening = false;
  #closed = false;
  readonly #timers = new Set<NodeJS.Timeout>();
  /** Replaced connections that may still have calls under way. */
  readonly #old = new Set<RedisConnection>();
  /** Calls that are under way. */
  #flying = 0;
  #onQuiet: (() => void) | undefined = undefined;

  constructor({ name, config, tell }: RedisLinkOptions) {
    this.config = config;
    this.#name = name;
    this.#tell = tell;
    this.#times = new CallTimes(config.timeout);
    this.#missing = new StoreDown(`the store ${name} is not connected yet`);
  }

  get up(): boolean {
    return this.#connection !== undefined && this.#down.size === 0;
  }

  get batch(): number {
    return this.#connection?.single === true ? BATCH : 1;
  }

  /** Connects; tries on in the background where that fails. Resolves after the first try. */
  async open(): Promise<void> {
    if (this.#opening || this.#closed) return;
    this.#opening = true;
    if (!(await this.#connect())) this.#again(SOON);
    else this.#opening = false;
  }

  /** Tries until it is connected. */
  #again(pause: number): void {
    this.#later(pause, async () => {
      if (await this.#connect()) this.#opening = false;
      else this.#again(Math.min(LATE, pause * 2));
    });
  }

  async #connect(): Promise<boolean> {
    if (this.#closed) return true;
    let connection: RedisConnection;
    try {
      connection = await connect(this.config.redis);
    } catch (error) {
      const { message } = error as Error;
      this.#missing = new StoreDown(`the store ${this.#name} cannot be reached: ${message}`, {
        cause: error,
      });
      this.#sayDown(message);
      return false;
    }
    if (this.#closed) {
      connection.close();
      return true;
    }
    if (connection.ended) return false;
    const before = this.#connection;
    this.#connection = connection;
    connection.onEnd = () => this.#ended(connection);
    if (before !== undefined) this.#replaced(before);
    // The one server has just said that it is there; of a cluster each is asked for itself.
    if (connection.single) this.#down.clear();
    if (this.#down.size === 0) this.#sayUp();
    return true;
  }

  #replaced(connection: RedisConnection): void {
    this.#old.add(connection);
    this.#later(DRAIN, () => {
      this.#old.delete(connection);
      connection.close();
    });
  }

  #ended(connection: RedisConnection): void {
    if (this.#connection !== connection || this.#closed) return;
    this.#connection = undefined;
    this.#missing = new StoreDown(`the store ${this.#name} has closed the connection`);
    void this.open();
  }

  wall(): number {
    return Date.now();
  }

  downFor(key: string): StoreDown | undefined {
    const connection = this.#connection;
    if (connection === undefined) return this.#missing;
    return this.#down.size === 0 ? undefined : this.#down.get(connection.serverOf(key))?.error;
  }

  run(
    script: Script,
    keys: readonly string[],
    args: readonly string[],
    late?: (value: unknown) => void,
  ): Promise<unknown> {
    const key = keys[0]!;
    const down = this.downFor(key);
    if (down !== undefined) return Promise.reject(down);
    const connection = this.#connection!;
    this.#flying++;
    return new Promise((resolve, reject) => {
      const call: TimedCall = {
        over: false,
        tooLate: () => {
          this.#landed();
          const reason = `no answer within ${this.config.timeout} ms`;
          reject(this.#fail(connection, key, reason, undefined));
        },
      };
      this.#times.add(call);
      callScript(connection, script, keys, args).then(
        (value) => {
          if (call.over) late?.(value);
          else {
            call.over = true;
            this.#landed();
            resolve(value);
          }
        },
        (error: Error) => {
          if (call.over) return;
          call.over = true;
          this.#landed();
          reject(isAway(error) ? this.#fail(connection, key, error.message, error) : this.#refused(error));
        },
      );
    });
  }

  #landed(): void {
    if (--this.#flying === 0) this.#onQuiet?.();
  }

  /** A server failed at a call: from now on it is not asked, until it says that it is there. */
  #fail(connection: RedisConnection, key: string, reason: string, cause: unknown): StoreDown {
    const error = new StoreDown(`the store ${this.#name} is down: ${reason}`, { cause });
    if (this.#closed || connection !== this.#connection) return error;
    const server = connection.serverOf(key);
    if (!this.#down.has(server)) {
      const down: Down = { error, key, tries: 0 };
      this.#down.set(server, down);
      void this.#probe(server, down).then(() => {
        if (this.#down.has(server)) this.#sayDown(reason);
      });
    }
    return error;
  }

  /** The server is there, but does not do what it is asked: each reason is told once. */
  #refused(error: Error): StoreDown {
    const { message } = error;
    if (!this.#odd.has(message) && this.#odd.size < MOST_ODD) {
      this.#odd.add(message);
      this.#tell(`the store ${this.#name} refuses to count: ${message}`);
    }
    return new StoreDown(`the store ${this.#name} refuses to count: ${message}`, { cause: error });
  }

  /** Asks a server whether it can be written to again. */
  async #probe(server: string, down: Down): Promise<void> {
    const connection = this.#connection;
    if (this.#closed || this.#down.get(server) !== down) return;
    if (connection !== undefined && (await this.#isThere(connection, down.key))) {
      this.#down.delete(server);
      if (this.#down.size === 0 && this.#connection !== undefined) this.#sayUp();
      return;
    }
    down.tries++;
    if (down.tries % TRIES === 0) void this.open();
    this.#later(Math.min(LATE, SOON * 2 ** down.tries), () => this.#probe(server, down));
  }

  async #isThere(connection: RedisConnection, key: string): Promise<boolean> {
    const asked = connection.send(key, ["SET", `${key}:probe`, "1", "PX", "1000"]);
    return await new Promise((resolve) => {
      const timer = this.#later(PROBE, () => resolve(false), 0);
      asked.then(
        () => resolve(true),
        () => resolve(false),
      );
      asked
        .catch(() => undefined)
        .finally(() => {
          clearTimeout(timer);
          this.#timers.delete(timer);
        });
    });
  }

  /** With some chance in it, so that gateways do not all come back at once. */
  #later(pause: number, what: () => unknown, chance = pause / 2): NodeJS.Timeout {
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        what();
      },
      pause + Math.random() * chance,
    ).unref();
    this.#timers.add(timer);
    return timer;
  }

  #sayDown(reason: string): void {
    if (this.#told || this.#closed) return;
    this.#told = true;
    this.#tell(`the store ${this.#name} is down: ${reason}`);
  }

  #sayUp(): void {
    if (!this.#told) return;
    this.#told = false;
    this.#tell(`the store ${this.#name} is back`);
  }

  /** Ends it: calls fail from now on, those that are under way get their answers. Resolves when nothing is left of it. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#missing = new StoreDown(`the store ${this.#name} is closed`);
    const connection = this.#connection;
    this.#connection = undefined;
    if (this.#flying > 0) await new Promise<void>((resolve) => (this.#onQuiet = resolve));
    this.#times.close();
    connection?.close();
    for (const old of this.#old) old.close();
  }
}
