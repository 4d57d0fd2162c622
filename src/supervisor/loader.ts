import { Worker } from "node:worker_threads";
import type { MadeConsumers } from "../config/read-consumers.ts";
import type { ConfigPart, ConfigUpdate, RefusedUpdate } from "./protocol.ts";
import { threadFile } from "./thread-file.ts";

/** An order to the loader thread. */
export interface LoadOrder {
  readonly id: number;
  readonly file: string;
  /** Fingerprints of the parts that need not be sent. */
  readonly known: readonly string[];
  readonly generation: number;
  /** What the last order's consumers were made of, and became. */
  readonly consumers: MadeConsumers | undefined;
}

/** Its answer: the update, and all files that the config was made of; or what is wrong. */
export type LoadAnswer =
  | {
      readonly id: number;
      readonly update: ConfigUpdate;
      readonly files: readonly string[];
      /** When it is to be loaded again whatever changes, in milliseconds. */
      readonly again: number | undefined;
      readonly consumers?: MadeConsumers | undefined;
    }
  | {
      readonly id: number;
      readonly refused: RefusedUpdate;
      /** Files that it was to be made of, as far as that is known. */
      readonly files: readonly string[];
      readonly again?: number | undefined;
      readonly consumers?: MadeConsumers | undefined;
    };

/** The thread ends after so long without an order, in milliseconds: what it holds of a large config is given back. */
const IDLE = 2_000;

/** How long loading may take, in milliseconds: code that never ends must not hold up all reloads to come. */
const LIMIT = 60_000;

/** A config of so many routes is remembered, so that a change costs what the change costs. */
const LARGE = 1_000;
/** Reading makes much that lives shortly: a small young generation would be collected all the time. */
const YOUNG_MB = 192;

/** Some of the parts of an update that follows. */
export interface LoadedParts {
  readonly id: number;
  readonly routes: ConfigUpdate["newRoutes"];
}

/** Reads, checks and compares configs in a thread of its own. */
export class Loader {
  #thread: Worker | undefined = undefined;
  #idle: NodeJS.Timeout | undefined = undefined;
  #orders = 0;
  #large = false;
  /** Kept here, so that the thread that made them may end with all that it holds beside them. */
  #consumers: MadeConsumers | undefined = undefined;
  readonly #limit: number;

  /** @param limit how long loading may take, in milliseconds */
  constructor(limit: number = LIMIT) {
    this.#limit = limit;
  }

  /** Loads a config. Rejects only when the thread itself fails. */
  load(file: string, known: Iterable<string>, generation: number): Promise<LoadAnswer> {
    clearTimeout(this.#idle);
    this.#thread ??= this.#start();
    const thread = this.#thread;
    const id = this.#orders++;
    return new Promise<LoadAnswer>((resolve, reject) => {
      const routes: ConfigPart[] = [];
      const heard = (message: LoadAnswer | LoadedParts): void => {
        if (message.id !== id) return;
        if ("routes" in message) {
          routes.push(...message.routes);
          return;
        }
        const answer: LoadAnswer =
          "update" in message ? { ...message, update: { ...message.update, newRoutes: routes } } : message;
        clearTimeout(timer);
        thread.off("message", heard).off("error", broke).off("exit", ended);
        if ("update" in answer) this.#large = answer.update.routes.length >= LARGE;
        this.#consumers = answer.consumers;
        if (!this.#large) {
          this.#idle = setTimeout(() => this.stop(), IDLE);
          this.#idle.unref();
        }
        resolve(answer);
      };
      let why = "";
      const broke = (error: unknown): void => {
        why = `: ${(error as Error | null | undefined)?.message ?? error}`;
      };
      const ended = (): void => {
        clearTimeout(timer);
        reject(new Error(`the thread that reads configs died${why}`));
      };
      const timer = setTimeout(() => {
        why = `: it took longer than ${this.#limit / 1_000} s`;
        this.stop();
      }, this.#limit);
      thread.on("message", heard).once("error", broke).once("exit", ended);
      const consumers = this.#consumers;
      thread.postMessage({ id, file, known: [...known], generation, consumers } satisfies LoadOrder);
    });
  }

  #start(): Worker {
    const thread = new Worker(threadFile("loader-thread", import.meta.url), {
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    });
    thread.unref();
    thread.once("exit", () => {
      if (this.#thread === thread) this.#thread = undefined;
    });
    thread.on("error", () => undefined); // exit follows
    return thread;
  }

  stop(): void {
    clearTimeout(this.#idle);
    void this.#thread?.terminate();
    this.#thread = undefined;
  }
}
