import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { connect } from "node:tls";
import type { TlsInput } from "../../src/index.ts";
import { createAuthority, createCertificate } from "../../src/lib/x509.ts";
import { startGateway } from "../support/gateway.ts";
import { startService } from "../support/service.ts";
import { within } from "../support/wait.ts";

const authority = await createAuthority("Test CA", 2);
const certificate = await createCertificate(["localhost"], 1, authority);
const YEAR = "max-age=31536000";

/** The fields named Strict-Transport-Security of one answer by TLS. */
async function said(port: number, request: string): Promise<{ status: number; said: string[] }> {
  const socket = connect({ host: "127.0.0.1", port, servername: "localhost", ca: authority.cert });
  await within("a handshake", once(socket, "secureConnect"));
  socket.write(request);
  let text = "";
  for await (const chunk of socket) text += String(chunk);
  const [head = ""] = text.split("\r\n\r\n", 1);
  const fields = [...head.matchAll(/^strict-transport-security: (.*)$/gim)].map(([, value = ""]) => value);
  return { status: Number(head.split(" ")[1]), said: fields };
}

async function stage(tls: object, answer: Record<string, string> = {}) {
  const service = await startService(
    (_request, response) => void response.writeHead(200, answer).end("served"),
  );
  const gateway = await startGateway({
    listeners: [
      { name: "secure", address: "127.0.0.1:0", tls: { certificates: [certificate], ...tls } },
      { name: "plain", address: "127.0.0.1:0" },
    ],
    routes: [{ name: "all", match: { path: "/served" }, service: "main" }],
    services: { main: { endpoints: [service.url] } },
  });
  return {
    port: gateway.port("secure"),
    plain: gateway.port("plain"),
    async [Symbol.asyncDispose]() {
      await gateway.stop();
      await service[Symbol.asyncDispose]();
    },
  };
}

const END = "Host: localhost\r\nConnection: close\r\n\r\n";

test("every answer by TLS tells browsers to come by https: a service's, the gateway's own, a refusal of the wire", async () => {
  await using there = await stage({ hsts: "365d" });
  assert.deepEqual(await said(there.port, `GET /served HTTP/1.1\r\n${END}`), { status: 200, said: [YEAR] });
  assert.deepEqual(await said(there.port, `GET /nothing HTTP/1.1\r\n${END}`), { status: 404, said: [YEAR] });
  assert.deepEqual(await said(there.port, `GET /%00 HTTP/1.1\r\n${END}`), { status: 400, said: [YEAR] });
  assert.deepEqual(await said(there.port, "NONSENSE\r\n\r\n"), { status: 400, said: [YEAR] });
});

test("hosts below it and preloading are told where that is asked for", async () => {
  const written: Partial<TlsInput> = { hsts: { maxAge: "2d", includeSubdomains: true, preload: true } };
  await using there = await stage(written);
  const { said: values } = await said(there.port, `GET /served HTTP/1.1\r\n${END}`);
  assert.deepEqual(values, ["max-age=172800; includeSubDomains; preload"]);
});

test("a service's own word is replaced; plain listeners say nothing", async () => {
  await using there = await stage({ hsts: "365d" }, { "strict-transport-security": "max-age=1" });
  assert.deepEqual(await said(there.port, `GET /served HTTP/1.1\r\n${END}`), { status: 200, said: [YEAR] });
  const plain = await fetch(`http://127.0.0.1:${there.plain}/nothing`);
  assert.equal(plain.headers.get("strict-transport-security"), null);
});

test("without hsts a service's own word goes through", async () => {
  await using there = await stage({}, { "strict-transport-security": "max-age=1" });
  assert.deepEqual(await said(there.port, `GET /served HTTP/1.1\r\n${END}`), {
    status: 200,
    said: ["max-age=1"],
  });
  assert.deepEqual(await said(there.port, `GET /nothing HTTP/1.1\r\n${END}`), { status: 404, said: [] });
});
