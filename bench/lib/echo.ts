/** A small service that tells what it saw: only for the check that every proxy does the same work, never under load. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

/** What the service saw of a request. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  /** Names in lower case; the values of a repeated field are joined by ", ". */
  readonly fields: Readonly<Record<string, string>>;
  readonly bodyBytes: number;
  readonly bodyHash: string;
}

export interface Echo extends AsyncDisposable {
  readonly port: number;
  /** Connections that were opened to it so far. */
  connections(): number;
}

/** Starts it: `/bytes/N` answers N bytes of `patternBytes`, every other path answers `Seen` as JSON. */
export async function startEcho(): Promise<Echo> {
  let connections = 0;
  const server = createServer(async (request, response) => {
    const body = await readAll(request);
    const size = /^\/bytes\/(\d+)$/.exec(request.url ?? "")?.[1];
    const answer =
      size === undefined ? Buffer.from(JSON.stringify(seen(request, body))) : patternBytes(Number(size));
    response.writeHead(200, { "content-length": answer.length, "content-type": "application/octet-stream" });
    response.end(answer);
  });
  server.on("connection", () => {
    connections += 1;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => connections,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** Bytes without a period that a buffer size would share, so that a lost or repeated piece changes the hash. */
export function patternBytes(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = 1;
  for (let index = 0; index < length; index += 1) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[index] = state >>> 24;
  }
  return bytes;
}

/** SHA-256 in hex. */
export function hashOf(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function seen(request: IncomingMessage, body: Buffer): Seen {
  const fields = Object.entries(request.headersDistinct).map(([name, values]) => [
    name,
    values?.join(", ") ?? "",
  ]);
  return {
    method: request.method ?? "",
    path: request.url ?? "",
    fields: Object.fromEntries(fields) as Record<string, string>,
    bodyBytes: body.length,
    bodyHash: hashOf(body),
  };
}

async function readAll(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
