import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, connect as connectTcp, createServer as createPlain } from "node:net";
import { Duplex } from "node:stream";
import { type TestContext, test } from "node:test";
import { connect, createServer, type Server, type TLSSocket } from "node:tls";
import { promisify } from "node:util";
import { authority, shown } from "../support/authority.ts";
import type { TestAuthority } from "../support/certificates.ts";
import { Client } from "../support/client.ts";
import { refusals, startGateway, type TestGateway } from "../support/gateway.ts";
import { Random } from "../support/random.ts";
import { until, within } from "../support/wait.ts";

const MB = 1_048_576;

interface Stand {
  readonly gateway: TestGateway;
  readonly ca: TestAuthority;
  /** Connects by TLS, asking for a host; the greeting is read. */
  ask(host: string | undefined): Promise<{ greeting: string; socket: TLSSocket }>;
}

/** A TLS server that greets with its name and sends back what it gets. */
async function greeter(t: TestContext, name: string, ca: TestAuthority): Promise<Server> {
  const server = createServer(shown(ca.issue({ names: [`DNS:${name}`] })), (socket) => {
    socket.on("error", () => undefined);
    socket.write(`${name} for ${socket.alpnProtocol || "nothing"};`);
    socket.pipe(socket);
  });
  server.on("tlsClientError", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return server;
}

/** A gateway that leads by host to three servers: a, below b, and all the rest where `rest` is set. */
async function stand(t: TestContext, rest: boolean, limits: object = {}): Promise<Stand> {
  const ca = authority(t);
  const servers = await Promise.all(["a.example", "b.example", "rest"].map((name) => greeter(t, name, ca)));
  const [a, b, c] = servers.map((server) => `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const sni = { "A.example": "a", "*.b.example": "b" };
  const gateway = await startGateway({
    listeners: [
      { name: "pass", address: "127.0.0.1:0", tcp: { sni, ...(rest && { default: "c" }) }, limits },
    ],
    services: { a: { endpoints: [a] }, b: { endpoints: [b] }, ...(rest && { c: { endpoints: [c] } }) },
  });
  const sockets: TLSSocket[] = [];
  t.after(async () => {
    for (const socket of sockets) socket.destroy();
    await gateway.stop(0);
  });
  const ask = async (host: string | undefined): Promise<{ greeting: string; socket: TLSSocket }> => {
    const name = host === undefined ? {} : { servername: host };
    const options = { port: gateway.port(), host: "127.0.0.1", ...name, ALPNProtocols: ["x"] };
    const socket = connect({ ...options, rejectUnauthorized: false });
    sockets.push(socket);
    const [bytes] = (await within("a greeting", once(socket, "data"))) as [Buffer];
    return { greeting: bytes.toString(), socket };
  };
  return { gateway, ca, ask };
}

test("the host that a client asks for decides; TLS goes through untouched", async (t) => {
  const { ask } = await stand(t, true);
  for (const [host, expected] of [
    ["a.example", "a.example"],
    ["x.b.example", "b.example"],
    ["y.x.b.example", "b.example"],
    ["b.example", "rest"],
    ["x.a.example", "rest"],
    [undefined, "rest"],
  ] as const) {
    const { greeting, socket } = await ask(host);
    assert.equal(greeting, `${expected} for nothing;`);
    assert.equal(socket.getPeerCertificate().subject.CN, expected);
  }
});

test("a host that leads nowhere is told so by an alert, and counted", async (t) => {
  const { gateway, ask } = await stand(t, false);
  for (const host of ["c.example", undefined])
    await assert.rejects(ask(host), { code: "ERR_SSL_TLSV1_UNRECOGNIZED_NAME" });
  await until("both to be counted", () => refusals(gateway, "server_name_unknown") === 2);
  assert.equal((await ask("a.example")).greeting, "a.example for nothing;");
});

test("what is not TLS is cut off at once", async (t) => {
  const { gateway } = await stand(t, true);
  for (const bytes of ["GET / HTTP/1.1\r\n\r\n", "G", "\x16\x02\x00\x00\x00", "\x16\x03\x01\x00\x00"]) {
    const client = await Client.open(gateway.port());
    await client.send(bytes);
    assert.deepEqual(await client.wire.rest(), { bytes: Buffer.alloc(0), how: "reset" });
  }
  await until("all to be counted", () => refusals(gateway, "tls_hello_malformed") === 4);
});

test("a hello that comes too slowly, or never, is not waited for", async (t) => {
  const { gateway } = await stand(t, true, { headerTimeout: "700ms" });
  const silent = await Client.open(gateway.port());
  const slow = await Client.open(gateway.port());
  const drip = setInterval(() => slow.socket.write("\x01"), 100);
  t.after(() => clearInterval(drip));
  await slow.send("\x16\x03\x01\x10\x00\x01\x00\x0f\xfc");
  for (const client of [silent, slow]) assert.equal((await client.wire.rest()).how, "reset");
  await until("both to be counted", () => refusals(gateway, "tls_hello_timeout") === 2);
});

test("a hello in single bytes is as good as one in a piece", async (t) => {
  const { gateway, ca } = await stand(t, true);
  const relay = connectTcp({ port: gateway.port(), host: "127.0.0.1", noDelay: true });
  let first = true;
  const dripping = new Duplex({
    read: () => relay.resume(),
    write: async (bytes: Buffer, _encoding, done) => {
      const pieces = first ? [...bytes].map((octet) => Buffer.from([octet])) : [bytes];
      first = false;
      for (const piece of pieces) await new Promise((sent) => relay.write(piece, sent));
      done();
    },
    final: (done) => void relay.end(done),
  });
  relay.on("data", (bytes) => dripping.push(bytes)).on("end", () => dripping.push(null));
  t.after(() => relay.destroy());
  const socket = connect({ socket: dripping, servername: "a.example", ca: ca.certText });
  const [bytes] = (await within("a greeting", once(socket, "data"))) as [Buffer];
  assert.equal(bytes.toString(), "a.example for nothing;");
  socket.destroy();
});

test("50 MB each way through TLS, byte for byte", async (t) => {
  const { ask } = await stand(t, true);
  const { socket } = await ask("a.example");
  const sent = new Random(5);
  const expected = new Random(5);
  const sending = (async () => {
    for (let i = 0; i < 50; i++) if (!socket.write(sent.bytes(MB))) await once(socket, "drain");
    socket.end();
  })();
  let total = 0;
  for await (const piece of socket as AsyncIterable<Buffer>) {
    assert.ok(piece.equals(expected.bytes(piece.length)), `other bytes behind ${total}`);
    total += piece.length;
  }
  await sending;
  assert.equal(total, 50 * MB);
});

test("openssl s_client finds the server behind and believes its certificate", async (t) => {
  const { gateway, ca } = await stand(t, true);
  const run = promisify(execFile)("openssl", [
    ...["s_client", "-connect", `127.0.0.1:${gateway.port()}`, "-servername", "a.example"],
    ...["-CAfile", ca.cert, "-verify_return_error", "-brief"],
  ]);
  run.child.stdin?.end("Q\n");
  const { stderr } = await run;
  assert.match(stderr, /Verification: OK/);
});

test("what ends TLS for TCP agrees on no protocol of HTTP, and lets clients in that offer their own", async (t) => {
  const ca = authority(t);
  const server = createPlain((socket) => {
    socket.on("error", () => undefined).end("ready");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { cert, key } = ca.issue({ names: ["DNS:db.example"] });
  const gateway = await startGateway({
    listeners: [
      { name: "db", address: "127.0.0.1:0", tcp: { service: "db" }, tls: { certificates: [{ cert, key }] } },
    ],
    services: { db: { endpoints: [`tcp://127.0.0.1:${(server.address() as AddressInfo).port}`] } },
  });
  t.after(() => gateway.stop(0));
  for (const protocol of ["postgresql", "h2"]) {
    const options = { port: gateway.port(), host: "127.0.0.1", servername: "db.example" };
    const socket = connect({ ...options, ALPNProtocols: [protocol], rejectUnauthorized: false });
    const [greeting] = (await within("the greeting", once(socket, "data"))) as [Buffer];
    assert.deepEqual([String(greeting), socket.alpnProtocol], ["ready", false]);
    socket.destroy();
  }
});
