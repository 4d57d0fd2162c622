import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { connect, type TLSSocket } from "node:tls";
import { acmeAlpnFile, acmeTokenFile } from "../../src/config/acme-files.ts";
import { TlsAcceptor } from "../../src/http/tls-accept.ts";
import { createAlpnCertificate, createAuthority, createCertificate } from "../../src/lib/x509.ts";
import { acmeContext } from "../../src/listener/tls/acme-context.ts";
import { Client } from "../support/client.ts";
import { startGateway } from "../support/gateway.ts";
import { within } from "../support/wait.ts";

const authority = await createAuthority("Test CA", 2);
const own = await createCertificate(["other.example"], 1, authority);

async function stage(challenge: string, tls: object = {}) {
  const storage = mkdtempSync(join(tmpdir(), "torana-acme-"));
  const acme = { hosts: ["shop.example"], terms: true, storage, challenge };
  const gateway = await startGateway({
    listeners: [
      { name: "plain", address: "127.0.0.1:0", redirectToHttps: true },
      { name: "public", address: "127.0.0.1:0", tls: { certificates: [own], acme, ...tls } },
    ],
    routes: [{ name: "all", policies: [{ respond: { status: 200, body: "served" } }] }],
  });
  const put = (file: string | undefined, text: string): void => {
    mkdirSync(dirname(file!), { recursive: true });
    writeFileSync(file!, text);
  };
  return {
    gateway,
    token: (token: string, text: string): void => put(acmeTokenFile(storage, token), text),
    async shows(host: string): Promise<void> {
      const { cert, key } = await createAlpnCertificate(host, new Uint8Array(32));
      put(acmeAlpnFile(storage, host), key + cert);
    },
    async [Symbol.asyncDispose]() {
      await gateway.stop(0);
      rmSync(storage, { recursive: true, force: true });
    },
  };
}

async function handshake(port: number, servername: string, protocols: readonly string[]): Promise<TLSSocket> {
  const socket = connect({
    host: "127.0.0.1",
    port,
    servername,
    ALPNProtocols: [...protocols],
    rejectUnauthorized: false,
  });
  await within("a handshake", once(socket, "secureConnect"));
  return socket;
}

test("a CA that offers nothing but acme-tls/1 is shown the challenge's certificate, and everybody else their own", async () => {
  await using there = await stage("tls-alpn-01");
  await there.shows("shop.example");
  const port = there.gateway.port("public");
  const names = async (
    host: string,
    ...protocols: string[]
  ): Promise<[string | false | null, string | undefined]> => {
    const socket = await handshake(port, host, protocols);
    const { subjectaltname } = socket.getPeerCertificate();
    socket.destroy();
    return [socket.alpnProtocol, subjectaltname];
  };
  assert.deepEqual(await names("shop.example", "acme-tls/1"), ["acme-tls/1", "DNS:shop.example"]);
  assert.deepEqual(await names("shop.example", "http/1.1", "acme-tls/1"), ["http/1.1", "DNS:other.example"]);
  assert.deepEqual(await names("shop.example", "http/1.1"), ["http/1.1", "DNS:other.example"]);
  assert.deepEqual(await names("other.example", "http/1.1"), ["http/1.1", "DNS:other.example"]);
  await assert.rejects(names("other.example", "acme-tls/1"), "there is no challenge for this host");
});

test("whoever shakes hands as a CA does cannot speak on, and so comes by no demand for a client certificate", async () => {
  await using there = await stage("tls-alpn-01", { clients: [{ ca: authority.cert, verify: "required" }] });
  await there.shows("shop.example");
  const socket = await handshake(there.gateway.port("public"), "shop.example", ["acme-tls/1"]);
  let said = "";
  socket.on("data", (chunk) => {
    said += String(chunk);
  });
  socket.on("error", () => undefined);
  socket.end("GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n");
  await within("the end of the connection", once(socket, "close"));
  assert.equal(said, "");
});

test("a challenge by http is answered before the redirect and the routes; an unknown token goes to the routes", async () => {
  await using there = await stage("http-01");
  there.token("abcdefghijklmnop0123", "abcdefghijklmnop0123.thumbprint");
  const ask = async (listener: string, target: string, method = "GET") => {
    const client = await Client.open(there.gateway.port(listener));
    const response = await client.ask(`${method} ${target} HTTP/1.1\r\nHost: shop.example\r\n\r\n`, method);
    client.socket.destroy();
    return response;
  };
  const path = "/.well-known/acme-challenge/abcdefghijklmnop0123";
  const answer = await ask("plain", path);
  assert.equal(answer.text, "abcdefghijklmnop0123.thumbprint");
  assert.equal(answer.field("content-type"), "application/octet-stream");
  assert.equal((await ask("plain", path, "HEAD")).status, 200);
  for (const other of [
    `${path}4`,
    "/.well-known/acme-challenge/",
    "/.well-known/acme-challenge/a.token.that.is.none",
  ])
    assert.equal((await ask("plain", other)).text, "served", other);
  assert.equal((await ask("plain", "/.well-known/other")).status, 308);
});

test("the context that answers a CA lets nobody speak who does not agree on acme-tls/1", async (t) => {
  const storage = mkdtempSync(join(tmpdir(), "torana-acme-"));
  t.after(() => rmSync(storage, { recursive: true, force: true }));
  const file = acmeAlpnFile(storage, "shop.example")!;
  mkdirSync(dirname(file), { recursive: true });
  const { cert, key } = await createAlpnCertificate("shop.example", new Uint8Array(32));
  writeFileSync(file, key + cert);
  const only = acmeContext(storage, "shop.example");
  assert.ok(only);
  const ended = Promise.withResolvers<string>();
  const acceptor = new TlsAcceptor({
    secured: () => ended.resolve("it may speak"),
    unsecured: () => ended.resolve("it is gone"),
  });
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const settings = { only, choose: () => only, counted: () => undefined };
    acceptor.accept({ address: "127.0.0.1", port: 1 }, socket, "data", settings, 5_000);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const client = connect({ host: "127.0.0.1", port, rejectUnauthorized: false });
  client.on("error", () => undefined);
  t.after(() => client.destroy());
  assert.equal(await within("the end of the handshake", ended.promise), "it is gone");
});
