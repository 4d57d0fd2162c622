import assert from "node:assert/strict";
import { test } from "node:test";
import { checkConfig } from "./load.ts";
import { ConfigError } from "./problem.ts";

const DB = { db: { endpoints: ["tcp://127.0.0.1:5432"] } };
const WEB = { web: { endpoints: ["http://127.0.0.1:8080"] } };

function listener(tcp: object, more: object = {}): object {
  return { name: "in", address: "127.0.0.1:0", tcp, ...more };
}

/** Paths and reasons of what is wrong with a config. */
function problems(config: object): string[] {
  try {
    checkConfig(config);
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.problems.map(({ path, reason, cure }) => {
      assert.ok(cure !== undefined && cure !== "", reason);
      return `${path}: ${reason}`;
    });
  }
}

test("a TCP listener leads to a service, or to several by host", () => {
  assert.deepEqual(problems({ listeners: [listener({ service: "db" })], services: DB }), []);
  const sni = { "A.example": "db", "*.b.example": "db" };
  const config = checkConfig({ listeners: [listener({ sni, default: "db" })], services: DB });
  assert.deepEqual(config.listeners[0]?.tcp, {
    sni: { "a.example": "db", "*.b.example": "db" },
    default: "db",
    idleTimeout: 3_600_000,
  });
});

test("what a TCP listener cannot mean is refused with its place", () => {
  for (const [listeners, services, expected] of [
    [[listener({ service: "bd" })], DB, 'listeners[0].tcp.service: there is no service "bd"'],
    [[listener({})], DB, "listeners[0].tcp: leads nowhere"],
    [
      [listener({ service: "db", default: "db" })],
      DB,
      "listeners[0].tcp.default: service and default exclude each other",
    ],
    [
      [listener({ service: "web" })],
      WEB,
      'listeners[0].tcp.service: the service "web" speaks HTTP: http://127.0.0.1:8080',
    ],
    [
      [listener({ sni: { "a.example": "nowhere" } })],
      DB,
      'listeners[0].tcp.sni.a.example: there is no service "nowhere"',
    ],
    [
      [listener({ sni: { "192.0.2.1": "db" }, default: "db" })],
      DB,
      "listeners[0].tcp.sni.192.0.2.1: is an address: clients that connect to one name no host (RFC 6066 §3)",
    ],
    [
      [listener({ service: "db" }, { redirectToHttps: true })],
      DB,
      "listeners[0].redirectToHttps: redirectToHttps and tcp exclude each other",
    ],
  ] as const)
    assert.deepEqual(problems({ listeners, services }), [expected]);
  const [unknown] = problems({ listeners: [listener({ sni: { "a/b": "db" } })], services: DB });
  assert.match(unknown ?? "", /^listeners\[0\]\.tcp\.sni\..*a host/);
});

test("client certificates are asked for by a TCP listener under every name, or not at all", () => {
  const tls = (clients: object): object => ({ tls: { certificates: [], clients: [clients] } });
  const asked = (clients: object): string[] =>
    problems({ listeners: [listener({ service: "db" }, tls(clients))], services: DB }).filter((problem) =>
      problem.startsWith("listeners[0].tls.clients[0].hosts"),
    );
  assert.deepEqual(asked({ ca: "ca.pem" }), []);
  const [problem] = asked({ hosts: ["db.example"], ca: "ca.pem" });
  assert.match(problem ?? "", /would need no certificate$/);
});

test("a TCP listener has no answers to put Strict-Transport-Security on", () => {
  const tls = { certificates: [], hsts: "365d" };
  assert.ok(
    problems({ listeners: [listener({ service: "db" }, { tls })], services: DB }).includes(
      "listeners[0].tls.hsts: hsts and tcp exclude each other",
    ),
  );
});

test("no route is bound to a TCP listener", () => {
  const routes = [{ name: "all", listeners: ["in"], service: "web" }];
  assert.deepEqual(
    problems({ listeners: [listener({ service: "db" })], routes, services: { ...DB, ...WEB } }),
    ['routes[0].listeners[0]: the listener "in" leads connections on byte by byte: no route is asked'],
  );
});

test("services of bytes and services of HTTP are kept apart", () => {
  const routes = [{ name: "all", service: "db" }];
  const listeners = [{ name: "in", address: "127.0.0.1:0" }];
  assert.deepEqual(problems({ listeners, routes, services: DB }), [
    'routes[0].service: the service "db" has endpoints that are no HTTP: tcp://',
  ]);
  const mixed = { db: { endpoints: ["http://127.0.0.1:1", "tcp://127.0.0.1:2"] } };
  assert.match(
    problems({ listeners, services: mixed }).join(),
    /services\.db\.endpoints\[1\]: tcp:\/\/ and HTTP/,
  );
});

test("tls is for https endpoints", () => {
  const services = { web: { endpoints: ["http://127.0.0.1:1"], tls: { verify: true } } };
  const listeners = [{ name: "in", address: "127.0.0.1:0" }];
  assert.deepEqual(problems({ listeners, services }), ["services.web.tls: no endpoint is https://"]);
});

test("endpoints are read with their scheme and port", () => {
  const endpoints = (urls: readonly string[]): unknown[] => {
    const services = { one: { endpoints: urls } };
    const config = checkConfig({
      listeners: [listener({ service: "db" })],
      services: { ...DB, ...services },
    });
    return config.services["one"]!.endpoints.map(({ scheme, host, port }) => [scheme, host, port]);
  };
  assert.deepEqual(endpoints(["https://a.example", "https://[::1]:8443", "http://a.example"]), [
    ["https", "a.example", 443],
    ["https", "::1", 8443],
    ["http", "a.example", 80],
  ]);
  assert.throws(() => endpoints(["tcp://a.example"]), /not an endpoint/);
  assert.throws(() => endpoints(["ftp://a.example:21"]), /not an endpoint/);
  assert.throws(() => endpoints(["https://a.example/path"]), /not an endpoint/);
});
