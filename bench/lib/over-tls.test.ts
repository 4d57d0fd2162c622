/** The TLS side of the harness, before a server in this process that is right or wrong. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createSecureServer, type Http2SecureServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { askerOf } from "./asker.ts";
import { type Certificate, makeCertificate } from "./certificate.ts";
import { BenchFailure } from "./failure.ts";
import { verifyHandshake } from "./handshake.ts";
import { firstLineOf } from "./process.ts";
import { SwapClients } from "./swap-clients.ts";

const folder = mkdtempSync(join(tmpdir(), "torana-over-tls-"));
after(() => rmSync(folder, { recursive: true }));
const version = firstLineOf("openssl", "version");
const skip = version.startsWith("OpenSSL") ? false : version;
const [first, second] = skip ? [] : [makeCertificate(folder, "first"), makeCertificate(folder, "second")];

interface Serving extends AsyncDisposable {
  readonly port: number;
  readonly server: Http2SecureServer;
}

async function serve(certificate: Certificate, options: object = {}): Promise<Serving> {
  const pair = { cert: certificate.text, key: readFileSync(certificate.key) };
  const server = createSecureServer({ allowHTTP1: true, ...pair, ...options }, (request, response) => {
    response.writeHead(200, { "content-length": 2, "x-protocol": request.httpVersion });
    response.end("ok");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    server,
    async [Symbol.asyncDispose]() {
      server.close();
    },
  };
}

test("a handshake as the load makes it", { skip }, async () => {
  await using serving = await serve(first!);
  const found = await verifyHandshake("it", serving.port, { certificate: first });
  assert.equal(found?.tickets, 2);
  assert.equal((await verifyHandshake("it", serving.port, { certificate: first, http2: true }))?.alpn, "h2");
});

const wrong: readonly [string, object, RegExp][] = [
  ["another certificate", {}, /gave fingerprint/],
  ["TLS 1.2 only", { maxVersion: "TLSv1.2" }, /no TLS connection/],
  ["another cipher suite only", { ciphers: "TLS_AES_256_GCM_SHA384" }, /no TLS connection/],
];
for (const [name, options, message] of wrong)
  test(`a handshake that would not be the same work: ${name}`, { skip }, async () => {
    const other = name === "another certificate";
    await using serving = await serve(other ? second! : first!, options);
    await assert.rejects(
      verifyHandshake("it", serving.port, { certificate: first }),
      (error) => error instanceof BenchFailure && message.test(error.message),
    );
  });

test("questions over TLS and over HTTP/2", { skip }, async () => {
  await using serving = await serve(first!);
  for (const [http2, protocol] of [
    [false, "1.1"],
    [true, "2.0"],
  ] as const) {
    using asker = askerOf(serving.port, { certificate: first, http2 }, "one");
    const { status, fields, body } = await asker.ask("/");
    assert.deepEqual([status, fields["x-protocol"], body.toString()], [200, protocol, "ok"]);
  }
});

test("clients during a swap: all are answered, no kept connection is lost", { skip }, async () => {
  await using serving = await serve(first!);
  await using clients = new SwapClients(serving.port, [first!, second!]);
  clients.allow(first!);
  clients.start();
  while (clients.kept.answered < 32) await pause(10);
  clients.allow(first!, second!);
  serving.server.setSecureContext({ cert: second!.text, key: readFileSync(second!.key) });
  clients.allow(second!);
  const before = clients.fresh.answered;
  while (clients.fresh.answered < before + 8) await pause(10);
  assert.equal(await clients.stop(), 0);
  const { kept, http2, fresh } = clients;
  assert.deepEqual([...kept.failures, ...http2.failures, ...fresh.failures], []);
  assert.ok(http2.answered > 0);
});

test("clients notice a certificate of earlier, and kept connections that are closed", { skip }, async () => {
  await using serving = await serve(first!);
  await using clients = new SwapClients(serving.port, [first!, second!]);
  clients.allow(second!);
  serving.server.prependListener("request", ({ httpVersion }, response) => {
    if (httpVersion === "1.1") response.setHeader("connection", "close");
  });
  clients.start();
  while (clients.fresh.failures.length < 3 || clients.kept.answered < 32) await pause(10);
  assert.ok((await clients.stop()) > 0);
  assert.ok(clients.fresh.failures.includes("a certificate of earlier"));
});
