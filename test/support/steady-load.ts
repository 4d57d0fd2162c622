/** A steady stream of requests on kept connections and on new ones, which counts every failure. */
import { Agent, get } from "node:http";

/** What became of the requests so far. */
export interface LoadAccount {
  done: number;
  /** What went wrong, with how often. */
  readonly failures: Map<string, number>;
}

/** Requests that follow one another on several connections until it is stopped. */
export class SteadyLoad implements AsyncDisposable {
  readonly account: LoadAccount = { done: 0, failures: new Map() };
  readonly #agent = new Agent({ keepAlive: true });
  readonly #runners: Promise<void>[];
  #stopped = false;

  /** @param fresh every so many requests one uses a connection of its own */
  constructor(port: number, path: string, runners: number, fresh: number) {
    this.#runners = Array.from({ length: runners }, () => this.#run(port, path, fresh));
  }

  async #run(port: number, path: string, fresh: number): Promise<void> {
    for (let nth = 1; !this.#stopped; nth++) {
      const problem = await this.#one(port, path, nth % fresh === 0 ? false : this.#agent);
      if (problem === undefined) this.account.done++;
      else this.account.failures.set(problem, (this.account.failures.get(problem) ?? 0) + 1);
    }
  }

  #one(port: number, path: string, agent: Agent | false): Promise<string | undefined> {
    return new Promise((done) => {
      const request = get({ host: "127.0.0.1", port, path, agent }, (response) => {
        response.on("error", (error) => done(`cut: ${error.message}`));
        response.on("end", () =>
          done(response.statusCode === 200 ? undefined : `status ${response.statusCode}`),
        );
        response.resume();
      });
      request.on("error", (error) => {
        // An idle connection may end as it is used again: every HTTP client repeats such a request.
        if (request.reusedSocket && (error as NodeJS.ErrnoException).code === "ECONNRESET") done(undefined);
        else done((error as NodeJS.ErrnoException).code ?? error.message);
      });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** Stops, and waits for what is under way. */
  async stop(): Promise<LoadAccount> {
    this.#stopped = true;
    await Promise.all(this.#runners);
    this.#agent.destroy();
    return this.account;
  }
}
