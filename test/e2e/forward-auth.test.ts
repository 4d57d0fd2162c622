/** A real authorization service over HTTP decides about real requests. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { checkConfig } from "../../src/config/load.ts";
import { loadCatalog } from "../../src/snapshot/catalog.ts";
import { problemOf, type Response, request } from "../support/client.ts";
import { bodyOf, type Handler, type Seen, type Service, startService } from "../support/service.ts";
import { type Stage, stageOf } from "../support/stage.ts";
import { until } from "../support/wait.ts";

interface Scene {
  readonly auth: Service;
  readonly service: Service;
  readonly stage: Stage;
  ask(start: string, fields?: Record<string, string>, body?: string): Promise<Response>;
}

const LISTENERS = [{ name: "test", address: "127.0.0.1:0" }];

function configWith(service: Service, auth: Service, options: object): object {
  return {
    listeners: LISTENERS,
    consumers: [{ name: "ada", groups: ["staff"] }],
    routes: [
      {
        name: "all",
        service: "main",
        policies: [{ "forward-auth": { service: "auth", path: "/verify", ...options } }],
      },
    ],
    services: { main: { endpoints: [service.url] }, auth: { endpoints: [auth.url] } },
  };
}

async function scene(t: TestContext, handler: Handler, options: object = {}): Promise<Scene> {
  const auth = await startService(handler);
  const service = await startService(async (incoming, outgoing) => void outgoing.end(await bodyOf(incoming)));
  const stage = await stageOf(t, [service, auth], configWith(service, auth, options));
  const ask = (start: string, fields: Record<string, string> = {}, body?: string): Promise<Response> =>
    stage.ask(request(start, fields, body), start.split(" ")[0]);
  return { auth, service, stage, ask };
}

function lines({ fields }: Seen, name: string): string[] {
  return fields.filter(([one]) => one.toLowerCase() === name).map(([, value]) => value);
}

test("it is asked in words of the gateway, and its word counts", async (t) => {
  const { auth, service, ask } = await scene(
    t,
    (incoming, outgoing) => {
      const good = incoming.headers.authorization === "Bearer good";
      outgoing.setHeader("x-consumer", "ada");
      outgoing.setHeader("set-cookie", ["s=1", "t=2"]);
      outgoing.writeHead(good ? 200 : 401, { "www-authenticate": "Bearer" }).end(good ? "" : "who are you?");
    },
    { consumerHeader: "x-consumer", copyHeaders: ["x-consumer"], responseHeaders: ["set-cookie"] },
  );
  const lies = {
    "x-forwarded-for": "10.0.0.1",
    "x-forwarded-uri": "/free",
    "X-Consumer": "root",
    X_Consumer: "root",
  };
  const refused = await ask("POST /orders?id=1", lies, "body");
  assert.deepEqual([refused.status, refused.body.toString(), service.seen.length], [401, "who are you?", 0]);
  assert.equal(refused.field("www-authenticate"), "Bearer");
  const passed = await ask("POST /orders?id=1", { ...lies, authorization: "Bearer good" }, "body");
  assert.deepEqual([passed.status, passed.body.toString()], [200, "body"]);
  const cookies = passed.fields
    .filter(([name]) => name.toLowerCase() === "set-cookie")
    .map(([, value]) => value);
  assert.deepEqual(cookies, ["s=1", "t=2"]);
  const sent = service.seen[0]!;
  assert.deepEqual([lines(sent, "x-consumer"), lines(sent, "x_consumer")], [["ada"], []]);
  const asked = auth.seen[1]!;
  assert.deepEqual([asked.method, asked.target, lines(asked, "content-length")], ["GET", "/verify", []]);
  const told = ["method", "uri", "host", "proto", "for"].map((word) => lines(asked, `x-forwarded-${word}`));
  assert.deepEqual(told, [["POST"], ["/orders?id=1"], ["a.example"], ["http"], ["127.0.0.1"]]);
});

test("a redirect to a login reaches the client whole", async (t) => {
  const { ask, service } = await scene(t, (_incoming, outgoing) => {
    outgoing
      .writeHead(303, { location: "https://login.example/?rd=%2F", "set-cookie": "csrf=1" })
      .end("<a>login</a>");
  });
  const answer = await ask("GET /");
  assert.deepEqual([answer.status, answer.body.toString(), service.seen.length], [303, "<a>login</a>", 0]);
  assert.equal(answer.field("location"), "https://login.example/?rd=%2F");
  assert.equal(answer.field("set-cookie"), "csrf=1");
});

test("a service that hangs is waited for no longer than said, in its head or in its body", async (t) => {
  const { ask, service, stage } = await scene(
    t,
    (incoming, outgoing) => {
      if (incoming.headers["x-forwarded-uri"] === "/body") outgoing.write("begun");
    },
    { timeout: "200ms" },
  );
  for (const target of ["/head", "/body"]) {
    const answer = await ask(`GET ${target}`);
    assert.equal(problemOf(answer, 503)["reason"], "forward_auth_unavailable");
  }
  assert.deepEqual([service.seen.length, stage.gateway.gateway.reading().inFlight], [0, 0]);
});

test("an answer that is cut off lets nobody pass", async (t) => {
  const { ask, service } = await scene(t, (_incoming, outgoing) => {
    outgoing.setHeader("content-length", 100);
    outgoing.write("begun", () => void outgoing.destroy());
  });
  assert.equal((await ask("GET /")).status, 503);
  assert.equal(service.seen.length, 0);
});

test("fields that a client hides in its trailers do not reach the service", async (t) => {
  const auth = await startService((_incoming, outgoing) => void outgoing.end());
  const trailers: string[] = [];
  const service = await startService(async (incoming, outgoing) => {
    await bodyOf(incoming);
    trailers.push(...Object.keys(incoming.trailers));
    outgoing.end("in");
  });
  const { ask } = await stageOf(
    t,
    [service, auth],
    configWith(service, auth, { copyHeaders: ["x-user", "x-role-*"] }),
  );
  const head = request("POST /", { "transfer-encoding": "chunked", te: "trailers" });
  const body = "2\r\nhi\r\n0\r\nX-User: root\r\nx-role-admin: 1\r\nx_user: root\r\nx-sum: 1\r\n\r\n";
  const answer = await ask(Buffer.concat([head, Buffer.from(body)]), "POST");
  assert.equal(answer.status, 200);
  assert.deepEqual(
    trailers.filter((name) => name !== "x-sum"),
    [],
  );
});

test("a reload while it is asked changes nothing for those who wait, and decisions stay known", async (t) => {
  const held: (() => void)[] = [];
  const { auth, service, stage, ask } = await scene(
    t,
    (incoming, outgoing) => {
      if (incoming.headers.authorization === "slow") held.push(() => outgoing.end());
      else outgoing.end();
    },
    { cache: { key: ["authorization"] } },
  );
  const reload = async (options: object): Promise<void> => {
    const config = checkConfig(configWith(service, auth, options));
    stage.gateway.gateway.commit(await stage.gateway.gateway.prepare(config, await loadCatalog(config)));
  };
  assert.equal((await ask("GET /", { authorization: "known" })).status, 200);
  const waiting = ask("GET /", { authorization: "slow" });
  await until("the question", () => held.length === 1);
  await reload({ cache: { key: ["authorization"] } });
  assert.equal((await ask("GET /", { authorization: "known" })).status, 200);
  assert.equal(auth.seen.length, 2);
  held[0]!();
  assert.equal((await waiting).status, 200);
  assert.equal((await ask("GET /", { authorization: "slow" })).status, 200);
  assert.equal(auth.seen.length, 2);
  await reload({ cache: { key: ["authorization"], for: "1m" } });
  assert.equal((await ask("GET /", { authorization: "known" })).status, 200);
  assert.equal(auth.seen.length, 3);
});

test("requests that come together ask once", async (t) => {
  const held: (() => void)[] = [];
  const { ask, auth } = await scene(t, (_incoming, outgoing) => void held.push(() => outgoing.end()), {
    cache: { key: ["authorization"] },
  });
  const all = Array.from({ length: 20 }, () => ask("GET /", { authorization: "one" }));
  await until("the question", () => held.length === 1);
  held[0]!();
  assert.deepEqual(new Set((await Promise.all(all)).map(({ status }) => status)), new Set([200]));
  assert.equal(auth.seen.length, 1);
});

test("an address outside is asked as well", async (t) => {
  const auth = await startService(
    (_incoming, outgoing) => void outgoing.writeHead(302, { location: "/login" }).end(),
  );
  const service = await startService((_incoming, outgoing) => void outgoing.end("in"));
  const policies = [{ "forward-auth": { url: `${auth.url}/verify?a=1` } }];
  const { ask } = await stageOf(t, [service, auth], {
    routes: [{ name: "all", service: "main", policies }],
    services: { main: { endpoints: [service.url] } },
  });
  const answer = await ask(request("GET /"));
  assert.deepEqual([answer.status, answer.field("location"), auth.targets], [302, "/login", ["/verify?a=1"]]);
});
