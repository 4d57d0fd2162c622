import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { TLSSocket, TlsOptions } from "node:tls";
import { authority, filesOf, pinOf, shown } from "../support/authority.ts";
import type { TestAuthority } from "../support/certificates.ts";
import { request } from "../support/client.ts";
import { Random } from "../support/random.ts";
import { bodyOf, type Handler, type Service, startRawService, startService } from "../support/service.ts";
import { type Stage, stageOf } from "../support/stage.ts";
import { startTlsService, type TlsService } from "../support/tls-service.ts";
import { agreement, handshake } from "../support/websocket.ts";

const MB = 1_048_576;

/** Says which host was asked for in the handshake and in the request. */
const whoami: Handler = (incoming, outgoing) => {
  const { servername } = incoming.socket as TLSSocket & { servername: string | false };
  incoming.resume();
  incoming.on("end", () => outgoing.end(`${servername} ${incoming.headers.host}`));
};

/** A gateway in front of services at these addresses. */
function before(
  t: TestContext,
  services: readonly Service[],
  urls: readonly string[],
  tls: object | undefined,
  more: object = {},
): Promise<Stage> {
  return stageOf(t, services, {
    routes: [{ name: "all", service: "main" }],
    services: { main: { endpoints: urls, ...(tls && { tls }), ...more } },
  });
}

/** A service whose certificate is for these names, and the CA behind it. */
async function secure(
  t: TestContext,
  names: readonly string[],
  options: TlsOptions = {},
  handler: Handler = whoami,
): Promise<{ ca: TestAuthority; service: TlsService; pin: string }> {
  const ca = authority(t);
  const issued = ca.issue({ names });
  return {
    ca,
    service: await startTlsService({ ...shown(issued), ...options }, handler),
    pin: pinOf(issued),
  };
}

/** Status, reason and detail of what the gateway itself answers. */
async function failed({ ask }: Stage): Promise<string> {
  const answer = await ask(request("GET /"));
  const { reason, detail } = answer.json();
  return `${answer.status} ${reason} ${detail ?? ""}`.trim();
}

test("the endpoint's host is asked for and must be on the certificate; Host stays the client's", async (t) => {
  const { ca, service } = await secure(t, ["DNS:localhost"]);
  const stage = await before(t, [service], [service.urlAt("localhost")], { ca: ca.cert });
  const answer = await stage.ask(request("GET /", { Host: "shop.example" }));
  assert.equal(answer.text, "localhost shop.example");
});

test("an address is not asked for by name, but must be on the certificate", async (t) => {
  const { ca, service } = await secure(t, ["IP:127.0.0.1"]);
  const stage = await before(t, [service], [service.url], { ca: ca.cert });
  assert.equal((await stage.ask(request("GET /", { Host: "a.example" }))).text, "false a.example");
});

test("serverName stands for the endpoint's host", async (t) => {
  const { ca, service } = await secure(t, ["DNS:orders.internal"]);
  const tls = { ca: ca.cert, serverName: "orders.internal" };
  const stage = await before(t, [service], [service.url], tls);
  assert.equal((await stage.ask(request("GET /", { Host: "a.example" }))).text, "orders.internal a.example");
});

test("a certificate for another name is refused; the answer names nobody", async (t) => {
  const { ca, service } = await secure(t, ["DNS:other.internal"]);
  const stage = await before(t, [service], [service.urlAt("localhost")], { ca: ca.cert });
  assert.equal(await failed(stage), "502 tls_verify_failed the service's certificate is for another name");
  assert.deepEqual(service.targets, []);
});

test("a certificate of a CA that is not believed is refused", async (t) => {
  const { service } = await secure(t, ["DNS:localhost"]);
  const other = authority(t);
  for (const tls of [{ ca: other.cert }, undefined]) {
    const stage = await before(t, [service], [service.urlAt("localhost")], tls);
    assert.match(await failed(stage), /^502 tls_verify_failed the service's certificate leads to /);
  }
  assert.deepEqual(service.targets, []);
});

test("one of several CAs in one file is enough", async (t) => {
  const { ca, service } = await secure(t, ["DNS:localhost"]);
  const bundle = `# the old one\n${authority(t).certText}\n# the new one\n${ca.certText}`;
  const stage = await before(t, [service], [service.urlAt("localhost")], { ca: bundle });
  assert.equal((await stage.ask(request("GET /"))).status, 200);
});

test("a certificate for clients is refused", async (t) => {
  const ca = authority(t);
  const service = await startTlsService(shown(ca.issue({ names: ["DNS:localhost"], use: "client" })), whoami);
  const stage = await before(t, [service], [service.urlAt("localhost")], { ca: ca.cert });
  assert.equal(await failed(stage), "502 tls_verify_failed the service's certificate is not for servers");
});

test("a certificate that has expired, or is not valid yet, is refused", async (t) => {
  const ca = authority(t);
  for (const [wish, detail] of [
    [{ from: -10, to: -1 }, "has expired"],
    [{ from: 1, to: 10 }, "is not valid yet"],
  ] as const) {
    const service = await startTlsService(shown(ca.issue({ names: ["DNS:localhost"], ...wish })), whoami);
    const stage = await before(t, [service], [service.urlAt("localhost")], { ca: ca.cert });
    assert.equal(await failed(stage), `502 tls_verify_failed the service's certificate ${detail}`);
  }
});

test("verify: false takes any certificate", async (t) => {
  const { service } = await secure(t, ["DNS:other.internal"]);
  const stage = await before(t, [service], [service.urlAt("localhost")], { verify: false });
  assert.equal((await stage.ask(request("GET /"))).status, 200);
});

test("a pinned key is demanded beside the rest, or alone; in resumed sessions too", async (t) => {
  const answer: Handler = (_, outgoing) => void outgoing.setHeader("connection", "close").end("pinned");
  const { ca, service, pin } = await secure(t, ["DNS:localhost"], {}, answer);
  const wrong = pinOf(ca.issue({ names: ["DNS:localhost"] }));
  for (const [tls, works] of [
    [{ ca: ca.cert, pins: [wrong, pin] }, true],
    [{ verify: false, pins: [pin] }, true],
    [{ ca: ca.cert, pins: [wrong] }, false],
    [{ verify: false, pins: [wrong] }, false],
    [{ pins: [pin] }, false],
  ] as const) {
    const stage = await before(t, [service], [service.urlAt("localhost")], tls);
    for (let i = 0; i < 3; i++) {
      if (works) assert.equal((await stage.ask(request("GET /"))).text, "pinned");
      else assert.match(await failed(stage), /^502 tls_verify_failed /);
    }
  }
});

for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
  test(`a client certificate is shown where there is one (${version})`, async (t) => {
    const ca = authority(t);
    const options = { requestCert: true, rejectUnauthorized: true, minVersion: version, maxVersion: version };
    const service = await startTlsService(
      { ...shown(ca.issue({ names: ["DNS:localhost"] })), ca: ca.certText, ...options },
      (incoming, outgoing) => {
        const { subject } = (incoming.socket as TLSSocket).getPeerCertificate();
        outgoing.end(String(subject.CN));
      },
    );
    const mine = ca.issue({ names: ["URI:spiffe://example/gateway"], use: "client" });
    const url = service.urlAt("localhost");
    const known = await before(t, [service], [url], { ca: ca.cert, ...filesOf(mine) });
    assert.equal((await known.ask(request("GET /"))).text, "spiffe://example/gateway");
    const stranger = authority(t).issue({ names: ["URI:spiffe://other/gateway"], use: "client" });
    const unknown = await before(t, [service], [url], { ca: ca.cert, ...filesOf(stranger) });
    // With TLS 1.3 the handshake is over for us before the service looks; node:tls then closes without a word.
    assert.match(await failed(unknown), /^502 (tls_handshake_failed|response_cut)/);
    const nobody = await before(t, [service], [url], { ca: ca.cert });
    assert.match(await failed(nobody), /^502 tls_handshake_failed /);
    assert.equal(service.seen.length, 1);
  });
}

test("what does not speak TLS, or closes, or is silent, is told apart", async (t) => {
  const plain = await startService((_, outgoing) => void outgoing.end());
  const closing = await startRawService(async () => {});
  const silent = await startRawService(async ({ wire }) => {
    await wire.rest();
  });
  const at = (service: Service): readonly string[] => [`https://localhost:${service.port}`];
  const more = { timeouts: { connect: "700ms" } };
  for (const [service, expected] of [
    [plain, /^502 tls_handshake_failed the service (does not speak TLS|closed the connection)/],
    [closing, /^502 tls_handshake_failed the service closed the connection during the handshake$/],
    [silent, /^504 connect_timeout$/],
  ] as const)
    assert.match(await failed(await before(t, [service], at(service), undefined, more)), expected);
});

test("versions of TLS that are too old are not spoken", async (t) => {
  const { ca, service } = await secure(t, ["DNS:localhost"], { maxVersion: "TLSv1.2" });
  const url = service.urlAt("localhost");
  const strict = await before(t, [service], [url], { ca: ca.cert, minVersion: "1.3" });
  assert.match(await failed(strict), /^502 tls_handshake_failed the service speaks no version of TLS/);
  const usual = await before(t, [service], [url], { ca: ca.cert });
  assert.equal((await usual.ask(request("GET /"))).status, 200);
});

test("the next endpoint is tried where a handshake fails, with the whole request", async (t) => {
  const bad = await secure(t, ["DNS:other.internal"]);
  const good = await secure(t, ["DNS:localhost"], {}, async (incoming, outgoing) => {
    outgoing.end(await bodyOf(incoming));
  });
  const urls = [bad.service.urlAt("localhost"), good.service.urlAt("localhost")];
  const stage = await before(t, [bad.service, good.service], urls, { ca: good.ca.cert });
  for (let i = 0; i < 4; i++)
    assert.equal((await stage.ask(request("POST /", {}, `content ${i}`))).text, `content ${i}`);
  assert.deepEqual(bad.service.targets, []);
});

test("connections are kept, and new ones resume the session", async (t) => {
  const { ca, service } = await secure(t, ["DNS:localhost"], {}, (incoming, outgoing) => {
    if (incoming.url === "/last") outgoing.setHeader("connection", "close");
    outgoing.end();
  });
  const stage = await before(t, [service], [service.urlAt("localhost")], { ca: ca.cert });
  const client = await stage.connect();
  for (const path of ["/", "/", "/last", "/", "/last", "/"])
    assert.equal((await client.ask(request(`GET ${path}`))).status, 200);
  assert.deepEqual(service.resumed, [false, true, true]);
});

test("10 MB each way, byte for byte", async (t) => {
  const { ca, service } = await secure(t, ["DNS:localhost"], {}, async (incoming, outgoing) => {
    outgoing.setHeader("content-length", incoming.headers["content-length"]!);
    for await (const piece of incoming) if (!outgoing.write(piece)) await once(outgoing, "drain");
    outgoing.end();
  });
  const stage = await before(t, [service], [service.urlAt("localhost")], { ca: ca.cert });
  const content = new Random(7).bytes(10 * MB);
  const client = await stage.connect();
  const sent = client.send(request("POST /", {}, content));
  const answer = await client.response();
  await sent;
  assert.ok(answer.body.equals(content));
});

test("a WebSocket passes through: 5 MB each way, and each direction ends on its own", async (t) => {
  const { ca, service } = await secure(t, ["DNS:localhost"], { allowHalfOpen: true });
  service.server.on("upgrade", (incoming: IncomingMessage, socket: TLSSocket) => {
    socket.write(agreement(incoming.headers["sec-websocket-key"] ?? ""));
    socket.pipe(socket, { end: false });
    socket.on("end", () => socket.end("over"));
  });
  const stage = await before(t, [service], [service.urlAt("localhost")], { ca: ca.cert });
  const client = await stage.connect();
  await client.send(request("GET /socket", handshake().fields));
  assert.equal((await client.head()).status, 101);
  const content = new Random(9).bytes(5 * MB);
  const sent = client.send(content).then(() => client.fin());
  const { bytes, how } = await client.wire.rest();
  await sent;
  assert.equal(how, "fin");
  assert.ok(bytes.equals(Buffer.concat([content, Buffer.from("over")])));
});

test("60 slow readers each get their own bytes, in bounded memory", async (t) => {
  const { ca, service } = await secure(t, ["DNS:localhost"], {}, async (incoming, outgoing) => {
    const [, seed, length, framing] = (incoming.url ?? "").split("/");
    const content = new Random(Number(seed));
    if (framing === "length") outgoing.setHeader("content-length", length!);
    for (let left = Number(length); left > 0; ) {
      const piece = content.bytes(Math.min(left, 50_000));
      left -= piece.length;
      if (!outgoing.write(piece)) await once(outgoing, "drain");
    }
    outgoing.end();
  });
  const stage = await before(t, [service], [service.urlAt("localhost")], { ca: ca.cert });
  const start = process.memoryUsage().rss;
  await Promise.all(
    Array.from({ length: 60 }, async (_, nth) => {
      const seed = 1_000 * nth + 1;
      const pace = new Random(seed + 1);
      const expected = new Random(seed);
      const client = await stage.connect();
      await client.send(request(`GET /${seed}/${MB}/${nth % 2 === 0 ? "length" : "chunked"}`));
      const head = await client.head();
      await sleep(pace.below(500));
      let total = 0;
      for await (const piece of client.body(head, 8_000 + pace.below(56_000))) {
        assert.ok(
          piece.equals(expected.bytes(piece.length)),
          `connection ${nth}: other bytes behind ${total}`,
        );
        total += piece.length;
        if (pace.below(5) === 0) await sleep(pace.below(20));
      }
      assert.equal(total, MB);
    }),
  );
  assert.ok(process.memoryUsage().rss - start < 300 * MB);
});

test("20 slow services each get their own client's bytes", async (t) => {
  const { ca, service } = await secure(t, ["DNS:localhost"], {}, async (incoming, outgoing) => {
    const seed = Number(incoming.headers["x-seed"]);
    const pace = new Random(seed + 3);
    const expected = new Random(seed);
    for await (const piece of incoming as AsyncIterable<Buffer>) {
      assert.ok(piece.equals(expected.bytes(piece.length)), `other bytes for seed ${seed}`);
      if (pace.below(6) === 0) await sleep(pace.below(20));
    }
    outgoing.end(String(seed));
  });
  const stage = await before(t, [service], [service.urlAt("localhost")], { ca: ca.cert });
  await Promise.all(
    Array.from({ length: 20 }, async (_, nth) => {
      const seed = 9_000 + 10 * nth;
      const content = new Random(seed).bytes(MB);
      const client = await stage.connect();
      const sent = client.send(request("POST /", { "X-Seed": String(seed) }, content));
      assert.equal((await client.response()).text, String(seed));
      await sent;
    }),
  );
});
