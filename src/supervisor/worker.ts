import { Worker } from "node:worker_threads";
import type { SeriesNews } from "../observe/series.ts";
import {
  type ConfigUpdate,
  type FromWorker,
  type Question,
  type RefusedUpdate,
  SLICE,
  type ToWorker,
  type WorkerStart,
} from "./protocol.ts";
import { threadFile } from "./thread-file.ts";

/** What is told of a worker by itself. */
export interface WorkerEvents {
  log(line: string): void;
  series(news: SeriesNews): void;
  /** Nothing before this generation is in use there. */
  left(worker: ServingWorker, generation: number): void;
  /** The thread is gone; `why` in words. */
  gone(worker: ServingWorker, why: string): void;
}

/** What `prepare` gives of a worker that died meanwhile. */
export const DIED: RefusedUpdate = { problems: undefined, message: "a worker died while it got ready" };

/**
 * Young generation of a worker's heap in MiB, three semi-spaces of 4: a larger one grows with idle connections and saves
 * little, since most of what a request makes dies young.
 */
const YOUNG_MB = 12;
/** How long the answer to a question may take, in milliseconds. */
const ANSWER = 2_000;

/** The main thread's end of one worker. */
export class ServingWorker {
  readonly index: number;
  readonly #thread: Worker;
  readonly #events: WorkerEvents;
  readonly #questions = new Map<number, PromiseWithResolvers<unknown>>();
  #asked = 0;
  #preparing: { generation: number; done: PromiseWithResolvers<RefusedUpdate | undefined> } | undefined;
  #accepting: PromiseWithResolvers<void> | undefined = undefined;
  readonly #end: PromiseWithResolvers<void> = Promise.withResolvers();
  #why: string | undefined = undefined;
  /** It serves a config. */
  serving = false;
  gone = false;
  /** Another serves in its place; it is there for its tunnels. */
  retired = false;

  constructor(start: WorkerStart, events: WorkerEvents) {
    this.index = start.index;
    this.#events = events;
    this.#thread = new Worker(threadFile("worker-thread", import.meta.url), {
      workerData: start,
      resourceLimits: { maxOldGenerationSizeMb: start.memory, maxYoungGenerationSizeMb: YOUNG_MB },
    });
    this.#thread.on("message", (message: FromWorker) => this.#heard(message));
    this.#thread.on("error", (error) => {
      this.#why = thrown(error);
    });
    this.#thread.on("exit", (code) => this.#ended(code));
  }

  #send(message: ToWorker): void {
    this.#thread.postMessage(message);
  }

  /** Gets a config ready there. Gives what stands against it. */
  prepare(update: ConfigUpdate): Promise<RefusedUpdate | undefined> {
    const done = Promise.withResolvers<RefusedUpdate | undefined>();
    if (this.gone) return Promise.resolve(DIED);
    this.#preparing = { generation: update.generation, done };
    void this.#sendParts(update);
    return done.promise;
  }

  /** Sends an update piece by piece, with room for other work in between. */
  async #sendParts(update: ConfigUpdate): Promise<void> {
    const { newRoutes, newServices, ...rest } = update;
    for (let from = 0; from < Math.max(newRoutes.length, newServices.length); from += SLICE) {
      const piece = {
        newRoutes: newRoutes.slice(from, from + SLICE),
        newServices: newServices.slice(from, from + SLICE),
      };
      this.#send({ type: "parts", update: piece });
      await new Promise((go) => setImmediate(go));
      if (this.#preparing?.generation !== update.generation) return; // given up meanwhile
    }
    this.#send({ type: "prepare", update: { ...rest, newRoutes: [], newServices: [] } });
  }

  commit(generation: number): void {
    this.serving = true;
    this.#send({ type: "commit", generation });
  }

  abort(generation: number): void {
    this.#preparing = undefined;
    this.#send({ type: "abort", generation });
  }

  /** TLS tickets are made with another secret from now on. */
  rotateTickets(secret: Uint8Array): void {
    if (!this.gone) this.#send({ type: "tickets", secret });
  }

  /** Asks; rejects when no answer comes within two seconds (and the time that a profile takes). */
  ask<T>(what: Question): Promise<T> {
    const id = this.#asked++;
    const answer = Promise.withResolvers<unknown>();
    this.#questions.set(id, answer);
    const patience = ANSWER + (what.kind === "profile" ? what.seconds * 1_000 + ANSWER : 0);
    const timer = setTimeout(
      () => answer.reject(new Error(`worker ${this.index} does not answer`)),
      patience,
    );
    this.#send({ type: "ask", id, what });
    return answer.promise.finally(() => {
      clearTimeout(timer);
      this.#questions.delete(id);
    }) as Promise<T>;
  }

  /** Stops accepting; resolves when no connection will be accepted any more. */
  stopAccepting(): Promise<void> {
    if (this.gone) return Promise.resolve();
    this.#accepting ??= Promise.withResolvers();
    this.#send({ type: "stop-accepting" });
    return this.#accepting.promise;
  }

  /** Answers what is in flight and ends; resolves when it is gone. */
  stop(graceMs: number): Promise<void> {
    this.#why = "stopped";
    this.#send({ type: "stop", graceMs });
    return this.#end.promise;
  }

  /** Answers what is in flight, keeps its tunnels until they end by themselves, and ends; resolves when it is gone. */
  retire(graceMs: number): Promise<void> {
    this.retired = true;
    this.#why = "another serves in its place";
    this.#send({ type: "retire", graceMs });
    return this.#end.promise;
  }

  /** Ends it at once. */
  async terminate(why: string): Promise<void> {
    this.#why = why;
    await this.#thread.terminate();
  }

  #heard(message: FromWorker): void {
    switch (message.type) {
      case "ready":
        this.#prepared(message.generation, undefined);
        break;
      case "refused":
        this.#prepared(message.generation, message.problem);
        break;
      case "left":
        this.#events.left(this, message.generation);
        break;
      case "series":
        this.#events.series(message.news);
        break;
      case "log":
        this.#events.log(message.line);
        break;
      case "accepting-stopped":
        this.#accepting?.resolve();
        break;
      case "answer":
        this.#answered(message);
    }
  }

  #answered({ id, answer, error }: Extract<FromWorker, { type: "answer" }>): void {
    const question = this.#questions.get(id);
    if (error === undefined) question?.resolve(answer);
    else question?.reject(new Error(error));
  }

  #prepared(generation: number, problem: RefusedUpdate | undefined): void {
    if (this.#preparing?.generation !== generation) return;
    this.#preparing.done.resolve(problem);
    this.#preparing = undefined;
  }

  #ended(code: number): void {
    this.gone = true;
    this.serving = false;
    this.#preparing?.done.resolve(DIED);
    this.#accepting?.resolve();
    for (const question of this.#questions.values())
      question.reject(new Error(`worker ${this.index} is gone`));
    this.#end.resolve();
    this.#events.gone(this, this.#why ?? `it ended with code ${code}`);
  }
}

/** What user code threw, in words: it may be anything. */
function thrown(error: unknown): string {
  const code = (error as { readonly code?: unknown } | null | undefined)?.code;
  try {
    return typeof code === "string" ? code : String(error);
  } catch {
    return "something that cannot be shown";
  }
}
