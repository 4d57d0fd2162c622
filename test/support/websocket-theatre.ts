import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:http2";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { TestContext } from "node:test";
import { type ClientOptions, WebSocket, WebSocketServer } from "ws";
import { startGateway, type TestGateway } from "./gateway.ts";
import { within } from "./wait.ts";

/** A gateway between the ws library at both ends. */
export interface Theatre {
  readonly gateway: TestGateway;
  readonly server: WebSocketServer;
  /** Opens one, and waits until it is open. */
  open(options?: ClientOptions): Promise<WebSocket>;
  /** The status of the answer to a handshake that is refused, and its reason. */
  refused(origin: string): Promise<[number, unknown]>;
  /** Times that the gateway ended something for this reason. */
  ended(reason: string): number;
}

/** An echo behind a gateway whose route has these options. */
export async function theatre(
  t: TestContext,
  websocket: object,
  service?: object,
  tls?: object,
): Promise<Theatre> {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", ...service });
  await once(server, "listening");
  server.on("connection", (socket) => {
    socket.on("message", (data, binary) => socket.send(data, { binary }));
  });
  const { port } = server.address() as AddressInfo;
  const gateway = await startGateway({
    ...(tls && { listeners: [{ name: "test", address: "127.0.0.1:0", tls }] }),
    routes: [{ name: "ws", service: "main", websocket }],
    services: { main: { endpoints: [`http://127.0.0.1:${port}`] } },
  });
  const clients: WebSocket[] = [];
  t.after(async () => {
    for (const client of clients) client.terminate();
    await within("the gateway to stop", gateway.stop());
    for (const client of server.clients) client.terminate();
    server.close();
  });
  const begin = (options: ClientOptions): WebSocket => {
    const client = new WebSocket(`ws${tls ? "s" : ""}://127.0.0.1:${gateway.port()}/chat`, {
      rejectUnauthorized: false,
      ...options,
    });
    client.on("error", () => undefined); // whoever waits hears of it
    clients.push(client);
    return client;
  };
  return {
    gateway,
    server,
    open: async (options = {}) => {
      const client = begin(options);
      await within("the handshake", once(client, "open"));
      return client;
    },
    refused: async (origin) => {
      const [, response] = await within("the refusal", once(begin({ origin }), "unexpected-response"));
      const text = Buffer.concat(await Array.fromAsync(response as AsyncIterable<Buffer>)).toString();
      return [response.statusCode, JSON.parse(text).reason];
    },
    ended: (reason) =>
      gateway.gateway
        .counts()
        .of("reason")
        .reduce((sum, { labels, values }) => (labels.reason === reason ? sum + values[0]! : sum), 0),
  };
}

/** Sends bytes and waits until they come back. */
export async function echoed(client: WebSocket, content: Buffer): Promise<void> {
  const answer = once(client, "message");
  client.send(content);
  const [data] = await within("the echo", answer);
  assert.ok((data as Buffer).equals(content), `${content.length} bytes`);
}

/** What the ws library keeps to itself. */
interface Inside {
  _isServer: boolean;
  readonly _socket: Duplex;
  setSocket(socket: Duplex, head: Buffer, options: object): void;
}

/** A client of the ws library on a stream of HTTP/2 (RFC 8441). */
export async function overHttp2(t: TestContext, port: number): Promise<WebSocket> {
  const session = connect(`http://127.0.0.1:${port}`);
  t.after(() => session.destroy());
  await within("the settings", once(session, "remoteSettings"));
  const stream = session.request({
    ":method": "CONNECT",
    ":protocol": "websocket",
    ":path": "/chat",
    "sec-websocket-version": "13",
  });
  const [head] = await within("the handshake", once(stream, "response"));
  assert.equal(head[":status"], 200);
  return onStream(stream, false);
}

/** An end of the ws library on any stream, once hands were shaken. */
export function onStream(stream: Duplex, isServer: boolean): WebSocket {
  // Without an address it connects nowhere.
  const end: WebSocket = Reflect.construct(WebSocket, [
    null,
    undefined,
    { autoPong: true, closeTimeout: 30_000 },
  ]);
  end.on("error", () => undefined);
  const inside = end as unknown as Inside;
  inside._isServer = isServer;
  inside.setSocket(stream, Buffer.alloc(0), { allowSynchronousEvents: true, maxPayload: 0 });
  return end;
}

/** Sends bytes that the library itself would not make. */
export function sendRaw(end: WebSocket, bytes: Uint8Array): void {
  (end as unknown as Inside)._socket.write(bytes);
}
