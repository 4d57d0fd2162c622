import assert from "node:assert/strict";
import { test } from "node:test";
import { type Client, chunk, request } from "../support/client.ts";
import { startRawService, startService } from "../support/service.ts";
import { stage } from "../support/stage.ts";
import { until, within } from "../support/wait.ts";

const EVENTS = 50;

/** Lets the service send event n only when the client has seen event n - 1. */
class Turns {
  #waiting: (() => void) | undefined;
  #allowed = 0;

  allow(): void {
    this.#allowed++;
    this.#waiting?.();
  }

  async next(nth: number): Promise<void> {
    while (this.#allowed < nth) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting = resolve;
      await within(`the client to see event ${nth - 1}`, promise);
    }
  }
}

function eventOf(nth: number): string {
  return `id: ${nth}\nevent: tick\ndata: ${"x".repeat(nth)}\n\n`;
}

async function follow(client: Client, turns: Turns, version = ""): Promise<void> {
  await client.send(request(`GET /events${version}`, { Accept: "text/event-stream" }));
  const head = await client.head();
  assert.equal(head.field("content-type"), "text/event-stream");
  const body = client.body(head);
  for (let nth = 0; nth < EVENTS; nth++) {
    let seen = "";
    while (!seen.endsWith("\n\n")) seen += String((await body.next()).value);
    assert.equal(seen, eventOf(nth));
    turns.allow();
  }
  assert.equal((await body.next()).done, true);
}

for (const version of ["", " HTTP/1.0"]) {
  test(`each event is seen before the next is sent, in chunks${version}`, async (t) => {
    const turns = new Turns();
    const service = await startService(async (_incoming, outgoing) => {
      outgoing.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
      for (let nth = 0; nth < EVENTS; nth++) {
        await turns.next(nth);
        outgoing.write(eventOf(nth));
      }
      await turns.next(EVENTS);
      outgoing.end();
    });
    await follow(await (await stage(t, service)).connect(), turns, version);
  });
}

test("each event is seen before the next is sent, from a service that ends by closing", async (t) => {
  const turns = new Turns();
  const service = await startRawService(async (connection) => {
    await connection.request();
    await connection.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
    for (let nth = 0; nth < EVENTS; nth++) {
      await turns.next(nth);
      await connection.send(eventOf(nth));
    }
    await turns.next(EVENTS);
  });
  await follow(await (await stage(t, service)).connect(), turns);
});

test("the head comes before the first event is sent", async (t) => {
  const { promise: seen, resolve } = Promise.withResolvers<void>();
  const service = await startRawService(async (connection) => {
    await connection.request();
    await connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Early: yes\r\n\r\n");
    await within("the client to see the head", seen);
    await connection.send(`${chunk("data: 1\n\n")}0\r\n\r\n`);
  });
  const client = await (await stage(t, service)).connect();
  await client.send(request("GET /events"));
  const head = await client.head();
  assert.equal(head.field("x-early"), "yes");
  resolve();
  assert.equal(String((await client.body(head).next()).value), "data: 1\n\n");
});

test("a chunk that comes in parts is passed on in parts", async (t) => {
  const turns = new Turns();
  const service = await startRawService(async (connection) => {
    await connection.request();
    await connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n");
    for (let nth = 0; nth < 10; nth++) {
      await turns.next(nth);
      await connection.send("0123456789");
    }
    await connection.send("\r\n0\r\n\r\n");
  });
  const client = await (await stage(t, service)).connect();
  await client.send(request("GET /events"));
  const body = client.body(await client.head());
  for (let nth = 0; nth < 10; nth++) {
    let seen = "";
    while (seen.length < 10) seen += String((await body.next()).value);
    assert.equal(seen, "0123456789");
    turns.allow();
  }
  assert.equal((await body.next()).done, true);
});

test("100 followers of one stream each get every event, and the service sees them leave", async (t) => {
  const followers = new Set<{ write(text: string): void }>();
  const service = await startService((_incoming, outgoing) => {
    outgoing.writeHead(200, { "content-type": "text/event-stream" });
    outgoing.flushHeaders();
    followers.add(outgoing);
    outgoing.on("close", () => followers.delete(outgoing));
  });
  const { connect } = await stage(t, service);
  const clients = await Promise.all(Array.from({ length: 100 }, () => connect()));
  const bodies = await Promise.all(
    clients.map(async (client) => {
      await client.send(request("GET /events"));
      return client.body(await client.head());
    }),
  );
  for (let nth = 0; nth < 10; nth++) {
    for (const follower of followers) follower.write(eventOf(nth));
    const events = await Promise.all(bodies.map((body) => body.next()));
    assert.deepEqual(new Set(events.map(({ value }) => String(value))), new Set([eventOf(nth)]));
  }
  assert.equal(followers.size, 100);
  for (const client of clients) client.reset();
  await until("the service to see all followers leave", () => followers.size === 0);
});
