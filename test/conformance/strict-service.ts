/** A service that reads by the letter, answers every complete request, and keeps what reached it by the case it belongs to. */
import { type RawConnection, type RawService, startRawService } from "../support/raw.ts";
import { parseRequest, type StrictRequest, valuesOf } from "../support/strict-parser.ts";

/** The unique names that runners put in place of the table's ID. */
const NAME = /case\d{5}/i;

/** Whether a request is the case's own, the legal one sent behind it, or one that had to stay hidden. */
export type Part = "main" | "next" | "smuggled";

export interface Arrival {
  readonly part: Part;
  readonly request: StrictRequest;
}

/** Bytes that reached the service and are no complete request. */
export interface Leftover {
  readonly name: string | undefined;
  readonly bytes: string;
  /** Why no reader may accept them; undefined when they only end early. */
  readonly why: string | undefined;
  /** False when the sender keeps the connection open. */
  readonly ended: boolean;
}

export interface StrictService {
  readonly port: number;
  /** The complete requests of a case. */
  arrivals(name: string): readonly Arrival[];
  /** The incomplete or invalid bytes of a case; of no case at all without a name. */
  leftovers(name?: string): readonly Leftover[];
  /** Complete requests that carry no case's name. */
  strangers(): readonly StrictRequest[];
  stop(): Promise<void>;
}

/** The case that bytes belong to: the first name in them. */
export function nameIn(bytes: string): string | undefined {
  return NAME.exec(bytes)?.[0].toLowerCase();
}

/** Starts the service. */
export async function startStrictService(port = 0): Promise<StrictService> {
  const arrivals = new Map<string, Arrival[]>();
  const strangers: StrictRequest[] = [];
  const broken = new Map<RawConnection, string>();
  const continued = new WeakSet<RawConnection>();

  const arrived = (request: StrictRequest): string | undefined => {
    const name = nameIn(headOf(request));
    if (name === undefined) strangers.push(request);
    else arrivals.set(name, [...(arrivals.get(name) ?? []), { part: partOf(request.target), request }]);
    return name;
  };

  const serve = (connection: RawConnection): void => {
    while (connection.received !== "" && !broken.has(connection)) {
      const parsed = parseRequest(connection.received);
      if (parsed.state === "invalid") {
        broken.set(connection, parsed.why);
        connection.socket.end("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
      } else if (parsed.state === "incomplete") {
        const waits = parsed.head !== undefined && valuesOf(parsed.head.fields, "expect").length > 0;
        if (waits && !continued.has(connection)) {
          continued.add(connection);
          connection.send("HTTP/1.1 100 Continue\r\n\r\n");
        }
        return;
      } else {
        continued.delete(connection);
        connection.consume(parsed.end);
        connection.send(answerTo(parsed.message, arrived(parsed.message)));
      }
    }
  };

  const service: RawService = await startRawService(serve, port);
  const leftovers = (): Leftover[] =>
    service.connections
      .filter((connection) => connection.received !== "")
      .map((connection) => ({
        name: nameIn(connection.received),
        bytes: connection.received,
        why: broken.get(connection),
        ended: connection.ended,
      }));
  return {
    port: service.port,
    arrivals: (name) => arrivals.get(name) ?? [],
    leftovers: (name) => leftovers().filter((leftover) => leftover.name === name),
    strangers: () => strangers,
    stop: () => service.stop(),
  };
}

/** The answer that a client gets for a part of a case. */
export function answerBody(part: Part, name: string | undefined): string {
  return `${part} of ${name ?? "no case"}`;
}

function answerTo(request: StrictRequest, name: string | undefined): string {
  const body = answerBody(partOf(request.target), name);
  const head = `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n`;
  return request.method === "HEAD" ? head : head + body;
}

function headOf(request: StrictRequest): string {
  return [request.target, ...request.fields.map(([, value]) => value)].join("\n");
}

function partOf(target: string): Part {
  if (target.startsWith("/smuggled/")) return "smuggled";
  return target.startsWith("/next/") ? "next" : "main";
}
