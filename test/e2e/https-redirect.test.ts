import assert from "node:assert/strict";
import { test } from "node:test";
import { checkConfig } from "../../src/config/load.ts";
import { Client } from "../support/client.ts";
import { startGateway } from "../support/gateway.ts";
import { startService } from "../support/service.ts";

/** A gateway whose only listener sends everybody to https, and a service behind it that says what it is asked. */
async function stage(redirectToHttps: boolean | number, more: object = {}) {
  const service = await startService((request, response) => void response.end(`served ${request.url}`));
  const gateway = await startGateway({
    listeners: [{ name: "plain", address: "127.0.0.1:0", redirectToHttps, ...more }],
    routes: [{ name: "all", service: "main" }],
    services: { main: { endpoints: [service.url] } },
  });
  return {
    port: gateway.port(),
    gateway,
    async ask(head: string, body = "") {
      const client = await Client.open(gateway.port());
      const response = await client.ask(`${head}\r\n\r\n${body}`);
      client.socket.destroy();
      return response;
    },
    async [Symbol.asyncDispose]() {
      await gateway.stop();
      await service[Symbol.asyncDispose]();
    },
  };
}

test("http is sent to https: the same host, path and query, and the method stays", async () => {
  await using there = await stage(true);
  const cases: [string, string][] = [
    ["GET / HTTP/1.1\r\nHost: shop.example", "https://shop.example/"],
    [
      "GET /a//b/../c?x=1&y=%20 HTTP/1.1\r\nHost: shop.example:8080",
      "https://shop.example/a//b/../c?x=1&y=%20",
    ],
    ["HEAD /a HTTP/1.1\r\nHost: [::1]:8080", "https://[::1]/a"],
    ["DELETE /a?b HTTP/1.1\r\nHost: SHOP.example", "https://SHOP.example/a?b"],
    ["GET //evil.example/x HTTP/1.1\r\nHost: shop.example", "https://shop.example//evil.example/x"],
    ["GET http://shop.example/abs?q HTTP/1.1\r\nHost: shop.example", "https://shop.example/abs?q"],
  ];
  for (const [head, location] of cases) {
    const client = await Client.open(there.port);
    const response = await client.ask(`${head}\r\n\r\n`, head.split(" ")[0]!);
    assert.equal(response.status, 308, head);
    assert.equal(response.field("location"), location);
    client.socket.destroy();
  }
});

test("a body is left unread, and the redirect is counted as an exchange", async () => {
  await using there = await stage(true);
  const response = await there.ask("POST /form HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 4", "data");
  assert.equal(response.status, 308);
  assert.equal(response.field("strict-transport-security"), undefined);
  const series = there.gateway.gateway.counts().of("route");
  assert.equal(series.filter(({ values }) => values.some((value) => value > 0)).length, 1);
});

test("another port is named", async () => {
  await using there = await stage(8443);
  const response = await there.ask("GET /a HTTP/1.1\r\nHost: shop.example:8080");
  assert.equal(response.field("location"), "https://shop.example:8443/a");
});

test("false redirects nobody", async () => {
  await using there = await stage(false);
  const response = await there.ask("GET /a HTTP/1.1\r\nHost: shop.example");
  assert.equal(response.text, "served /a");
});

test("challenges of a CA are not sent away: whoever stands behind the gateway may answer them", async () => {
  await using there = await stage(true);
  const response = await there.ask("GET /.well-known/acme-challenge/abc HTTP/1.1\r\nHost: shop.example");
  assert.equal(response.text, "served /.well-known/acme-challenge/abc");
});

test("what a trusted proxy took by https goes on; nobody else's word is believed", async () => {
  const head = "GET /a HTTP/1.1\r\nHost: shop.example\r\nX-Forwarded-Proto: https";
  await using trusting = await stage(true, { trusted: ["127.0.0.1"] });
  assert.equal((await trusting.ask(head)).text, "served /a");
  await using strict = await stage(true);
  assert.equal((await strict.ask(head)).status, 308);
});

test("without a host there is nowhere to send it to", async () => {
  await using there = await stage(true);
  const response = await there.ask("GET /a HTTP/1.0");
  assert.equal(response.status, 400);
  assert.equal(response.json()["reason"], "host_invalid");
});

test("a path that is not taken is refused, not sent elsewhere", async () => {
  await using there = await stage(true);
  const response = await there.ask("GET /%00 HTTP/1.1\r\nHost: shop.example");
  assert.equal(response.json()["reason"], "path_invalid");
});

test("a port that is none, and a redirect on a TLS listener, are problems", () => {
  const listeners = (more: object): object => ({
    listeners: [{ name: "a", address: "127.0.0.1:0", ...more }],
  });
  assert.throws(() => checkConfig(listeners({ redirectToHttps: 0 })), /listeners\[0\]\.redirectToHttps/);
  assert.throws(() => checkConfig(listeners({ redirectToHttps: "yes" })), /redirectToHttps/);
  assert.throws(
    () => checkConfig(listeners({ redirectToHttps: true, tls: { certificates: [{ cert: "a", key: "b" }] } })),
    /listeners\[0\]\.redirectToHttps: .*https already/,
  );
});
