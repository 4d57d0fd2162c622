/** Clients that connect, ask once, and then keep their connection without a word. */
import { connect, type Socket } from "node:net";
import type { IdleAnswer, IdleOrder } from "../lib/idle.ts";

const AT_ONCE = 50;
const PER_ADDRESS = 2_000;
const LIGHT_PER_SECOND = 50;

const shared = Buffer.allocUnsafeSlow(65_536);
const problems = new Map<string, number>();
let lost = 0;

class IdleClient {
  readonly #socket: Socket;
  readonly #request: string;
  #answer = "";
  #done: (() => void) | undefined;

  constructor(order: IdleOrder, index: number) {
    this.#request = order.request;
    this.#socket = connect({
      port: order.port,
      host: "127.0.0.1",
      localAddress: `127.0.0.${2 + Math.floor(index / PER_ADDRESS)}`, // ports of one address would run out
      onread: { buffer: shared, callback: (bytes, buffer) => this.#read(buffer as Buffer, bytes) },
    });
    this.#socket.on("error", (error) => note(error.message));
    this.#socket.on("close", () => {
      lost += 1;
      this.#done?.();
    });
  }

  /** Asks once and waits for the answer, or for the end of the connection. */
  ask(): Promise<void> {
    return new Promise((done) => {
      this.#answer = "";
      this.#done = done;
      this.#socket.write(this.#request, "latin1");
    });
  }

  #read(buffer: Buffer, bytes: number): boolean {
    this.#answer += buffer.latin1Slice(0, bytes);
    const end = this.#answer.indexOf("\r\n\r\n");
    const length = /\ncontent-length: *(\d+)/i.exec(this.#answer)?.[1];
    if (end < 0 || length === undefined || this.#answer.length < end + 4 + Number(length)) return true;
    if (!this.#answer.startsWith("HTTP/1.1 200 ")) note(this.#answer.slice(0, 12));
    this.#done?.();
    this.#answer = "";
    this.#done = undefined;
    return true;
  }
}

const clients: IdleClient[] = [];

function note(problem: string): void {
  problems.set(problem, (problems.get(problem) ?? 0) + 1);
}

/** Opens connections until `order.connections` are held, a few at a time. */
async function fill(order: IdleOrder): Promise<void> {
  let next = clients.length;
  const opener = async (): Promise<void> => {
    while (next < order.connections) {
      const client = new IdleClient(order, next++);
      clients.push(client);
      await client.ask();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, opener));
}

/** A little traffic over the held connections, so that the proxy's own clean-up has a reason to run. */
async function ripple(seconds: number): Promise<void> {
  for (let asked = 0; asked < seconds * LIGHT_PER_SECOND; asked += 1) {
    await clients[(asked * 37) % clients.length]?.ask();
    await new Promise((done) => setTimeout(done, 1_000 / LIGHT_PER_SECOND));
  }
}

process.on("message", async (message) => {
  const order = message as IdleOrder;
  await fill(order);
  await ripple(order.rippleSeconds);
  const answer: IdleAnswer = { held: clients.length - lost, problems: Object.fromEntries(problems) };
  process.send?.(answer);
});
process.on("disconnect", () => process.exit(0));
process.send?.("ready");
