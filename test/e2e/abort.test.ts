import assert from "node:assert/strict";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Client, chunk, request } from "../support/client.ts";
import { Random } from "../support/random.ts";
import { type Handler, type Service, startService } from "../support/service.ts";
import { type Stage, stage } from "../support/stage.ts";
import { until, within } from "../support/wait.ts";

const LONG_GRACE_MS = 60_000;

/** Notes for each request whether it came whole and whether its answer was sent whole, and answers by its target. */
class Witness {
  readonly ends: string[] = [];

  readonly handle: Handler = async (incoming, outgoing) => {
    outgoing.on("close", () => {
      const request = incoming.complete ? "whole" : "cut";
      const response = outgoing.writableFinished ? "whole" : "cut";
      this.ends.push(`${incoming.url} request ${request}, response ${response}`);
    });
    incoming.on("error", () => {});
    if (incoming.url === "/never" || incoming.url === "/upload") incoming.resume();
    else if (incoming.url === "/download") {
      const piece = Buffer.alloc(65_536);
      while (!outgoing.destroyed) if (!outgoing.write(piece)) await drained(outgoing);
    } else outgoing.end("ok");
  };
}

async function drained(outgoing: Parameters<Handler>[1]): Promise<void> {
  await Promise.race([once(outgoing, "drain"), once(outgoing, "close")]);
}

interface Scene extends Stage {
  readonly service: Service;
  readonly witness: Witness;
}

async function scene(t: TestContext): Promise<Scene> {
  const witness = new Witness();
  const service = await startService(witness.handle);
  return { ...(await stage(t, service)), service, witness };
}

/** The gateway still serves, and stops without anything left. */
async function expectClean({ ask, gateway, service }: Scene): Promise<void> {
  assert.equal((await ask(request("GET /"))).text, "ok");
  await within("the gateway to stop, though its grace is long", gateway.stop(LONG_GRACE_MS));
  await until("the service's connections to be closed", () => service.open.size === 0);
}

const LEAVINGS: [string, (client: Client) => void][] = [
  ["a reset", (client) => client.reset()],
  ["a close", (client) => void client.socket.destroy()],
];

test("a client that leaves before its answer: the service sees it leave", async (t) => {
  const stand = await scene(t);
  const client = await stand.connect();
  await client.send(request("GET /never"));
  await until("the request to reach the service", () => stand.service.seen.length === 1);
  client.reset();
  await until("the service to see the end", () => stand.witness.ends.length === 1);
  assert.deepEqual(stand.witness.ends, ["/never request whole, response cut"]);
  await expectClean(stand);
});

for (const [title, leave] of LEAVINGS) {
  for (const framing of ["length", "chunked"]) {
    test(`a client that leaves during its upload by ${title}, ${framing}: the service sees it cut`, async (t) => {
      const stand = await scene(t);
      const client = await stand.connect();
      const fields: Record<string, string> =
        framing === "length" ? { "Content-Length": "10000000" } : { "Transfer-Encoding": "chunked" };
      await client.send(request("POST /upload", fields));
      const piece = Buffer.alloc(100_000);
      for (let nth = 0; nth < 10; nth++) await client.send(framing === "length" ? piece : chunk(piece));
      await until("the request to reach the service", () => stand.service.seen.length === 1);
      leave(client);
      await until("the service to see the end", () => stand.witness.ends.length === 1);
      assert.deepEqual(stand.witness.ends, ["/upload request cut, response cut"]);
      await expectClean(stand);
    });
  }

  test(`a client that leaves during its download by ${title}: the service sees it leave`, async (t) => {
    const stand = await scene(t);
    const client = await stand.connect();
    await client.send(request("GET /download"));
    const body = client.body(await client.head());
    for (let nth = 0; nth < 20; nth++) await body.next();
    leave(client);
    await until("the service to see the end", () => stand.witness.ends.length === 1);
    assert.deepEqual(stand.witness.ends, ["/download request whole, response cut"]);
    await expectClean(stand);
  });
}

test("a client that leaves while its download is held up by itself: the service sees it leave", async (t) => {
  const stand = await scene(t);
  const client = await stand.connect();
  await client.send(request("GET /download"));
  await client.head();
  await sleep(300);
  client.reset();
  await until("the service to see the end", () => stand.witness.ends.length === 1);
  await expectClean(stand);
});

test("a client that leaves in the middle of its head reaches no service", async (t) => {
  const stand = await scene(t);
  for (const [, leave] of LEAVINGS) {
    const client = await stand.connect();
    await client.send("GET / HTTP/1.1\r\nHost: a.ex");
    leave(client);
  }
  await expectClean(stand);
  assert.equal(stand.service.seen.length, 1);
});

test("pipelined requests behind one whose client left are not served", async (t) => {
  const stand = await scene(t);
  const client = await stand.connect();
  await client.send(`${request("GET /never")}${request("GET /behind")}`);
  await until("the first to reach the service", () => stand.service.seen.length === 1);
  client.reset();
  await until("the service to see the end", () => stand.witness.ends.length === 1);
  await expectClean(stand);
  assert.ok(!stand.service.targets.includes("/behind"));
});

test("200 clients that leave at any time leave nothing behind", async (t) => {
  const stand = await scene(t);
  await Promise.all(
    Array.from({ length: 200 }, async (_, nth) => {
      const random = new Random(nth);
      const client = await stand.connect();
      client.socket.on("error", () => {});
      const target = ["/never", "/download", "/upload", "/"][nth % 4]!;
      const fields: Record<string, string> = target === "/upload" ? { "Content-Length": "1000000" } : {};
      client.socket.write(request(`POST ${target}`, fields));
      if (target === "/upload") client.socket.write(random.bytes(random.below(500_000)));
      await sleep(random.below(60));
      LEAVINGS[target === "/never" ? 0 : nth % 2]![1](client);
    }),
  );
  await expectClean(stand);
  await until("the service to see all ends", () => stand.witness.ends.length === stand.service.seen.length);
});
