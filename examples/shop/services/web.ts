/** What the three services of the shop share: a JSON answer for each method and path, on node:http. */
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";

/** A request, as far as the services look at it. */
export interface Asked {
  /** What stood in the place of the path's `{names}`. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** The parsed JSON body; undefined without one. */
  readonly body: unknown;
}

/** What a service answers: a status, JSON, and fields beside the usual ones. */
export interface Answer {
  readonly status?: number;
  readonly json?: unknown;
  readonly fields?: Readonly<Record<string, string>>;
  /** Takes the answer over and goes on sending: for streams of events. */
  readonly stream?: (response: ServerResponse) => void;
}

/** Answers one kind of request. */
export type Handler = (asked: Asked) => Answer | Promise<Answer>;

/** Handlers by method and path: `GET /products/{id}`. The first that matches answers. */
export type Handlers = Readonly<Record<string, Handler>>;

/** An answer that a handler throws. */
export class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const BODY_MAX = 65_536;

/** Starts a service on 127.0.0.1 and says so on stdout. Ends at SIGTERM or Ctrl-C. */
export function serve(name: string, port: number, about: string, handlers: Handlers): Server {
  const table = Object.entries(handlers).map(([key, handler]) => ({ ...compile(key), handler }));
  const server = createServer(async (request, response) => {
    const answer = await answerTo(request, table).catch((error: unknown): Answer => {
      if (error instanceof Refusal) return { status: error.status, json: { error: error.message } };
      console.error(error);
      return { status: 500, json: { error: "the service failed" } };
    });
    send(response, answer, name, request.method === "HEAD");
  });
  server.on("error", (error: NodeJS.ErrnoException) => {
    const why = error.code === "EADDRINUSE" ? `port ${port} is taken by another program` : error.message;
    console.error(`${name}: ${why}`);
    process.exit(1);
  });
  server.listen(port, "127.0.0.1", () =>
    console.log(`${name.padEnd(13)} http://127.0.0.1:${port}  ${about}`),
  );
  const end = (): void => {
    server.close(() => process.exit(0));
    server.closeAllConnections();
  };
  // Started by start.mjs, it serves on at Ctrl-C until the gateway has answered all, and ends when that program is gone.
  process.on("SIGINT", () => process.connected || end());
  process.on("SIGTERM", end);
  process.on("disconnect", () => process.exit(0));
  return server;
}

/** A JSON file of the shop's data. */
export function data<T>(file: string): T {
  return JSON.parse(readFileSync(new URL(`../data/${file}`, import.meta.url), "utf8")) as T;
}

interface Entry {
  readonly method: string;
  readonly path: RegExp;
  readonly handler: Handler;
}

function compile(key: string): Omit<Entry, "handler"> {
  const [method = "GET", path = "/"] = key.split(" ");
  return { method, path: new RegExp(`^${path.replace(/\{(\w+)\}/g, "(?<$1>[^/]+)")}$`) };
}

async function answerTo(request: IncomingMessage, table: readonly Entry[]): Promise<Answer> {
  const url = new URL(request.url ?? "/", "http://service");
  const method = request.method === "HEAD" ? "GET" : request.method;
  const here = table.filter(({ path }) => path.test(url.pathname));
  if (here.length === 0) throw new Refusal(404, `there is nothing at ${url.pathname}`);
  const entry = here.find((one) => one.method === method);
  if (entry === undefined) {
    const allow = here.map((one) => one.method).join(", ");
    return { status: 405, json: { error: `use ${allow}` }, fields: { allow } };
  }
  const { groups = {} } = entry.path.exec(url.pathname) ?? {};
  return entry.handler({ params: { ...groups }, query: url.searchParams, body: await jsonOf(request) });
}

async function jsonOf(request: IncomingMessage): Promise<unknown> {
  let text = "";
  request.setEncoding("utf8");
  for await (const piece of request) {
    text += piece;
    if (text.length > BODY_MAX) throw new Refusal(413, `the body is larger than ${BODY_MAX} bytes`);
  }
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new Refusal(400, "the body is not JSON");
  }
}

function send(response: ServerResponse, answer: Answer, name: string, headOnly: boolean): void {
  const { status = 200, json, fields = {}, stream } = answer;
  if (stream !== undefined) {
    response.writeHead(status, { "x-service": name, ...fields });
    if (headOnly) response.end();
    else stream(response);
    return;
  }
  const text = json === undefined ? "" : `${JSON.stringify(json, undefined, 2)}\n`;
  response.writeHead(status, {
    ...(json === undefined ? {} : { "content-type": "application/json; charset=utf-8" }),
    ...(status === 204 ? {} : { "content-length": Buffer.byteLength(text) }),
    "x-service": name,
    ...fields,
  });
  response.end(headOnly ? undefined : text);
}
