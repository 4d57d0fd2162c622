import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { type Client, request } from "../support/client.ts";
import { refusals } from "../support/gateway.ts";
import { startService } from "../support/service.ts";
import { type Stage, stage } from "../support/stage.ts";
import { until } from "../support/wait.ts";

const SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n");
const V1 = "PROXY TCP4 192.0.2.7 198.51.100.1 12345 443\r\n";
const V2 = Buffer.concat([
  SIGNATURE,
  Buffer.from([0x21, 0x11, 0, 12, 203, 0, 113, 9, 198, 51, 100, 1, 0x30, 0x39, 0x01, 0xbb]),
]);
const LOCAL = Buffer.concat([SIGNATURE, Buffer.from([0x20, 0, 0, 0])]);

/** A gateway behind a proxy whose service says whom the request is from. */
async function proxied(t: TestContext, listener: object = {}): Promise<Stage> {
  const service = await startService((incoming, outgoing) => {
    incoming.resume();
    incoming.on("end", () => outgoing.end(String(incoming.headers["x-forwarded-for"])));
  });
  return stage(t, service, {
    listeners: [{ name: "test", address: "127.0.0.1:0", proxyProtocol: true, ...listener }],
  });
}

function refused({ gateway }: Stage): number {
  return refusals(gateway, "proxy_header_invalid");
}

test("the client is whom the header names, for every request of the connection", async (t) => {
  const { connect } = await proxied(t);
  for (const [header, address] of [
    [V1, "192.0.2.7"],
    ["PROXY TCP6 2001:DB8:0::7 2001:db8::1 1 2\r\n", "2001:db8::7"],
    ["PROXY UNKNOWN\r\n", "127.0.0.1"],
    [V2, "203.0.113.9"],
    [LOCAL, "127.0.0.1"],
  ] as const) {
    const client = await connect();
    await client.send(header as string);
    assert.equal((await client.ask(request("GET /"))).text, address);
    assert.equal((await client.ask(request("POST /", {}, "content"))).text, address);
  }
});

test("header and requests may come in one piece, or cut anywhere", async (t) => {
  const { connect } = await proxied(t);
  for (const header of [Buffer.from(V1), V2]) {
    const whole = await connect();
    await whole.send(Buffer.concat([header, request("POST /", {}, "content"), request("GET /")]));
    const address = header === V2 ? "203.0.113.9" : "192.0.2.7";
    assert.equal((await whole.response()).text, address);
    assert.equal((await whole.response()).text, address);
    for (let cut = 1; cut < header.length + 10; cut += 3) {
      const client = await connect();
      const bytes = Buffer.concat([header, request("GET /")]);
      await client.send(bytes.subarray(0, cut));
      await turn();
      await client.send(bytes.subarray(cut));
      assert.equal((await client.response()).text, address, `cut at ${cut}`);
      client.socket.destroy();
    }
  }
});

test("a large body right behind the header arrives whole", async (t) => {
  const { connect } = await proxied(t);
  const client = await connect();
  await client.send(Buffer.concat([V2, request("POST /", {}, Buffer.alloc(1_000_000, 7))]));
  assert.equal((await client.response()).text, "203.0.113.9");
});

test("a connection that begins with something else is closed without an answer, and counted", async (t) => {
  const scene = await proxied(t);
  for (const [index, bytes] of [
    request("GET /"),
    "PROXY TCP4 192.0.2.7\r\n",
    Buffer.concat([SIGNATURE, Buffer.from([0x31, 0x11, 0, 0])]),
    `PROXY UNKNOWN ${"x".repeat(200)}`,
  ].entries()) {
    const client = await scene.connect();
    await client.send(bytes);
    assert.equal(await ending(client), "");
    assert.equal(refused(scene), index + 1);
  }
});

/** What still came before the connection ended, whichever way it did. */
async function ending(client: Client): Promise<string> {
  return client.closed().catch((error: NodeJS.ErrnoException) => {
    assert.equal(error.code, "ECONNRESET");
    return "";
  });
}

test("a header must be complete within the time for a head", async (t) => {
  const scene = await proxied(t, { limits: { headerTimeout: "300ms" } });
  const silent = await scene.connect();
  const slow = await scene.connect();
  await slow.send("PROXY TCP4 ");
  assert.equal(await ending(silent), "");
  assert.equal(await ending(slow), "");
  assert.equal(refused(scene), 1);
});

test("with trusted peers, only they may name a client", async (t) => {
  const scene = await proxied(t, { trusted: ["127.0.0.2"] });
  const stranger = await scene.connect("127.0.0.3");
  assert.equal(await ending(stranger), "");
  await until("the refusal to be counted", () => refused(scene) === 1);
  const proxy = await scene.connect("127.0.0.2");
  await proxy.send(V1);
  // The proxy is trusted, its client is not: its word on others is not believed.
  const response = await proxy.ask(request("GET /", { "X-Forwarded-For": "10.9.9.9" }));
  assert.equal(response.text, "192.0.2.7");
});

test("the cap of connections from one address counts clients, not their proxy", async (t) => {
  const scene = await proxied(t, { limits: { connectionsPerAddress: 2 } });
  const from = async (last: number): Promise<Client> => {
    const client = await scene.connect();
    await client.send(`PROXY TCP4 192.0.2.${last} 198.51.100.1 1 2\r\n`);
    await client.send(request("GET /"));
    return client;
  };
  const first = await from(1);
  assert.equal((await first.response()).text, "192.0.2.1");
  assert.equal((await (await from(1)).response()).text, "192.0.2.1");
  assert.equal(await ending(await from(1)), "");
  assert.equal((await (await from(2)).response()).text, "192.0.2.2");
  first.socket.destroy();
  await until("the place to be free", () => scene.gateway.gateway.listeners.connections === 2);
  assert.equal((await (await from(1)).response()).text, "192.0.2.1");
});

test("connections without a header yet do not keep a gateway from stopping", async (t) => {
  const { connect, gateway } = await proxied(t);
  const waiting = await connect();
  await waiting.send("PROXY ");
  await until("the connection", () => gateway.gateway.listeners.connections === 1);
  const stopped = gateway.stop(200);
  assert.equal(await ending(waiting), "");
  await stopped;
});
