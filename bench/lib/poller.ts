import { Agent, request } from "node:http";

/** Asks one path at fixed times whatever the answers do, and keeps the longest time that an answer took. */
export class Poller {
  /** Milliseconds. */
  longest = 0;
  polls = 0;
  failures = 0;
  /** Word of each answer's body. */
  onAnswer: ((body: string) => void) | undefined = undefined;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #timer: NodeJS.Timeout;
  readonly #port: number;
  readonly #path: string;

  constructor(port: number, path: string, everyMs: number) {
    this.#port = port;
    this.#path = path;
    this.#timer = setInterval(() => this.#ask(), everyMs);
  }

  #ask(): void {
    const started = performance.now();
    this.polls += 1;
    const failed = (): void => {
      this.failures += 1;
    };
    const asked = request(
      { port: this.#port, host: "127.0.0.1", path: this.#path, agent: this.#agent },
      (answer) => {
        let body = "";
        answer.setEncoding("utf8");
        answer.on("error", failed);
        answer.on("data", (text: string) => {
          body += text;
        });
        answer.on("end", () => {
          this.longest = Math.max(this.longest, performance.now() - started);
          if (answer.statusCode !== 200) failed();
          this.onAnswer?.(body);
        });
      },
    );
    asked.on("error", failed);
    asked.end();
  }

  /** Forgets what was measured so far. */
  reset(): void {
    this.longest = 0;
    this.polls = 0;
    this.failures = 0;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#agent.destroy();
  }
}
