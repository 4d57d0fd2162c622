import type { ConfigProblem } from "../config/problem.ts";
import { ConfigParts, sameConfig } from "./config-parts.ts";
import { Loader } from "./loader.ts";
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
  /** Puts an update in force everywhere or nowhere; gives what stands against it. */
  readonly change: (update: ConfigUpdate) => Promise<RefusedUpdate | undefined>;
  /** The files that the config is made of. */
  readonly files: (files: readonly string[]) => void;
  /** Makes an update fit this process: the ports that the system chose, for one. */
  readonly settle?: (update: ConfigUpdate) => Promise<ConfigUpdate>;
}

/** Brings the config in force to what the files say: one reload after the other, each wholly or not at all. */
export class Reloader {
  readonly #options: ReloaderOptions;
  readonly #loader = new Loader();
  readonly #parts = new ConfigParts();
  #current: ConfigUpdate | undefined = undefined;
  #written: ConfigUpdate | undefined = undefined;
  #generation = 0;
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

  /** The config in force, with all its parts. */
  get current(): ConfigUpdate | undefined {
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
    const generation = this.#generation + 1;
    const answer = await this.#loader.load(this.#options.file, this.#parts.known, generation);
    if ("refused" in answer) return result(false, false, answer.refused);
    this.#options.files(answer.files);
    const { update: written } = answer;
    if (this.#written !== undefined && sameConfig(this.#written, written)) return result(true, false);
    let update: ConfigUpdate;
    try {
      update = (await this.#options.settle?.(written)) ?? written;
    } catch (error) {
      return result(false, false, { problems: undefined, message: (error as Error).message });
    }
    const refused = await this.#options.change(update);
    if (refused !== undefined) return result(false, false, refused);
    this.#generation = generation;
    this.#parts.add(update);
    this.#parts.keepOnly(update);
    this.#current = { ...update, newRoutes: [], newServices: [] };
    this.#written = { ...written, newRoutes: [], newServices: [] };
    return result(true, true);
  }

  close(): void {
    this.#loader.stop();
  }
}
