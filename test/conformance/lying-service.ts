/** A service that answers each case with the bytes of its row, and everything else as a good service does. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Delivery, piecesOf, type RawConnection, seeded, startRawService } from "../support/raw.ts";
import { parseRequest, show } from "../support/strict-parser.ts";
import type { ResponseCase } from "./attacks/response-table.ts";
import { nameIn } from "./strict-service.ts";

/** How long a connection lies idle before bytes come on it that nobody asked for. */
const LATE_MS = 25;

export interface Script {
  readonly name: string;
  readonly row: ResponseCase;
  /** The row's bytes with the case's own name in them. */
  readonly answer: string;
  readonly late: string;
  readonly delivery: Delivery;
}

export interface LyingService {
  readonly port: number;
  /** Answers the case with its script from now on; the promise ends when all was sent once. */
  play(script: Script): Promise<void>;
  /** Cases whose connection carried another request although no answer on it can be trusted. */
  readonly reused: ReadonlySet<string>;
  /** Cases whose hidden request arrived. */
  readonly smuggled: ReadonlySet<string>;
  /** How often a case's request arrived. */
  seen(name: string): number;
  /** What is wrong with the requests that the gateway sent. */
  readonly invalid: readonly string[];
  stop(): Promise<void>;
}

/** The answer of a good service to the request that follows a case. */
export function goodAnswer(name: string): string {
  const body = `next of ${name}`;
  return `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

/** Starts the service. */
export async function startLyingService(port = 0): Promise<LyingService> {
  const scripts = new Map<string, { script: Script; played: () => void }>();
  const spent = new Map<RawConnection, string>();
  const reused = new Set<string>();
  const smuggled = new Set<string>();
  const seen = new Map<string, number>();
  const invalid: string[] = [];
  /** Connections whose request was answered before it was complete. */
  const answered = new WeakSet<RawConnection>();

  const start = (connection: RawConnection, target: string): void => {
    const name = nameIn(target) ?? "";
    const scripted = scripts.get(name);
    const spender = spent.get(connection);
    if (spender !== undefined) reused.add(spender);
    if (target.startsWith("/smuggled/")) smuggled.add(name);
    if (target.startsWith("/next/") || target.startsWith("/smuggled/") || scripted === undefined) {
      connection.send(goodAnswer(name));
      return;
    }
    seen.set(name, (seen.get(name) ?? 0) + 1);
    if (scripted.script.row.spent === true) spent.set(connection, name);
    void play(connection, scripted.script).then(scripted.played);
  };

  const answer = (connection: RawConnection): void => {
    while (connection.received !== "") {
      const parsed = parseRequest(connection.received);
      if (parsed.state === "invalid") invalid.push(`${parsed.why}: ${show(connection.received)}`);
      if (parsed.state === "complete") {
        connection.consume(parsed.end);
        // A request that was answered early is complete now: it has its answer.
        if (!answered.delete(connection)) start(connection, parsed.message.target);
        continue;
      }
      const target = parsed.state === "incomplete" ? (parsed.head?.line.split(" ")[1] ?? "") : "";
      if (!answered.has(connection) && scripts.get(nameIn(target) ?? "")?.script.row.early === true) {
        answered.add(connection);
        start(connection, target);
      }
      return;
    }
  };

  const service = await startRawService(answer, port);
  return {
    port: service.port,
    play: (script) => new Promise((played) => scripts.set(script.name, { script, played })),
    reused,
    smuggled,
    seen: (name) => seen.get(name) ?? 0,
    invalid,
    stop: () => service.stop(),
  };
}

async function play(connection: RawConnection, { name, row, answer, late, delivery }: Script): Promise<void> {
  await connection.sendPieces(piecesOf(answer, delivery, seeded(Number(name.slice(4)))));
  if (row.after === "end") connection.end();
  if (row.after === "reset") connection.close(true);
  if (late === "") return;
  await sleep(LATE_MS);
  connection.send(late);
}
