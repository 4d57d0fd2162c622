/** Clients that open a new connection for each request, as fast as they are answered; each connection is accounted for. */
import { connect } from "node:net";
import type { ChurnAnswer, ChurnOrder } from "../lib/churn.ts";

const PATIENCE_MS = 10_000;
const REQUEST = "GET /small HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n";

const lost = new Map<string, number>();
let answered = 0;
let stopping = false;

/** One connection: undefined for a whole answer, else what happened. */
function once(port: number): Promise<string | undefined> {
  return new Promise((done) => {
    let connected = false;
    let answer = "";
    const socket = connect(port, "127.0.0.1");
    const when = (): string =>
      connected ? (answer === "" ? "before the answer" : "in the answer") : "connecting";
    const end = (problem: string | undefined): void => {
      socket.destroy();
      done(problem);
    };
    socket.setTimeout(PATIENCE_MS, () => end(`silence ${when()}`));
    socket.on("connect", () => {
      connected = true;
      socket.write(REQUEST);
    });
    socket.on("data", (chunk: Buffer) => {
      answer += chunk.toString("latin1");
    });
    socket.on("error", (error: NodeJS.ErrnoException) => end(`${error.code} ${when()}`));
    socket.on("end", () => end(problemOf(answer, when())));
  });
}

function problemOf(answer: string, when: string): string | undefined {
  const head = answer.indexOf("\r\n\r\n");
  if (head < 0) return `closed ${when}`;
  if (!answer.startsWith("HTTP/1.1 200 ")) return answer.slice(0, 12);
  const length = /\ncontent-length: *(\d+)/i.exec(answer)?.[1];
  return answer.length - head - 4 === Number(length) ? undefined : "closed in the answer";
}

async function keepAsking(port: number): Promise<void> {
  while (!stopping) {
    const problem = await once(port);
    if (problem === undefined) answered += 1;
    else lost.set(problem, (lost.get(problem) ?? 0) + 1);
  }
}

let loops: Promise<void>[] = [];

process.on("message", async (message) => {
  const order = message as ChurnOrder;
  if (order === "stop") {
    stopping = true;
    await Promise.all(loops);
  } else {
    stopping = false;
    answered = 0;
    lost.clear();
    loops = Array.from({ length: order.atOnce }, () => keepAsking(order.port));
    while (answered === 0) await new Promise((done) => setTimeout(done, 5));
  }
  process.send?.({ answered, lost: Object.fromEntries(lost) } satisfies ChurnAnswer);
});
process.on("disconnect", () => process.exit(0));
process.send?.("ready");
