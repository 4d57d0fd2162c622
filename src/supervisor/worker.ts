import { Worker } from "node:worker_threads";
import type { SeriesNews } from "../observe/series.ts";
import type { ConfigUpdate, FromWorker, Question, RefusedUpdate, ToWorker, WorkerStart } from "./protocol.ts";
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

/** Parts of a config that travel in one message: more would hold up both threads. */
const SLICE = 200;
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

  constructor(start: WorkerStart, events: WorkerEvents) {
    this.index = start.index;
    this.#events = events;
    this.#thread = new Worker(threadFile("worker-thread", import.meta.url), {
      workerData: start,
      resourceLimits: { maxOldGenerationSizeMb: start.memory },
    });
    this.#thread.on("message", (message: FromWorker) => this.#heard(message));
    this.#thread.on("error", (error) => {
      this.#why = (error as NodeJS.ErrnoException).code ?? String(error);
    });
    this.#thread.on("exit", (code) => this.#ended(code));
  }

  #send(message: ToWorker): void {
    this.#thread.postMessage(message);
  }

  /** Gets a config ready there. Gives what stands against it; a worker that dies meanwhile has nothing against it. */
  prepare(update: ConfigUpdate): Promise<RefusedUpdate | undefined> {
    const done = Promise.withResolvers<RefusedUpdate | undefined>();
    if (this.gone) return Promise.resolve(undefined);
    this.#preparing = { generation: update.generation, done };
    const { newRoutes, newServices, ...rest } = update;
    for (let from = 0; from < Math.max(newRoutes.length, newServices.length); from += SLICE)
      this.#send({
        type: "parts",
        update: {
          newRoutes: newRoutes.slice(from, from + SLICE),
          newServices: newServices.slice(from, from + SLICE),
        },
      });
    this.#send({ type: "prepare", update: { ...rest, newRoutes: [], newServices: [] } });
    return done.promise;
  }

  commit(generation: number): void {
    this.serving = true;
    this.#send({ type: "commit", generation });
  }

  abort(generation: number): void {
    this.#preparing = undefined;
    this.#send({ type: "abort", generation });
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
    this.#preparing?.done.resolve(undefined);
    this.#accepting?.resolve();
    for (const question of this.#questions.values())
      question.reject(new Error(`worker ${this.index} is gone`));
    this.#end.resolve();
    this.#events.gone(this, this.#why ?? `it ended with code ${code}`);
  }
}
