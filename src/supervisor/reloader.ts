import type { ConfigProblem } from "../config/problem.ts";
import { ConfigTexts, sameConfig } from "./config-parts.ts";
import { type LoadAnswer, Loader } from "./loader.ts";
import type { ConfigUpdate, RefusedUpdate } from "./protocol.ts";

/** What came of a reload. */
export interface ReloadResult {
  /** The config in force is what the files say. */
  readonly ok: boolean;
  /** Something changed. */
  readonly changed: boolean;
  readonly generation: number;
  readonly problems: readonly ConfigProblem[];
  /** In one line; empty when all is well. */
  readonly message: string;
  /** Milliseconds that it took. */
  readonly duration: number;
}

/** What the reloader needs from around it. */
export interface ReloaderOptions {
  readonly file: string;
  /** Puts an update in force everywhere or nowhere, and calls `accept` as it does; gives what stands against it. */
  readonly change: (update: ConfigUpdate, accept: () => void) => Promise<RefusedUpdate | undefined>;
  /** The files that the config is made of, and those that a refused one would be; when they began to be read, since 1970. */
  readonly files: (files: readonly string[], since: number) => void;
  /** When the files are to be read again whatever changes, in milliseconds; undefined for never. */
  readonly again?: (ms: number | undefined) => void;
  /** Makes an update fit this process: the ports that the system chose, for one. */
  readonly settle?: (update: ConfigUpdate) => Promise<ConfigUpdate>;
}

const ENDS: RefusedUpdate = { problems: undefined, message: "this process ends" };

/** Brings the config in force to what the files say: one reload after the other, each wholly or not at all. */
export class Reloader {
  readonly #options: ReloaderOptions;
  readonly #loader = new Loader();
  readonly #parts = new ConfigTexts();
  #current: ConfigUpdate | undefined = undefined;
  #written: ConfigUpdate | undefined = undefined;
  #generation = 0;
  #closed = false;
  /** Of the config in force. */
  #files: readonly string[] = [];
  #last: Promise<unknown> = Promise.resolve();
  /** One that waits serves all who ask before it begins. */
  #waiting: Promise<ReloadResult> | undefined = undefined;
  /** Reloads by outcome, and when the last one succeeded, in seconds since 1970. */
  readonly counts: { ok: number; unchanged: number; refused: number; lastSuccess: number } = {
    ok: 0,
    unchanged: 0,
    refused: 0,
    lastSuccess: 0,
  };

  constructor(options: ReloaderOptions) {
    this.#options = options;
  }

  /** What is in force of a config beside its routes and services. */
  get base(): ConfigUpdate["base"] | undefined {
    return this.#current?.base;
  }

  /** The config in force, with all its parts. */
  whole(): ConfigUpdate | undefined {
    return this.#current === undefined ? undefined : this.#parts.whole(this.#current);
  }

  get generation(): number {
    return this.#current?.generation ?? 0;
  }

  /** Reads the files and puts what they say in force. */
  reload(): Promise<ReloadResult> {
    this.#waiting ??= this.#last.then(() => {
      this.#waiting = undefined;
      const now = this.#reload();
      this.#last = now.catch(() => undefined);
      return now;
    });
    return this.#waiting;
  }

  async #reload(): Promise<ReloadResult> {
    const started = performance.now();
    const result = (ok: boolean, changed: boolean, refused?: RefusedUpdate): ReloadResult => {
      const { counts } = this;
      counts[ok ? (changed ? "ok" : "unchanged") : "refused"]++;
      if (ok) counts.lastSuccess = Date.now() / 1_000;
      return {
        ok,
        changed,
        generation: this.generation,
        problems: refused?.problems ?? [],
        message: refused?.message ?? "",
        duration: performance.now() - started,
      };
    };
    if (this.#closed) return result(false, false, ENDS);
    const generation = this.#generation + 1;
    const since = Date.now();
    const answer = await this.#load(generation);
    // What is wrong may be mended in a file of either.
    this.#options.files([...new Set([...this.#files, ...answer.files])], since);
    if ("update" in answer || answer.again !== undefined) this.#options.again?.(answer.again);
    if ("refused" in answer) return result(false, false, answer.refused);
    if (this.#closed) return result(false, false, ENDS);
    const { files } = answer;
    const written = withSameConsumers(answer.update, this.#current?.base);
    if (this.#written !== undefined && sameConfig(this.#written, written)) {
      this.#files = files;
      this.#options.files(files, since);
      return result(true, false);
    }
    let update: ConfigUpdate;
    try {
      update = (await this.#options.settle?.(written)) ?? written;
    } catch (error) {
      return result(false, false, { problems: undefined, message: (error as Error).message });
    }
    // A number is used once, also by what is refused: an answer that comes late must not be taken for one to the next.
    this.#generation = generation;
    const refused = await this.#options.change(update, () => {
      this.#parts.add(update);
      this.#current = { ...update, newRoutes: [], newServices: [] };
      this.#written = { ...written, newRoutes: [], newServices: [] };
    });
    if (refused !== undefined) return result(false, false, refused);
    // Not as it is accepted: the workers wait for that.
    this.#parts.keepOnly(update);
    this.#files = files;
    this.#options.files(files, since);
    return result(true, true);
  }

  async #load(generation: number): Promise<LoadAnswer> {
    const { file } = this.#options;
    try {
      return await this.#loader.load(file, this.#parts.known, generation);
    } catch (error) {
      const refused = { problems: undefined, message: (error as Error).message };
      return { id: 0, refused, files: [file] };
    }
  }

  /** What is asked for from now on is refused. */
  close(): void {
    this.#closed = true;
    this.#loader.stop();
  }
}

/** An update whose consumers, where they are the same, are in the same memory as before: not twice in this process. */
function withSameConsumers(update: ConfigUpdate, before: ConfigUpdate["base"] | undefined): ConfigUpdate {
  const { consumers } = update.base;
  if (consumers === undefined || consumers.fingerprint !== before?.consumers?.fingerprint) return update;
  return { ...update, base: { ...update.base, consumers: before.consumers } };
}
