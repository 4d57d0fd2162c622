import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { connect as connectTo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type AdminServer, startAdmin } from "../../src/admin/server.ts";
import { AdminProblem, type AdminSource, type ExplainRequest } from "../../src/admin/source.ts";
import type { ConsumersQuery } from "../../src/observe/consumers.ts";
import { profile } from "../../src/observe/profile.ts";
import { Client, type Response } from "../support/client.ts";
import { until, within } from "../support/wait.ts";

/** A supervisor that is not there. */
class Source implements AdminSource {
  ok = true;
  readonly explained: ExplainRequest[] = [];
  readonly profiled: unknown[] = [];
  reloads = 0;
  readonly endProfile: PromiseWithResolvers<string> = Promise.withResolvers<string>();

  live(): boolean {
    return this.ok;
  }
  ready() {
    return this.ok
      ? { ready: true, reasons: [] }
      : { ready: false, reasons: ["worker 1 shows no sign of life for <3 s"] };
  }
  async metrics(): Promise<string> {
    return "# HELP up It is.\n# TYPE up gauge\nup 1\n";
  }
  snapshot(): object {
    if (!this.ok) throw new Error("the password is hunter2");
    return { generation: 3 };
  }
  routes(): readonly object[] {
    return [{ name: "orders" }, { name: "all" }];
  }
  consumers(query: ConsumersQuery): object {
    return { consumers: 1, shown: [query] };
  }
  async explain(asked: ExplainRequest): Promise<object> {
    this.explained.push(asked);
    if (asked.listener === "nowhere")
      throw new AdminProblem(400, "listener_unknown", "there is no listener nowhere");
    return { route: "orders" };
  }
  async reload() {
    this.reloads++;
    const problem = { file: "torana.yaml", line: 3, column: 5, path: "routes[0]", reason: "no", cure: "yes" };
    return { ok: this.ok, generation: 4, changed: ["orders"], problems: this.ok ? [] : [problem] };
  }
  profile(kind: "cpu" | "heap", seconds: number, worker: number | undefined): Promise<string> {
    this.profiled.push([kind, seconds, worker]);
    return kind === "cpu" ? profile(kind, 0.05) : this.endProfile.promise;
  }
  workers(): readonly object[] {
    return [{ worker: 0 }];
  }
}

interface Stand {
  readonly source: Source;
  readonly admin: AdminServer;
  readonly logged: string[];
  /** Sends a request line, with Host unless other fields are given. */
  ask(start: string, fields?: readonly string[], body?: string): Promise<Response>;
}

async function stand(t: TestContext, host = "127.0.0.1"): Promise<Stand> {
  const source = new Source();
  const logged: string[] = [];
  const address = { host, port: 0, socket: undefined };
  const admin = await startAdmin({ address, source, log: (line) => logged.push(line) });
  t.after(() => within("the admin server to close", admin.close()));
  const ask = async (start: string, fields: readonly string[] = ["Host: localhost"], body = "") => {
    const client = await Client.open(admin.port);
    try {
      const [method] = start.split(" ");
      return await client.ask([`${start} HTTP/1.1`, ...fields, "", body].join("\r\n"), method);
    } finally {
      client.socket.destroy();
    }
  };
  return { source, admin, logged, ask };
}

function problemOf(response: Response, status: number): Record<string, unknown> {
  assert.equal(response.status, status, response.text);
  assert.equal(response.field("content-type"), "application/problem+json");
  const document = response.json();
  assert.equal(document["status"], status);
  return document;
}

test("liveness and readiness: 200 or 503, with the reasons", async (t) => {
  const { ask, source } = await stand(t);
  assert.deepEqual([(await ask("GET /livez")).status, (await ask("GET /readyz")).status], [200, 200]);
  source.ok = false;
  assert.equal((await ask("GET /livez")).status, 503);
  const response = await ask("GET /readyz");
  assert.equal(response.status, 503);
  assert.deepEqual(response.json(), source.ready());
});

test("views are JSON, metrics are what Prometheus reads", async (t) => {
  const { ask } = await stand(t);
  const views: [string, unknown][] = [
    ["/snapshot", { generation: 3 }],
    ["/routes", [{ name: "orders" }, { name: "all" }]],
    ["/workers", [{ worker: 0 }]],
  ];
  for (const [path, expected] of views) {
    const response = await ask(`GET ${path}`);
    assert.equal(response.status, 200);
    assert.equal(response.field("content-type"), "application/json");
    assert.deepEqual(JSON.parse(response.text), expected);
  }
  const metrics = await ask("GET /metrics");
  assert.equal(metrics.field("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  assert.match(metrics.text, /^up 1$/m);
});

test("the index page lists every endpoint, runs nothing and shows text as text", async (t) => {
  const { ask, source } = await stand(t);
  source.ok = false;
  const response = await ask("GET /");
  assert.equal(response.field("content-type"), "text/html; charset=utf-8");
  assert.match(response.field("content-security-policy")!, /^default-src 'none';/);
  const paths = ["/livez", "/readyz", "/metrics", "/snapshot", "/routes", "/explain", "/workers", "/reload"];
  for (const path of [...paths, "/profile/cpu", "/profile/heap"])
    assert.ok(response.text.includes(`>${path}<`));
  assert.ok(response.text.includes("no sign of life for &lt;3 s"));
  assert.doesNotMatch(response.text, /<script/i);
});

test("explain gets the request as it was asked for", async (t) => {
  const { ask, source } = await stand(t);
  const url = encodeURIComponent("https://api.example.com/orders/7?x=1");
  const query = `method=POST&url=${url}&header=x-tenant:%20acme&header=x-empty:&from=10.1.2.3&listener=public`;
  assert.deepEqual((await ask(`GET /explain?${query}`)).json(), { route: "orders" });
  assert.equal((await ask("GET /explain?url=http://a.example")).status, 200);
  const whole = { from: "10.1.2.3", listener: "public" };
  const fields = [
    ["x-tenant", "acme"],
    ["x-empty", ""],
  ];
  assert.deepEqual(source.explained, [
    { method: "POST", url: "https://api.example.com/orders/7?x=1", fields, ...whole },
    { method: "GET", url: "http://a.example", fields: [], from: undefined, listener: undefined },
  ]);
});

const BAD_QUERIES: [string, string][] = [
  ["/explain", "parameter_invalid"],
  ["/explain?url=/orders", "parameter_invalid"],
  ["/explain?url=ftp://a.example/", "parameter_invalid"],
  ["/explain?url=http://a.example:99999/", "parameter_invalid"],
  ["/explain?url=http://a.example/&url=http://b.example/", "parameter_invalid"],
  ["/explain?url=http://a.example/&header=nothing", "parameter_invalid"],
  ["/explain?url=http://a.example/&header=a:b%0d%0ac:d", "parameter_invalid"],
  ["/explain?url=http://a.example/&header=a%20b:c", "parameter_invalid"],
  ["/explain?url=http://a.example/&method=A%20B", "parameter_invalid"],
  ["/explain?url=http://a.example/&heder=a:b", "parameter_unknown"],
  ["/explain?url=http://a.example/&listener=nowhere", "listener_unknown"],
  ["/metrics?x=1", "parameter_unknown"],
];
for (const [target, reason] of BAD_QUERIES)
  test(`GET ${target} is refused: ${reason}`, async (t) => {
    const { ask } = await stand(t);
    assert.equal(problemOf(await ask(`GET ${target}`), 400)["reason"], reason);
  });

test("a reload answers with what changed, or 409 with the problems", async (t) => {
  const { ask, source } = await stand(t);
  const done = await ask("POST /reload");
  assert.equal(done.status, 200);
  assert.deepEqual(done.json(), { ok: true, generation: 4, changed: ["orders"], problems: [] });
  source.ok = false;
  const refused = problemOf(await ask("POST /reload"), 409);
  assert.equal(refused["reason"], "reload_refused");
  assert.deepEqual(refused["problems"], (await source.reload()).problems);
});

test("profiles come as files that tools read", async (t) => {
  const { ask, source } = await stand(t);
  const response = await ask("POST /profile/cpu?seconds=2&worker=1");
  assert.equal(response.status, 200);
  assert.equal(response.field("content-disposition"), 'attachment; filename="torana.cpuprofile"');
  const made = response.json();
  assert.ok((made["nodes"] as unknown[]).length > 0);
  assert.ok((made["endTime"] as number) > (made["startTime"] as number));
  await ask("POST /profile/cpu");
  assert.deepEqual(source.profiled, [
    ["cpu", 2, 1],
    ["cpu", 5, undefined],
  ]);
  for (const query of [
    "seconds=0",
    "seconds=301",
    "seconds=1e2",
    "seconds=",
    "seconds=1&seconds=2",
    "worker=-1",
  ])
    problemOf(await ask(`POST /profile/cpu?${query}`), 400);
  assert.equal(source.profiled.length, 2);
});

test("one profile at a time", async (t) => {
  const { ask, source } = await stand(t);
  const first = ask("POST /profile/heap?seconds=1");
  await until("the first to be under way", () => source.profiled.length === 1);
  const second = problemOf(await ask("POST /profile/heap"), 409);
  assert.equal(second["reason"], "profile_running");
  source.endProfile.resolve("{}");
  assert.equal((await first).field("content-disposition"), 'attachment; filename="torana.heapprofile"');
  assert.equal((await ask("POST /profile/heap")).status, 200);
});

test("HEAD is GET without its body", async (t) => {
  const { ask } = await stand(t);
  for (const path of ["/", "/livez", "/metrics", "/routes"]) {
    const [head, get] = [await ask(`HEAD ${path}`), await ask(`GET ${path}`)];
    assert.deepEqual([head.status, head.body.length], [200, 0]);
    assert.equal(head.field("content-length"), String(get.body.length));
  }
});

test("methods are strict, and what is not there is not found", async (t) => {
  const { ask, source } = await stand(t);
  for (const start of ["POST /metrics", "DELETE /routes", "OPTIONS /", "PUT /livez"]) {
    const response = await ask(start);
    assert.equal(problemOf(response, 405)["reason"], "method_not_allowed");
    assert.equal(response.field("allow"), "GET, HEAD");
  }
  for (const start of ["GET /reload", "HEAD /reload", "GET /profile/cpu"]) {
    const response = await ask(start);
    assert.equal(response.status, 405);
    assert.equal(response.field("allow"), "POST");
  }
  for (const target of ["/nothing", "/livez/", "//livez", "/LIVEZ", "http://localhost/livez", "/__proto__"])
    problemOf(await ask(`GET ${target}`), 404);
  assert.equal(source.reloads, 0);
});

test("a body is ignored on GET and refused on POST", async (t) => {
  const { ask, source } = await stand(t);
  const fields = ["Host: localhost", "Content-Length: 4"];
  assert.equal((await ask("GET /livez", fields, "body")).status, 200);
  assert.equal(problemOf(await ask("POST /reload", fields, "body"), 400)["reason"], "body_unexpected");
  const chunked = ["Host: localhost", "Transfer-Encoding: chunked"];
  problemOf(await ask("POST /reload", chunked, "0\r\n\r\n"), 400);
  assert.equal(source.reloads, 0);
  assert.equal((await ask("POST /reload", ["Host: localhost", "Content-Length: 0"])).status, 200);
});

const HOSTS: [string, number][] = [
  ["localhost", 200],
  ["LocalHost:9901", 200],
  ["127.0.0.1", 200],
  ["127.8.9.10:1", 200],
  ["[::1]:9901", 200],
  ["evil.example", 421],
  ["localhost.evil.example", 421],
  ["127.0.0.1.evil.example", 421],
  ["127.1", 421],
  ["2130706433", 421],
  ["192.0.2.1", 421],
  ["0.0.0.0:9901", 421],
  ["[::ffff:192.0.2.1]", 421],
  ["localhost@evil.example", 421],
  ["", 421],
];
for (const [host, status] of HOSTS)
  test(`on loopback, Host ${JSON.stringify(host)} gets ${status}`, async (t) => {
    const { ask, source } = await stand(t);
    const response = await ask("POST /reload", [`Host: ${host}`]);
    assert.equal(response.status, status);
    assert.equal(source.reloads, status === 200 ? 1 : 0);
    if (status !== 200) assert.equal(problemOf(response, 421)["reason"], "host_refused");
  });

test("on all addresses, an address in Host is believed, a name is not", async (t) => {
  const { ask } = await stand(t, "0.0.0.0");
  for (const host of ["192.0.2.1:9901", "[2001:db8::1]", "localhost"])
    assert.equal((await ask("GET /livez", [`Host: ${host}`])).status, 200);
  problemOf(await ask("GET /livez", ["Host: evil.example"]), 421);
});

test("two Host fields, or none, are refused", async (t) => {
  const { ask } = await stand(t);
  assert.notEqual((await ask("GET /livez", ["Host: localhost", "Host: evil.example"])).status, 200);
  assert.notEqual((await ask("GET /livez", ["Host: evil.example", "Host: localhost"])).status, 200);
  assert.notEqual((await ask("GET /livez", ["X-Other: localhost"])).status, 200);
});

test("a browser cannot post, whatever origin it names", async (t) => {
  const { ask, source } = await stand(t);
  const signs = [
    "Origin: https://evil.example",
    "Origin: http://localhost:9901",
    "Origin: null",
    "Sec-Fetch-Site: none",
  ];
  for (const sign of signs) {
    const document = problemOf(await ask("POST /reload", ["Host: localhost", sign]), 403);
    assert.equal(document["reason"], "origin_refused");
    problemOf(await ask("POST /profile/cpu", ["Host: localhost", sign]), 403);
  }
  assert.equal(source.reloads, 0);
  assert.deepEqual(source.profiled, []);
});

test("no other site may read or keep what is shown", async (t) => {
  const { ask } = await stand(t);
  const response = await ask("GET /snapshot", ["Host: localhost", "Origin: https://evil.example"]);
  assert.equal(response.field("access-control-allow-origin"), undefined);
  assert.equal(response.field("cross-origin-resource-policy"), "same-origin");
  assert.equal(response.field("cache-control"), "no-store");
  assert.equal(response.field("x-content-type-options"), "nosniff");
});

test("a failure within is told to the log, not to who asked", async (t) => {
  const { ask, logged, source } = await stand(t);
  source.ok = false;
  const response = await ask("GET /snapshot");
  assert.equal(problemOf(response, 500)["reason"], "internal");
  assert.doesNotMatch(response.text, /hunter2/);
  assert.match(logged.join("\n"), /^admin GET \/snapshot: Error: the password is hunter2/);
});

test("it listens on a Unix socket, where any Host will do", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "torana-admin-"));
  const socket = join(folder, "admin.sock");
  const admin = await startAdmin({ address: { host: "", port: 0, socket }, source: new Source() });
  t.after(async () => {
    await within("the admin server to close", admin.close());
    rmSync(folder, { recursive: true });
  });
  const client = new Client(connectTo({ path: socket, allowHalfOpen: true }));
  assert.equal((await client.ask("GET /livez HTTP/1.1\r\nHost: whatever.example\r\n\r\n")).status, 200);
  client.socket.destroy();
});

test("it says when its address is taken, and closes with connections open", async (t) => {
  const { admin } = await stand(t);
  const address = { host: "127.0.0.1", port: admin.port, socket: undefined };
  await assert.rejects(startAdmin({ address, source: new Source() }), { code: "EADDRINUSE" });
  const client = await Client.open(admin.port);
  await within("the admin server to close", admin.close());
  assert.equal(await client.closed(), "");
});
