/** Clients that must not notice a restart: a steady stream of requests, each of which is accounted for. */
import { Agent, request } from "node:http";

/** What became of one request. */
export interface Account {
  readonly id: string;
  readonly method: string;
  /** Date.now() at its start and end. */
  readonly started: number;
  readonly ended: number;
  /** Undefined for a whole and right answer, else "status 502", "ECONNRESET", … */
  readonly failure: string | undefined;
  /** The endpoint that answered. */
  readonly endpoint: string | undefined;
}

const TICK_MS = 10;

/** Sends `rate` requests a second until it is stopped; one in four is a POST, which a gateway must not repeat lightly. */
export class RestartClient {
  readonly accounts: Account[] = [];
  readonly #port: number;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 });
  readonly #timer: NodeJS.Timeout;
  readonly #open = new Set<Promise<void>>();
  #sent = 0;

  constructor(port: number, rate: number) {
    this.#port = port;
    const started = Date.now();
    this.#timer = setInterval(() => {
      const due = ((Date.now() - started) * rate) / 1_000;
      while (this.#sent < due) this.#send();
    }, TICK_MS);
  }

  /** Sends no more and waits for what is under way. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#open);
    this.#agent.destroy();
  }

  #send(): void {
    this.#sent += 1;
    const id = `r${this.#sent}`;
    const method = this.#sent % 4 === 0 ? "POST" : "GET";
    const started = Date.now();
    const account = this.#ask(id, method).then(({ failure, endpoint }) => {
      this.accounts.push({ id, method, started, ended: Date.now(), failure, endpoint });
      this.#open.delete(account);
    });
    this.#open.add(account);
  }

  #ask(id: string, method: string): Promise<Pick<Account, "failure" | "endpoint">> {
    return new Promise((done) => {
      const failed = (failure: string): void => done({ failure, endpoint: undefined });
      const headers = { "x-bench-id": id, ...(method === "POST" ? { "content-length": 2 } : {}) };
      const asked = request(
        { port: this.#port, path: "/job", method, headers, agent: this.#agent },
        (answer) => {
          let body = "";
          answer.setEncoding("latin1");
          answer.on("data", (text: string) => {
            body += text;
          });
          answer.on("error", (error: NodeJS.ErrnoException) => failed(error.code ?? error.message));
          answer.on("end", () => {
            if (answer.statusCode !== 200) failed(`status ${answer.statusCode}`);
            else if (body !== id) failed("wrong body");
            else done({ failure: undefined, endpoint: String(answer.headers["x-endpoint"]) });
          });
        },
      );
      asked.setTimeout(30_000, () => asked.destroy(new Error("no answer within 30 s")));
      asked.on("error", (error: NodeJS.ErrnoException) => failed(error.code ?? error.message));
      asked.end(method === "POST" ? "ok" : undefined);
    });
  }
}
