import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { request as httpsRequest } from "node:https";
import { type AddressInfo, connect as connectPlain, createServer, type Socket } from "node:net";
import { after, test } from "node:test";
import { connect } from "node:tls";
import { promisify } from "node:util";
import { checkConfig } from "../../src/config/load.ts";
import { loadCatalog } from "../../src/snapshot/catalog.ts";
import { TestAuthority } from "../support/certificates.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { startRawService, startService } from "../support/service.ts";
import { askTls, openTls, outcome } from "../support/tls.ts";
import { until, within } from "../support/wait.ts";
import { agreement } from "../support/websocket.ts";

const KEY_LINES = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13";

const run = promisify(execFile);
const authority = new TestAuthority();
after(() => authority[Symbol.dispose]());
const ca = authority.certText;
const shop = authority.issue({ names: ["DNS:shop.example", "DNS:localhost", "IP:127.0.0.1"] });
const shopRsa = authority.issue({ names: ["DNS:shop.example", "DNS:localhost"], kind: "rsa" });
const wild = authority.issue({ names: ["DNS:*.wild.example"] });
const other = authority.issue({ names: ["DNS:other.example", "DNS:deep.wild.example"] });

function pair({ cert, key }: { cert: string; key: string }): { cert: string; key: string } {
  return { cert, key };
}

function config(url: string, tls: object, listener: object = {}): object {
  return {
    listeners: [
      { name: "secure", address: "127.0.0.1:0", tls: { certificates: [pair(shop)], ...tls }, ...listener },
    ],
    routes: [{ name: "all", service: "main" }],
    services: { main: { endpoints: [url] } },
  };
}

/** The first bytes that a client sends. */
async function helloOf(servername: string): Promise<Buffer> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const accepted = once(server, "connection") as Promise<[Socket]>;
  const client = connect({ host: "127.0.0.1", port: (server.address() as AddressInfo).port, servername });
  client.on("error", () => undefined);
  const [socket] = await accepted;
  const [bytes] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  client.destroy();
  server.close();
  return bytes;
}

/** How many handshakes ended so. */
function handshakes({ gateway }: TestGateway, result: string): number {
  const series = gateway.counts().of("handshake");
  return series.reduce((sum, { labels, values }) => (labels.result === result ? sum + values[0]! : sum), 0);
}

test("a request over TLS reaches the service, which is told that it was", async () => {
  await using service = await startService(
    (request, response) =>
      void response.end(`${request.headers["x-forwarded-proto"]} ${request.headers["x-forwarded-host"]}`),
  );
  const gateway = await startGateway(config(service.url, {}));
  const answer = await askTls(gateway.port(), { ca, servername: "shop.example" });
  assert.equal(answer.body, "https shop.example");
  assert.equal(answer.protocol, "TLSv1.3");
  assert.equal(answer.alpn, "http/1.1");
  assert.equal(handshakes(gateway, "ok"), 1);
  await gateway.stop();
});

test("curl and openssl connect", async () => {
  await using service = await startService((_request, response) => void response.end("served"));
  const gateway = await startGateway(config(service.url, {}));
  const url = `https://shop.example:${gateway.port()}/`;
  const told = ["--cacert", authority.cert, "--resolve", `shop.example:${gateway.port()}:127.0.0.1`];
  const curl = await run("curl", ["-sS", "--http1.1", ...told, url]);
  assert.equal(curl.stdout, "served");
  const client = run("openssl", [
    ...["s_client", "-connect", `127.0.0.1:${gateway.port()}`, "-servername", "shop.example"],
    ...["-CAfile", authority.cert, "-verify_return_error", "-alpn", "http/1.1"],
  ]);
  client.child.stdin!.end("Q\n");
  const { stdout } = await client;
  assert.match(stdout, /Verify return code: 0 \(ok\)/);
  assert.match(stdout, /ALPN protocol: http\/1\.1/);
  await gateway.stop();
});

test("HTTP/2 is what ALPN chooses where both speak it", async () => {
  await using service = await startService(
    (request, response) => void response.end(request.headers["x-forwarded-proto"]),
  );
  const gateway = await startGateway(config(service.url, {}));
  const told = ["--cacert", authority.cert, "--resolve", `shop.example:${gateway.port()}:127.0.0.1`];
  const ask = (...how: readonly string[]) =>
    run("curl", [
      "-sS",
      "-w",
      " %{http_version}",
      ...how,
      ...told,
      `https://shop.example:${gateway.port()}/`,
    ]);
  assert.equal((await ask("--http2")).stdout, "https 2");
  assert.equal((await ask("--http1.1")).stdout, "https 1.1");
  assert.equal((await ask("--no-alpn")).stdout, "https 1.1");
  await gateway.stop();
  const old = await startGateway(config(service.url, { alpn: ["http/1.1"] }));
  const url = `https://shop.example:${old.port()}/`;
  const resolved = ["--cacert", authority.cert, "--resolve", `shop.example:${old.port()}:127.0.0.1`];
  assert.equal(
    (await run("curl", ["-sS", "-w", " %{http_version}", "--http2", ...resolved, url])).stdout,
    "https 1.1",
  );
  await old.stop();
});

test("each host gets its certificate: by name, by wildcard of one label, else the first", async () => {
  await using service = await startService((_request, response) => void response.end("served"));
  const tls = { certificates: [pair(shop), pair(wild), pair(other)] };
  const gateway = await startGateway(config(service.url, tls));
  const shown = async (servername: string | undefined): Promise<string> => {
    const answer = await askTls(gateway.port(), {
      rejectUnauthorized: false,
      ...(servername && { servername }),
    });
    assert.equal(answer.status, 200);
    return answer.certificate.subject;
  };
  assert.equal(await shown("shop.example"), "CN=shop.example");
  assert.equal(await shown("SHOP.example"), "CN=shop.example");
  assert.equal(await shown("a.wild.example"), "CN=*.wild.example");
  assert.equal(await shown("deep.wild.example"), "CN=other.example");
  assert.equal(await shown("a.b.wild.example"), "CN=shop.example");
  assert.equal(await shown("nobody.example"), "CN=shop.example");
  assert.equal(await shown(undefined), "CN=shop.example");
  await gateway.stop();
});

test("RSA and ECDSA stand side by side: each client gets what it can use", async () => {
  await using service = await startService((_request, response) => void response.end("served"));
  const gateway = await startGateway(config(service.url, { certificates: [pair(shop), pair(shopRsa)] }));
  const kind = async (sigalgs: string): Promise<string | undefined> => {
    const answer = await askTls(gateway.port(), { ca, servername: "shop.example", sigalgs });
    return answer.certificate.publicKey.asymmetricKeyType;
  };
  assert.equal(await kind("ECDSA+SHA256"), "ec");
  assert.equal(await kind("RSA-PSS+SHA256:RSA+SHA256"), "rsa");
  await gateway.stop();
});

test("versions, ciphers and what is no TLS are counted by reason", async () => {
  await using service = await startService((_request, response) => void response.end("served"));
  const gateway = await startGateway(config(service.url, { minVersion: "1.3" }));
  const ask = (options: object): Promise<number | string> =>
    outcome(askTls(gateway.port(), { ca, servername: "shop.example", ...options }));
  assert.equal(await ask({}), 200);
  assert.match(String(await ask({ maxVersion: "TLSv1.2" })), /PROTOCOL_VERSION/);
  await until("the handshake to be counted", () => handshakes(gateway, "protocol_version") === 1);
  assert.match(String(await ask({ ecdhCurve: "secp521r1" })), /HANDSHAKE_FAILURE/);
  await until("the handshake to be counted", () => handshakes(gateway, "no_shared_cipher") === 1);
  assert.match(String(await ask({ ALPNProtocols: ["spdy/1"] })), /APPLICATION_PROTOCOL/);
  await until("the handshake to be counted", () => handshakes(gateway, "no_application_protocol") === 1);
  const plain = connectPlain(gateway.port(), "127.0.0.1").on("error", () => undefined);
  plain.end("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  plain.resume();
  await once(plain, "close");
  await until("the handshake to be counted", () => handshakes(gateway, "not_tls") === 1);
  const silent = connectPlain(gateway.port(), "127.0.0.1").on("error", () => undefined);
  await once(silent, "connect");
  silent.destroy();
  await until("the handshake to be counted", () => handshakes(gateway, "client_left") === 1);
  const doubter = await outcome(askTls(gateway.port(), { servername: "shop.example" }));
  assert.match(String(doubter), /UNABLE_TO|SELF_SIGNED/);
  await until("all connections to be gone", () => gateway.gateway.listeners.connections === 0);
  await gateway.stop();
});

test("TLS 1.2 works by default", async () => {
  await using service = await startService((_request, response) => void response.end("served"));
  const gateway = await startGateway(config(service.url, {}));
  const answer = await askTls(gateway.port(), { ca, servername: "shop.example", maxVersion: "TLSv1.2" });
  assert.equal(answer.status, 200);
  assert.equal(answer.protocol, "TLSv1.2");
  assert.match(
    String(
      await outcome(
        askTls(gateway.port(), {
          ca,
          maxVersion: "TLSv1.1",
          minVersion: "TLSv1.1",
          ciphers: "ALL:@SECLEVEL=0",
        }),
      ),
    ),
    /VERSION|PROTOCOL/,
  );
  await gateway.stop();
});

test("a handshake that stands still is given up", async () => {
  await using service = await startService((_request, response) => void response.end("served"));
  for (const certificates of [[pair(shop)], [pair(shop), pair(wild)]]) {
    const gateway = await startGateway(
      config(service.url, { certificates }, { limits: { headerTimeout: "300ms" } }),
    );
    const silent = connectPlain(gateway.port(), "127.0.0.1")
      .on("error", () => undefined)
      .resume();
    await once(silent, "close");
    const half = connectPlain(gateway.port(), "127.0.0.1")
      .on("error", () => undefined)
      .resume();
    half.write(Buffer.from("160301", "hex"));
    await once(half, "close");
    await until("the handshake to be counted", () => handshakes(gateway, "timeout") === 2);
    assert.equal(gateway.gateway.listeners.connections, 0);
    await gateway.stop();
  }
});

test("connections that stand in their handshake count against the limits", async () => {
  await using service = await startService((_request, response) => void response.end("served"));
  const limits = { connectionsPerAddress: 2 };
  const gateway = await startGateway(config(service.url, {}, { limits }));
  const silent = [1, 2].map(() => connectPlain(gateway.port(), "127.0.0.1"));
  await until("both to be accepted", () => gateway.gateway.listeners.connections === 2);
  const asked = (): Promise<number | string> =>
    outcome(askTls(gateway.port(), { ca, servername: "shop.example" }));
  assert.notEqual(await asked(), 200);
  for (const socket of silent) socket.destroy();
  await until("both to be gone", () => gateway.gateway.listeners.connections === 0);
  assert.equal(await asked(), 200);
  await gateway.stop();
});

test("gateways with one ticket key resume one another's sessions", async () => {
  await using service = await startService((_request, response) => void response.end("served"));
  const tickets = { key: randomBytes(48).toString("base64") };
  const gateways = [
    await startGateway(config(service.url, { tickets })),
    await startGateway(config(service.url, { tickets })),
  ];
  const [one, two] = gateways.map((gateway) => gateway.port());
  const { session } = await askTls(one!, { ca, servername: "shop.example" });
  const at = async (port: number): Promise<boolean> =>
    (await askTls(port, { ca, servername: "shop.example", session: session! })).resumed;
  assert.equal(await at(two!), true);
  gateways[1]!.gateway.listeners.rotateTickets(randomBytes(48));
  assert.equal(await at(two!), true);
  for (const gateway of gateways) await gateway.stop();
});

test("tickets are made by a secret that was changed while a config got ready", async () => {
  await using service = await startService((_request, response) => void response.end("served"));
  const both = { certificates: [pair(shop), pair(other)] };
  const gateways = [
    await startGateway(config(service.url, {})),
    await startGateway(config(service.url, both)),
  ];
  const [one, two] = gateways.map(({ gateway }) => gateway);
  const next = checkConfig(config(service.url, both));
  const prepared = await one!.prepare(next, await loadCatalog(next, new Map()));
  const secret = randomBytes(48);
  for (const gateway of [one!, two!]) gateway.listeners.rotateTickets(secret);
  one!.commit(prepared);
  const { session } = await askTls(one!.port(), { ca, servername: "other.example" });
  assert.ok(session);
  const { resumed } = await askTls(two!.port(), { ca, servername: "other.example", session });
  assert.equal(resumed, true);
  for (const gateway of gateways) await gateway.stop();
});

test("the hello may come octet by octet", async () => {
  await using service = await startService((_request, response) => void response.end("served"));
  const gateway = await startGateway(config(service.url, { certificates: [pair(shop), pair(other)] }));
  const raw = connectPlain(gateway.port(), "127.0.0.1").setNoDelay();
  const slow = await import("node:stream").then(({ Duplex }) => {
    const made = new Duplex({
      read: () => undefined,
      write(chunk: Buffer, _encoding, done) {
        void (async () => {
          for (let at = 0; at < chunk.length; at += 7) {
            raw.write(chunk.subarray(at, at + 7));
            await new Promise((go) => setImmediate(go));
          }
          done();
        })();
      },
    });
    raw.on("data", (piece) => made.push(piece));
    raw.on("end", () => made.push(null));
    return made;
  });
  const socket = connect({ socket: slow, ca, servername: "other.example", ALPNProtocols: ["http/1.1"] });
  await once(socket, "secureConnect");
  assert.equal(socket.getPeerX509Certificate()?.subject, "CN=other.example");
  socket.destroy();
  raw.destroy();
  await gateway.stop();
});

for (const many of [false, true])
  test(`large bodies pass both ways, every byte (${many ? "several certificates" : "one certificate"})`, async () => {
    const size = 8 * 1_048_576;
    const sent = randomBytes(size);
    await using service = await startService((request, response) => void request.pipe(response));
    const certificates = many ? [pair(shop), pair(wild)] : [pair(shop)];
    const gateway = await startGateway(config(service.url, { certificates }));
    const got = await new Promise<Buffer>((done, fail) => {
      const pieces: Buffer[] = [];
      const request = httpsRequest(
        {
          host: "127.0.0.1",
          port: gateway.port(),
          method: "POST",
          ca,
          servername: "shop.example",
          agent: false,
        },
        (response) => {
          response.on("data", (piece: Buffer) => pieces.push(piece));
          response.on("end", () => done(Buffer.concat(pieces)));
          response.on("error", fail);
        },
      );
      request.on("error", fail);
      request.end(sent);
    });
    assert.equal(got.length, size);
    assert.ok(got.equals(sent));
    await gateway.stop();
  });

test("slow readers get every byte, and none of another's", async () => {
  const size = 2 * 1_048_576;
  await using service = await startService((request, response) => {
    const filled = Buffer.alloc(size, request.url!.slice(1));
    response.end(filled);
  });
  const gateway = await startGateway(config(service.url, {}));
  const read = async (mark: string): Promise<void> => {
    const socket = await openTls(gateway.port(), { ca, servername: "shop.example" });
    socket.write(`GET /${mark} HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n`);
    const pieces: Buffer[] = [];
    for await (const piece of socket) {
      pieces.push(piece as Buffer);
      if (pieces.length % 8 === 0) await new Promise((go) => setTimeout(go, 1));
    }
    const whole = Buffer.concat(pieces);
    const body = whole.subarray(whole.indexOf("\r\n\r\n") + 4);
    assert.equal(body.length, size);
    assert.ok(body.equals(Buffer.alloc(size, mark)), `${mark} got another's bytes`);
  };
  await Promise.all([..."abcdefghijkl"].map(read));
  await gateway.stop();
});

test("a slow service gets every byte of every client's body", async () => {
  const size = 3 * 1_048_576;
  await using service = await startService(async (request, response) => {
    const digest = createHash("sha256");
    let pieces = 0;
    for await (const piece of request) {
      digest.update(piece as Buffer);
      if (++pieces % 4 === 0) await new Promise((go) => setTimeout(go, 1));
    }
    response.end(digest.digest("hex"));
  });
  const gateway = await startGateway(config(service.url, { alpn: ["http/1.1"] }));
  const send = async (framing: "content-length" | "chunked"): Promise<void> => {
    const body = randomBytes(size);
    const answer = await new Promise<string>((done, fail) => {
      const headers = framing === "chunked" ? {} : { "content-length": size };
      const options = { host: "127.0.0.1", port: gateway.port(), method: "POST", headers, agent: false };
      const request = httpsRequest({ ...options, ca, servername: "shop.example" }, (response) => {
        let text = "";
        response.on("data", (piece) => {
          text += String(piece);
        });
        response.on("end", () => done(text));
      });
      request.on("error", fail);
      request.end(body);
    });
    assert.equal(answer, createHash("sha256").update(body).digest("hex"));
  };
  const all = Array.from({ length: 8 }, (_, i) => send(i % 2 === 0 ? "chunked" : "content-length"));
  await Promise.all(all);
  await gateway.stop();
});

test("what is broken behind the handshake ends that connection and no other", async () => {
  await using service = await startService((_request, response) => void response.end("served"));
  const gateway = await startGateway(config(service.url, {}));
  const raw = connectPlain(gateway.port(), "127.0.0.1").on("error", () => undefined);
  const socket = connect({ socket: raw, ca, servername: "shop.example", ALPNProtocols: ["http/1.1"] });
  socket.on("error", () => undefined);
  await once(socket, "secureConnect");
  raw.write(Buffer.from("1703030020".concat("ab".repeat(32)), "hex"));
  await once(raw, "close");
  assert.equal(await outcome(askTls(gateway.port(), { ca, servername: "shop.example" })), 200);
  await until("all connections to be gone", () => gateway.gateway.listeners.connections === 0);
  await gateway.stop();
});

for (const many of [false, true])
  test(`hellos that are changed at any place, cut, or noise (${many ? "several certificates" : "one"})`, async () => {
    await using service = await startService((_request, response) => void response.end("served"));
    const certificates = many ? [pair(shop), pair(wild)] : [pair(shop)];
    const gateway = await startGateway(config(service.url, { certificates }));
    const hello = await helloOf("shop.example");
    const ask = async (bytes: Buffer, end: boolean): Promise<void> => {
      const raw = connectPlain(gateway.port(), "127.0.0.1")
        .on("error", () => undefined)
        .resume();
      await once(raw, "connect");
      if (end) raw.end(bytes);
      else raw.write(bytes, () => setTimeout(() => raw.destroy(), 5));
      await once(raw, "close");
    };
    for (let round = 0; round < 20; round++)
      await Promise.all(
        Array.from({ length: 15 }, (_, i) => {
          const bytes = Buffer.from(hello);
          if (i % 3 === 0) bytes[(round * 15 + i) % bytes.length]! ^= 1 << (i % 8);
          const piece = i % 3 === 1 ? bytes.subarray(0, (round * 15 + i) * 2) : bytes;
          return ask(i % 3 === 2 ? randomBytes(1 + i * 40) : piece, i % 2 === 0);
        }),
      );
    assert.equal(await outcome(askTls(gateway.port(), { ca, servername: "shop.example" })), 200);
    await until("all connections to be gone", () => gateway.gateway.listeners.connections === 0);
    await gateway.stop();
  });

test("several requests in one go are answered in their order, over one connection", async () => {
  await using service = await startService((request, response) => void response.end(request.url));
  const gateway = await startGateway(config(service.url, {}));
  const socket = await openTls(gateway.port(), { ca, servername: "shop.example" });
  socket.write(
    ["/r1", "/r2", "/r3"].map((path) => `GET ${path} HTTP/1.1\r\nHost: shop.example\r\n\r\n`).join(""),
  );
  let text = "";
  for await (const piece of socket) {
    text += String(piece);
    if (text.includes("/r3")) break;
  }
  assert.deepEqual(text.match(/\/r[123]/g), ["/r1", "/r2", "/r3"]);
  await gateway.stop();
});

test("a PROXY protocol header stands before the handshake", async () => {
  await using service = await startService(
    (request, response) => void response.end(String(request.headers["x-forwarded-for"])),
  );
  const gateway = await startGateway(config(service.url, {}, { proxyProtocol: true }));
  const raw = connectPlain(gateway.port(), "127.0.0.1");
  await once(raw, "connect");
  raw.write("PROXY TCP4 192.0.2.7 192.0.2.1 4000 443\r\n");
  const socket = connect({ socket: raw, ca, servername: "shop.example" });
  await once(socket, "secureConnect");
  socket.write("GET / HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n");
  let text = "";
  for await (const piece of socket) text += String(piece);
  assert.match(text, /192\.0\.2\.7$/);
  await gateway.stop();
});

test("an OCSP answer is stapled for who asks, as long as it holds", async (t) => {
  await using service = await startService((_request, response) => void response.end("served"));
  const certificates = [{ ...pair(shop), ocsp: authority.ocsp(shop) }];
  const gateway = await startGateway(config(service.url, { certificates }));
  const stapled = async (): Promise<Buffer | null> => {
    const asking = { ca, servername: "shop.example", requestOCSP: true };
    const socket = connect({ host: "127.0.0.1", port: gateway.port(), ...asking });
    const [answer] = (await once(socket, "OCSPResponse")) as [Buffer | null];
    socket.destroy();
    return answer;
  };
  assert.ok(((await stapled()) ?? "").length > 100);
  t.mock.timers.enable({ apis: ["Date"], now: Date.now() + 3 * 86_400_000 });
  assert.equal(await stapled(), null);
  t.mock.timers.reset();
  assert.equal(await outcome(askTls(gateway.port(), { ca, servername: "shop.example" })), 200);
  await gateway.stop();
});

test("a stop does not wait for handshakes that make no progress, nor for PROXY headers", async () => {
  for (const listener of [{}, { proxyProtocol: true }])
    for (const begun of [Buffer.alloc(0), (await helloOf("shop.example")).subarray(0, 40)]) {
      const gateway = await startGateway(
        config("http://127.0.0.1:1", {}, { ...listener, limits: { headerTimeout: "5m" } }),
      );
      const socket = connectPlain(gateway.port(), "127.0.0.1");
      socket.on("error", () => undefined).resume();
      await once(socket, "connect");
      socket.write(begun);
      await until("it to be accepted", () => gateway.gateway.listeners.connections === 1);
      await within("the gateway to stop", gateway.stop(300_000));
      assert.equal(gateway.gateway.listeners.connections, 0);
      socket.destroy();
    }
});

test("a handshake that is under way when the gateway stops is finished, and its request answered", async () => {
  await using service = await startService((_request, response) => void response.end("served"));
  const gateway = await startGateway(config(service.url, {}));
  const raw = connectPlain(gateway.port(), "127.0.0.1");
  await once(raw, "connect");
  await until("it to be accepted", () => gateway.gateway.listeners.connections === 1);
  const stopped = gateway.stop(300_000);
  const socket = connect({ socket: raw, ca, servername: "shop.example" });
  await within("the handshake", once(socket, "secureConnect"));
  socket.write("GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n");
  let text = "";
  for await (const piece of socket) text += String(piece);
  assert.match(text, /^HTTP\/1\.1 200 .*served$/s);
  await within("the gateway to stop", stopped);
});

test("sessions are resumed", async () => {
  await using service = await startService((_request, response) => void response.end("served"));
  const gateway = await startGateway(config(service.url, {}));
  for (const maxVersion of ["TLSv1.3", "TLSv1.2"] as const) {
    const first = await askTls(gateway.port(), { ca, servername: "shop.example", maxVersion });
    assert.equal(first.resumed, false);
    const { session } = first;
    assert.ok(session);
    const second = await askTls(gateway.port(), { ca, servername: "shop.example", maxVersion, session });
    assert.equal(second.resumed, true);
    gateway.gateway.listeners.rotateTickets(randomBytes(48));
    const third = await askTls(gateway.port(), { ca, servername: "shop.example", maxVersion, session });
    assert.equal(third.resumed, false);
  }
  await gateway.stop();
});

test("stopping waits for what is in flight", async () => {
  const reached = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  await using service = await startService(async (_request, response) => {
    reached.resolve();
    await go.promise;
    response.end("served");
  });
  const gateway = await startGateway(config(service.url, {}));
  const asked = askTls(gateway.port(), { ca, servername: "shop.example" });
  await reached.promise;
  const stopped = gateway.stop(5_000);
  go.resolve();
  assert.equal((await asked).body, "served");
  await stopped;
});

test("a WebSocket passes, large messages both ways", async () => {
  await using service = await startRawService(async (connection) => {
    const head = await connection.head();
    if (!head) return;
    await connection.send(agreement(head.field("sec-websocket-key") ?? ""));
    for await (const piece of connection.wire.body("close")) await connection.send(piece);
  });
  const gateway = await startGateway(config(service.url, {}));
  const socket = await openTls(gateway.port(), { ca, servername: "shop.example" });
  socket.write(
    `GET / HTTP/1.1\r\nHost: shop.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n${KEY_LINES}\r\n\r\n`,
  );
  const [head] = (await once(socket, "data")) as [Buffer];
  assert.match(head.toString(), /^HTTP\/1\.1 101 /);
  const sent = randomBytes(3 * 1_048_576);
  socket.write(sent);
  const got: Buffer[] = [];
  let size = 0;
  for await (const piece of socket) {
    got.push(piece as Buffer);
    size += (piece as Buffer).length;
    if (size >= sent.length) break;
  }
  assert.ok(Buffer.concat(got).equals(sent));
  await gateway.stop();
});
