import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Client, problemOf, request } from "../support/client.ts";
import { bodyOf, startRawService, startService } from "../support/service.ts";
import { stage } from "../support/stage.ts";
import { until } from "../support/wait.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

const startOk = (): ReturnType<typeof startService> =>
  startService(async (incoming, outgoing) => {
    await bodyOf(incoming).catch(() => {});
    outgoing.end("ok");
  });

/** Whether the gateway turned the connection away: closed without an answer, or answered 503 and closed. */
async function isTurnedAway(client: Client): Promise<boolean> {
  client.socket.write(request("GET /turned-away"), () => {});
  const head = await client.wire.head().catch((error: unknown) => {
    if (/^(ECONNRESET|EPIPE)$/.test((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  });
  return head === undefined || / 503 /.test(head.start);
}

for (const [title, limits] of [
  ["connections", { connections: 3 }],
  ["connections of one address", { connectionsPerAddress: 3 }],
] as const) {
  test(`${title} past the limit are turned away, and welcome again when others leave`, async (t) => {
    const service = await startOk();
    const { connect } = await stage(t, service, { limits });
    const clients = [await connect(), await connect(), await connect()];
    for (const client of clients) assert.equal((await client.ask(request("GET /"))).text, "ok");
    for (let extra = 0; extra < 3; extra++) assert.equal(await isTurnedAway(await connect()), true);
    for (const client of clients) assert.equal((await client.ask(request("GET /"))).text, "ok");
    clients[0]!.reset();
    let welcome = false;
    for (let tries = 0; tries < 200 && !welcome; tries++) {
      await sleep(20);
      welcome = !(await isTurnedAway(await connect()));
    }
    assert.equal(welcome, true);
    assert.equal((await clients[1]!.ask(request("GET /"))).text, "ok");
  });
}

test("the limit of one address does not count the connections of others", async (t) => {
  const { connect } = await stage(t, await startOk(), { limits: { connectionsPerAddress: 1 } });
  const clients = [await connect("127.0.0.1"), await connect("127.0.0.2"), await connect("127.0.0.3")];
  for (const client of clients) assert.equal((await client.ask(request("GET /"))).text, "ok");
  assert.equal(await isTurnedAway(await connect("127.0.0.2")), true);
});

test("a head past the limit is a 431, one below it passes", async (t) => {
  const service = await startOk();
  const { connect } = await stage(t, service, { limits: { head: 2_048 } });
  const client = await connect();
  const short = request("GET /", { "X-Long": "x".repeat(1_900) });
  assert.equal((await client.ask(short)).text, "ok");
  const response = await client.ask(request("GET /", { "X-Long": "x".repeat(2_048) }));
  problemOf(response, 431);
  assert.equal(response.closes, true);
  assert.equal(await client.closed(), "");
  assert.equal(service.seen.length, 1);
});

test("a head that never ends is a 431 as soon as the limit is passed", async (t) => {
  const { connect } = await stage(t, await startOk(), { limits: { head: 2_048 } });
  const client = await connect();
  await client.send("GET / HTTP/1.1\r\nHost: a.example\r\n");
  await client.send("X-Long: ".padEnd(3_000, "x"));
  assert.equal((await client.response()).status, 431);
  assert.equal(await client.closed(), "");
});

test("fields past the limit are a 431, as many as the limit pass", async (t) => {
  const service = await startOk();
  const { connect } = await stage(t, service, { limits: { fields: 20 } });
  const client = await connect();
  const withFields = (count: number): Buffer =>
    request("GET /", Object.fromEntries(Array.from({ length: count - 1 }, (_, nth) => [`X-${nth}`, "1"])));
  assert.equal((await client.ask(withFields(20))).text, "ok");
  const response = await client.ask(withFields(21));
  problemOf(response, 431);
  assert.equal(await client.closed(), "");
  assert.equal(service.seen.length, 1);
});

test("a target past the limit is a 414, as long as the limit passes", async (t) => {
  const service = await startOk();
  const { connect } = await stage(t, service, { limits: { target: 200 } });
  const client = await connect();
  assert.equal((await client.ask(request(`GET ${"/".padEnd(200, "x")}`))).text, "ok");
  const response = await client.ask(request(`GET ${"/".padEnd(201, "x")}`));
  problemOf(response, 414);
  assert.equal(await client.closed(), "");
  assert.equal(service.seen.length, 1);
});

test("the default limits let through what browsers and nginx let through", async (t) => {
  const { connect } = await stage(t, await startOk());
  const client = await connect();
  assert.equal((await client.ask(request("GET /", { Cookie: "x".repeat(8_000) }))).text, "ok");
  assert.equal((await client.ask(request(`GET ${"/".padEnd(8_000, "x")}`))).text, "ok");
});

test("limits of a listener go before those of all", async (t) => {
  const listeners = [
    { name: "tight", address: "127.0.0.1:0", limits: { target: 50 } },
    { name: "wide", address: "127.0.0.1:0" },
  ];
  const { ask } = await stage(t, await startOk(), { listeners, limits: { target: 500 } });
  assert.equal((await ask(request(`GET ${"/".padEnd(60, "x")}`))).status, 414);
});

describe("body rates", { concurrency: true }, () => {
  const limits = { bodyRate: 2_000 };

  test("a body slower than the floor is a 408, and the service never sees it whole", async (t) => {
    let whole = 0;
    const service = await startService((incoming) => {
      incoming.on("end", () => whole++);
      incoming.on("error", () => {});
      incoming.resume();
    });
    const client = await (await stage(t, service, { limits })).connect();
    await client.send(request("POST /", { "Content-Length": "1000" }));
    const trickle = setInterval(() => client.socket.write("x", () => {}), 1_000);
    t.after(() => clearInterval(trickle));
    const response = await client.response();
    assert.equal(response.status, 408);
    assert.equal(response.closes, true);
    clearInterval(trickle);
    await client.closed();
    assert.equal(whole, 0);
    await until("the service's connection to be closed", () => service.open.size === 0);
  });

  test("a body a little faster than the floor is served", async (t) => {
    const client = await (await stage(t, await startOk(), { limits })).connect();
    await client.send(request("POST /", { "Content-Length": "28000" }));
    for (let piece = 0; piece < 28; piece++) {
      await sleep(250);
      await client.send(Buffer.alloc(1_000));
    }
    assert.equal((await client.response()).text, "ok");
  });

  test("the floor does not count the time in which the service does not read", async (t) => {
    const service = await startRawService(async (connection) => {
      const head = await connection.head();
      assert.ok(head);
      await sleep(8_000);
      await connection.body(head);
      await connection.send(OK);
    });
    const client = await (await stage(t, service, { limits: { bodyRate: 4_000_000 } })).connect();
    const sending = client.send(request("POST /", {}, Buffer.alloc(60_000_000)));
    assert.equal((await client.response()).text, "ok");
    await sending;
  });
});
