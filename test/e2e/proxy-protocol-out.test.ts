import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttp } from "node:http";
import { createSecureServer } from "node:http2";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { TLSSocket } from "node:tls";
import { Failure } from "../../src/errors/failure.ts";
import { type ProxySource, readProxyHeader } from "../../src/http/proxy-header.ts";
import { authority, shown } from "../support/authority.ts";
import { type Client, type Response, request } from "../support/client.ts";
import { type Stage, stageOf } from "../support/stage.ts";
import { until } from "../support/wait.ts";

/** What each connection to a service began with. */
interface Introduced {
  readonly port: number;
  readonly sources: (ProxySource | undefined)[];
}

/** A service whose connections begin with a PROXY protocol header, then maybe TLS; it answers with whom it was told. */
async function introduced(t: TestContext, tls?: { cert: string; key: string }): Promise<Introduced> {
  const sources: (ProxySource | undefined)[] = [];
  const web = createHttp((incoming, outgoing) => {
    incoming.resume();
    const { told } = incoming.socket as Socket & { told?: string };
    outgoing.end(told);
  });
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("readable", () => {
      const bytes = socket.read() as Buffer;
      const header = readProxyHeader(bytes, bytes.length);
      assert.ok(header !== undefined && !(header instanceof Failure));
      sources.push(header.source);
      if (bytes.length > header.end) socket.unshift(bytes.subarray(header.end));
      const inner = tls === undefined ? socket : new TLSSocket(socket, { isServer: true, ...tls });
      const told = `${header.source?.address}:${header.source?.port}`;
      web.emit("connection", Object.assign(inner, { told }));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return { port: (server.address() as AddressInfo).port, sources };
}

function before(t: TestContext, url: string, more: object): Promise<Stage> {
  return stageOf(t, [], {
    routes: [{ name: "all", service: "main" }],
    services: { main: { endpoints: [url], ...more } },
  });
}

function nameOf({ socket }: Client): string {
  return `127.0.0.1:${socket.localPort}`;
}

for (const proxyProtocol of ["v1", "v2"])
  test(`a connection begins with its client's address and serves nobody else (${proxyProtocol})`, async (t) => {
    const { port, sources } = await introduced(t);
    const stage = await before(t, `http://127.0.0.1:${port}`, { proxyProtocol });
    const one = await stage.connect();
    const other = await stage.connect();
    for (const client of [one, other, one, other])
      assert.equal((await client.ask(request("GET /"))).text, nameOf(client));
    assert.deepEqual(
      sources.map((source) => source?.port),
      [one.socket.localPort, other.socket.localPort],
    );
  });

test("the header stands before TLS", async (t) => {
  const ca = authority(t);
  const { port } = await introduced(t, shown(ca.issue({ names: ["DNS:localhost"] })));
  const stage = await before(t, `https://localhost:${port}`, { proxyProtocol: "v2", tls: { ca: ca.cert } });
  const client = await stage.connect();
  for (let i = 0; i < 3; i++) assert.equal((await client.ask(request("GET /"))).text, nameOf(client));
});

test("the client is whom a trusted proxy names", async (t) => {
  const { port, sources } = await introduced(t);
  const stage = await stageOf(t, [], {
    listeners: [{ name: "test", address: "127.0.0.1:0", trusted: ["127.0.0.1"] }],
    routes: [{ name: "all", service: "main" }],
    services: { main: { endpoints: [`http://127.0.0.1:${port}`], proxyProtocol: "v1" } },
  });
  const client = await stage.connect();
  for (const address of ["192.0.2.7", "192.0.2.8", "192.0.2.7"])
    assert.equal((await client.ask(request("GET /", { "X-Forwarded-For": address }))).text, `${address}:0`);
  assert.equal(sources.length, 2);
});

test("idle connections of others make room; where none is idle the request is refused", async (t) => {
  const { port, sources } = await introduced(t);
  const stage = await before(t, `http://127.0.0.1:${port}`, { proxyProtocol: "v1", connections: { max: 2 } });
  const clients = await Promise.all([1, 2, 3, 4].map(() => stage.connect()));
  for (const client of [...clients, ...clients])
    assert.equal((await client.ask(request("GET /"))).text, nameOf(client));
  assert.ok(sources.length >= 6, `${sources.length} connections`);
});

test("all clients together get no more connections than there may be; who has one waits for it", async (t) => {
  const { promise: free, resolve: release } = Promise.withResolvers<void>();
  let open = 0;
  let most = 0;
  const web = createHttp(async (incoming, outgoing) => {
    incoming.resume();
    await free;
    outgoing.end("served");
  });
  const server = createServer((socket) => {
    most = Math.max(most, ++open);
    socket.on("error", () => undefined).on("close", () => open--);
    socket.once("readable", () => {
      const bytes = socket.read() as Buffer;
      const header = readProxyHeader(bytes, bytes.length);
      assert.ok(header !== undefined && !(header instanceof Failure));
      if (bytes.length > header.end) socket.unshift(bytes.subarray(header.end));
      web.emit("connection", socket);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const stage = await stageOf(t, [], {
    listeners: [{ name: "test", address: "127.0.0.1:0", trusted: ["127.0.0.1"] }],
    routes: [{ name: "all", service: "main" }],
    services: {
      main: { endpoints: [`http://127.0.0.1:${port}`], proxyProtocol: "v1", connections: { max: 2 } },
    },
  });
  const ask = (address: string): Promise<Response> =>
    stage.ask(request("GET /", { "X-Forwarded-For": address }));
  const first = [ask("192.0.2.1"), ask("192.0.2.2")];
  await until("both to have a connection", () => open === 2);
  const later = [1, 2, 1, 2].map((last) => ask(`192.0.2.${last}`));
  await until("the others to be taken", () => stage.gateway.gateway.reading().inFlight === 6);
  release();
  for (const { text } of await Promise.all([...first, ...later])) assert.equal(text, "served");
  assert.equal(most, 2);
});

test("who waits for a place gets the one that another client leaves", async (t) => {
  const held = new Map<string, () => void>();
  const web = createHttp((incoming, outgoing) => {
    incoming.resume();
    if (incoming.url === "/now") outgoing.end("served");
    else held.set(incoming.url!, () => outgoing.end("served"));
  });
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("readable", () => {
      const bytes = socket.read() as Buffer;
      const header = readProxyHeader(bytes, bytes.length);
      assert.ok(header !== undefined && !(header instanceof Failure));
      if (bytes.length > header.end) socket.unshift(bytes.subarray(header.end));
      web.emit("connection", socket);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const stage = await stageOf(t, [], {
    listeners: [{ name: "test", address: "127.0.0.1:0", trusted: ["127.0.0.1"] }],
    routes: [{ name: "all", service: "main" }],
    services: {
      main: {
        endpoints: [`http://127.0.0.1:${port}`],
        proxyProtocol: "v1",
        connections: { max: 2, waitTimeout: "60s" },
      },
    },
  });
  const ask = (address: string, path: string): Promise<Response> =>
    stage.ask(request(`GET ${path}`, { "X-Forwarded-For": address }));
  const first = ask("192.0.2.1", "/first");
  const other = ask("192.0.2.2", "/other");
  await until("both to have a connection", () => held.size === 2);
  const waiting = ask("192.0.2.1", "/now");
  await until("the third to wait", () => stage.gateway.gateway.reading().inFlight === 3);
  held.get("/other")!();
  assert.equal((await other).text, "served");
  assert.equal((await waiting).text, "served");
  held.get("/first")!();
  assert.equal((await first).text, "served");
});

test("HTTP/2 to a service begins so too, and no two clients share a connection", async (t) => {
  const ca = authority(t);
  const told: string[] = [];
  const http2 = createSecureServer(
    { ...shown(ca.issue({ names: ["DNS:localhost"] })) },
    (incoming, outgoing) => {
      incoming.resume();
      outgoing.end(incoming.httpVersion);
    },
  );
  http2.on("sessionError", () => undefined);
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("readable", () => {
      const bytes = socket.read() as Buffer;
      const header = readProxyHeader(bytes, bytes.length);
      assert.ok(header !== undefined && !(header instanceof Failure));
      told.push(`${header.source?.address}:${header.source?.port}`);
      if (bytes.length > header.end) socket.unshift(bytes.subarray(header.end));
      http2.emit("connection", socket);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const stage = await before(t, `https://localhost:${port}`, { proxyProtocol: "v1", tls: { ca: ca.cert } });
  const clients = [await stage.connect(), await stage.connect()];
  for (const client of [...clients, ...clients])
    assert.equal((await client.ask(request("GET /"))).text, "2.0");
  assert.deepEqual(told, clients.map(nameOf));
});

test("who waits for a place gets the one of a client whose handshake failed", async (t) => {
  const tls = shown(authority(t).issue({ names: ["DNS:localhost"] }));
  const held = new Map<string, () => void>();
  const web = createHttp((incoming, outgoing) => {
    incoming.resume();
    if (incoming.url === "/now") outgoing.end("served");
    else held.set("answer", () => outgoing.end("served"));
  });
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("readable", () => {
      const bytes = socket.read() as Buffer;
      const header = readProxyHeader(bytes, bytes.length);
      assert.ok(header !== undefined && !(header instanceof Failure));
      if (header.source?.address === "192.0.2.2") {
        if (held.has("refuse")) socket.destroy();
        else held.set("refuse", () => socket.destroy());
        return;
      }
      if (bytes.length > header.end) socket.unshift(bytes.subarray(header.end));
      web.emit("connection", new TLSSocket(socket, { isServer: true, ...tls }));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const stage = await stageOf(t, [], {
    listeners: [{ name: "test", address: "127.0.0.1:0", trusted: ["127.0.0.1"] }],
    routes: [{ name: "all", service: "main" }],
    services: {
      main: {
        endpoints: [`https://127.0.0.1:${port}`],
        tls: { verify: false },
        proxyProtocol: "v1",
        connections: { max: 2, waitTimeout: "60s" },
      },
    },
  });
  const ask = (address: string, path: string): Promise<Response> =>
    stage.ask(request(`GET ${path}`, { "X-Forwarded-For": address }));
  const first = ask("192.0.2.1", "/first");
  await until("the first to be asked", () => held.has("answer"));
  const other = ask("192.0.2.2", "/other");
  await until("the other to connect", () => held.has("refuse"));
  const waiting = ask("192.0.2.1", "/now");
  await until("the third to wait", () => stage.gateway.gateway.reading().inFlight === 3);
  held.get("refuse")!();
  assert.equal((await other).status, 502);
  assert.equal((await waiting).text, "served");
  held.get("answer")!();
  assert.equal((await first).text, "served");
});
