/** What policies ask outside: services of the config, and addresses. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { gzipSync } from "node:zlib";
import { z } from "zod";
import { checkConfig } from "../../src/config/load.ts";

import { Fields } from "../../src/lib/fields.ts";
import { CallFailed, type CallReply, type CallRequest } from "../../src/pipeline/calls.ts";
import { definePolicy, type PolicyDefinition } from "../../src/pipeline/policy.ts";
import { LiveCaller } from "../../src/snapshot/caller.ts";
import { loadCatalog } from "../../src/snapshot/catalog.ts";
import { Snapshots } from "../../src/snapshot/snapshots.ts";
import { authority, shown } from "../support/authority.ts";
import { startH2Service } from "../support/h2-service.ts";
import { bodyOf, type Handler, type Service, startService } from "../support/service.ts";
import { until } from "../support/wait.ts";

/** What a service's own policies do: something on each try, something on each answer. */
const tagged = definePolicy({
  name: "tagged",
  phase: "forward",
  options: z.strictObject({}),
  compile: () => ({
    attempt: (_x, { request }) => request.fields.set("x-tag", "1"),
    response: (_x, reply) => {
      reply.fields.set("x-tagged", "1");
      return undefined;
    },
  }),
});

const CATALOG = new Map<string, PolicyDefinition>([[tagged.name, tagged]]);

interface Asker {
  readonly snapshots: Snapshots;
  readonly recorded: unknown[];
  call(request: Omit<CallRequest, "timeout"> & { timeout?: number }): Promise<CallReply>;
  /** Asks the service `main`. */
  ask(path: string, more?: Partial<CallRequest>): Promise<CallReply>;
  /** The code by which asking it fails. */
  failure(path: string, more?: Partial<CallRequest>): Promise<string>;
  reload(main: object): Promise<void>;
}

async function asker(t: TestContext, main: object): Promise<Asker> {
  const configOf = (service: object) =>
    checkConfig({
      listeners: [{ name: "test", address: "127.0.0.1:0" }],
      routes: [{ name: "all", service: "main" }],
      services: { main: service },
    });
  const recorded: unknown[] = [];
  const snapshots = new Snapshots({
    mode: process.env["TORANA_READ_MODE"] === "data" ? "data" : "onread",
    meter: { record: (x) => void recorded.push(x) },
    sink: { failure: () => undefined },
  });
  const config = configOf(main);
  const catalog = await loadCatalog(config, CATALOG);
  snapshots.first(config, catalog);
  t.after(() => snapshots.close());
  const caller = new LiveCaller(() => snapshots.current);
  const ask = (path: string, more: Partial<CallRequest> = {}): Promise<CallReply> =>
    caller.call({ to: { service: "main", path }, timeout: 10_000, ...more });
  return {
    snapshots,
    recorded,
    ask,
    call: (request) => caller.call({ timeout: 10_000, ...request }),
    failure: async (path, more) => {
      const error = await ask(path, more).then(
        () => assert.fail("it was answered"),
        (thrown: unknown) => thrown,
      );
      assert.ok(error instanceof CallFailed, String(error));
      return error.code;
    },
    reload: async (service) => {
      const next = configOf(service);
      snapshots.commit(await snapshots.prepare(next, await loadCatalog(next, CATALOG)));
    },
  };
}

const echo: Handler = async (incoming, outgoing) => {
  outgoing.setHeader("x-method", incoming.method!);
  outgoing.setHeader("x-target", incoming.url!);
  outgoing.setHeader("x-host", incoming.headers.host!);
  outgoing.setHeader("x-fields", JSON.stringify(incoming.headers));
  outgoing.end(await bodyOf(incoming));
};

async function served(t: TestContext, handler: Handler): Promise<Service> {
  const service = await startService(handler);
  t.after(() => service.stop());
  return service;
}

test("a service is asked with what is said and nothing else", async (t) => {
  const service = await served(t, echo);
  const { ask, recorded, snapshots } = await asker(t, { endpoints: [service.url] });
  const fields = Fields.from({ "x-a": "1" });
  const reply = await ask("/p/%7E?q=1", { method: "POST", body: "grüße", fields, authority: "a.example" });
  const told = ["x-method", "x-target", "x-host"].map((name) => reply.fields.get(name));
  assert.deepEqual([reply.status, ...told], [200, "POST", "/p/%7E?q=1", "a.example"]);
  assert.equal(Buffer.from(reply.body).toString(), "grüße");
  const got = Object.keys(JSON.parse(reply.fields.get("x-fields")!)).sort();
  assert.deepEqual(got, ["connection", "content-length", "host", "te", "x-a"]);
  assert.equal(fields.get("host"), undefined);
  assert.deepEqual(
    [recorded.length, snapshots.exchanges, snapshots.current.use],
    [0, 0, { exchanges: 0, calls: 0, whenUnused: undefined }],
  );
});

test("a status is an answer, and redirects are not followed", async (t) => {
  const service = await served(t, (incoming, outgoing) => {
    if (incoming.url === "/moved") outgoing.writeHead(302, { location: "/there" }).end();
    else outgoing.writeHead(500).end("broken");
  });
  const { ask, call } = await asker(t, { endpoints: [service.url] });
  for (const asked of [ask, (path: string) => call({ to: { url: service.url + path } })]) {
    const moved = await asked("/moved");
    assert.deepEqual([moved.status, moved.fields.get("location")], [302, "/there"]);
    const broken = await asked("/");
    assert.deepEqual([broken.status, Buffer.from(broken.body).toString()], [500, "broken"]);
  }
  assert.deepEqual(service.targets, ["/moved", "/", "/moved", "/"]);
});

test("its time is up before the head, or within the body", async (t) => {
  const service = await served(t, (incoming, outgoing) => {
    if (incoming.url === "/body") outgoing.write("begun");
  });
  const { failure, call, snapshots } = await asker(t, { endpoints: [service.url] });
  for (const path of ["/head", "/body"]) assert.equal(await failure(path, { timeout: 150 }), "call_timeout");
  // Nothing of it stays: neither the exchange nor the connection.
  assert.deepEqual([snapshots.current.use.exchanges, snapshots.current.use.calls], [0, 0]);
  await until("the end of its connections", () => service.open.size === 0);
  for (const path of ["/head", "/body"])
    await assert.rejects(call({ to: { url: service.url + path }, timeout: 150 }), { code: "call_timeout" });
});

test("an answer that is too large is not taken", async (t) => {
  const service = await served(t, (incoming, outgoing) => {
    if (incoming.url === "/length") outgoing.setHeader("content-length", 2_000);
    outgoing.end(Buffer.alloc(2_000));
  });
  const { ask, failure, call } = await asker(t, { endpoints: [service.url] });
  for (const path of ["/length", "/chunked"]) {
    assert.equal(await failure(path, { max: 1_999 }), "call_too_large");
    assert.equal((await ask(path, { max: 2_000 })).body.length, 2_000);
    await assert.rejects(call({ to: { url: service.url + path }, max: 1_999 }), { code: "call_too_large" });
  }
  const packed = await served(t, (_incoming, outgoing) => {
    outgoing.setHeader("content-encoding", "gzip");
    outgoing.end(gzipSync(Buffer.alloc(5_000_000)));
  });
  await assert.rejects(call({ to: { url: packed.url } }), { code: "call_too_large" });
  const small = await call({ to: { url: packed.url }, max: 5_000_000 });
  const described = ["content-encoding", "content-length"].map((name) => small.fields.get(name));
  assert.deepEqual([small.body.length, ...described], [5_000_000, undefined, undefined]);
});

test("what is cut off is a failure, and so is nobody at home", async (t) => {
  const service = await served(t, (incoming, outgoing) => {
    if (incoming.url === "/body") {
      outgoing.setHeader("content-length", 100);
      outgoing.write("begun", () => void outgoing.destroy());
    } else incoming.socket.destroy();
  });
  const { failure, call } = await asker(t, { endpoints: [service.url] });
  for (const path of ["/body", "/head"]) {
    assert.match(await failure(path, { method: "POST", body: "" }), /^[a-z_]+$/);
    await assert.rejects(call({ to: { url: service.url + path } }), CallFailed);
  }
  const { url } = service;
  await service.stop();
  assert.equal(await failure("/"), "connect_failed");
  const nobody = call({ to: { url: `${url}/secret?token=s3cret` } });
  await assert.rejects(
    nobody,
    (error: CallFailed) => error.code === "connect_failed" && !/secret|s3cret/.test(error.message),
  );
});

test("who is not there cannot be asked", async (t) => {
  const { call } = await asker(t, { endpoints: ["http://127.0.0.1:1"] });
  await assert.rejects(call({ to: { service: "nobody", path: "/" } }), { code: "call_unknown_service" });
  const early = new LiveCaller(() => undefined);
  await assert.rejects(early.call({ to: { service: "main", path: "/" }, timeout: 1 }), {
    code: "call_unknown_service",
  });
});

test("HTTP/2, with trailers", async (t) => {
  const service = await startH2Service((stream) => {
    stream.respond({ ":status": 200 }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "x-sum": "1" }));
    stream.end("two");
  });
  t.after(() => service.stop());
  const { ask } = await asker(t, { endpoints: [service.url] });
  const { body, trailers } = await ask("/", { method: "POST", body: new Uint8Array([1, 2]) });
  assert.deepEqual([Buffer.from(body).toString(), trailers?.get("x-sum")], ["two", "1"]);
  assert.equal(service.seen[0]!.version, "2.0");
});

test("TLS, with the trust of the service", async (t) => {
  const ca = authority(t);
  const server = createHttpsServer(
    shown(ca.issue({ names: ["IP:127.0.0.1"] })),
    (_incoming, outgoing) => void outgoing.end("in"),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close().closeAllConnections());
  const endpoints = [`https://127.0.0.1:${(server.address() as AddressInfo).port}`];
  const trusting = await asker(t, { endpoints, tls: { ca: ca.cert } });
  assert.equal(Buffer.from((await trusting.ask("/")).body).toString(), "in");
  const other = await asker(t, { endpoints });
  assert.match(await other.failure("/"), /tls|certificate/);
  await assert.rejects(other.call({ to: { url: endpoints[0]! } }), CallFailed);
});

test("a Unix socket", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "calls-"));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, "s");
  const server = createHttpServer((_incoming, outgoing) => void outgoing.end("in"));
  server.listen(path);
  await once(server, "listening");
  t.after(() => server.close().closeAllConnections());
  const { ask } = await asker(t, { endpoints: [`unix:${path}`] });
  assert.equal(Buffer.from((await ask("/")).body).toString(), "in");
});

test("the policies of the service hold", async (t) => {
  const service = await served(t, echo);
  const { ask } = await asker(t, { endpoints: [service.url], policies: [{ tagged: {} }] });
  const reply = await ask("/");
  const sent = JSON.parse(reply.fields.get("x-fields")!) as Record<string, string>;
  assert.deepEqual([sent["x-tag"], reply.fields.get("x-tagged")], ["1", "1"]);
});

test("another endpoint is asked where one is down", async (t) => {
  const service = await served(t, echo);
  const { ask } = await asker(t, { endpoints: ["http://127.0.0.1:1", service.url] });
  for (let i = 0; i < 4; i++) assert.equal((await ask("/")).status, 200);
});

test("a reload leaves calls alone that are under way, and they leave the snapshot", async (t) => {
  const held: (() => void)[] = [];
  const service = await served(t, (_incoming, outgoing) => void held.push(() => outgoing.end("old")));
  const next = await served(t, (_incoming, outgoing) => void outgoing.end("new"));
  const { ask, failure, reload, snapshots } = await asker(t, { endpoints: [service.url] });
  const slow = ask("/");
  const hanging = failure("/", { timeout: 300 });
  await until("both calls", () => held.length === 2);
  assert.deepEqual([snapshots.exchanges, snapshots.current.use.exchanges], [0, 2]);
  await reload({ endpoints: [next.url] });
  assert.equal(snapshots.draining, 1);
  assert.equal(Buffer.from((await ask("/")).body).toString(), "new");
  held[0]!();
  assert.equal(Buffer.from((await slow).body).toString(), "old");
  assert.equal(await hanging, "call_timeout");
  assert.equal(snapshots.draining, 0);
});
