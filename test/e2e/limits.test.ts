/** Rate limits, quotas and concurrency through a real gateway. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type IncomingHttpHeaders } from "node:http2";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { status } from "@grpc/grpc-js";
import { WebSocket, WebSocketServer } from "ws";
import { startGateway as startWithLog } from "../../src/supervisor/start-gateway.ts";
import { request } from "../support/client.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { callUnary, echoClient, startEcho } from "../support/grpc.ts";
import { startService } from "../support/service.ts";
import { stage } from "../support/stage.ts";
import { until, within } from "../support/wait.ts";

async function started(t: TestContext, config: object): Promise<TestGateway> {
  const gateway = await startGateway(config);
  t.after(() => within("the gateway to stop", gateway.stop()));
  return gateway;
}

test("64 connections at once get exactly the limit, each told how it stands", async (t) => {
  await using service = await startService((_seen, answer) => void answer.end("ok"));
  const gateway = await started(t, {
    routes: [{ name: "all", service: "main" }],
    services: { main: { endpoints: [`http://127.0.0.1:${service.port}`] } },
    policies: [{ "rate-limit": { limit: ["300/10h", "1000/1d"], headers: "both" } }],
  });
  let allowed = 0;
  const lefts: number[] = [];
  await Promise.all(
    Array.from({ length: 64 }, async () => {
      for (let i = 0; i < 8; i++) {
        const answer = await fetch(`http://127.0.0.1:${gateway.port()}/`);
        await answer.arrayBuffer();
        const { headers } = answer;
        const [, left] =
          /^"300\/10h";r=(\d+);t=\d+, "1000\/1d";r=\d+;t=\d+$/.exec(headers.get("ratelimit")!) ?? [];
        assert.equal(headers.get("ratelimit-policy"), '"300/10h";q=300;w=36000, "1000/1d";q=1000;w=86400');
        assert.equal(headers.get("x-ratelimit-remaining"), left);
        assert.equal(headers.has("retry-after"), answer.status === 429);
        if (answer.status !== 200) continue;
        allowed++;
        lefts.push(Number(left));
      }
    }),
  );
  assert.equal(allowed, 300);
  assert.deepEqual(
    lefts.sort((a, b) => a - b),
    Array.from({ length: 300 }, (_, i) => i),
  );
});

test("streams of HTTP/2 are counted like requests", async (t) => {
  const gateway = await started(t, {
    listeners: [{ name: "test", address: "127.0.0.1:0", http2: { cleartext: true } }],
    routes: [{ name: "all", policies: [{ "rate-limit": { limit: "5/1h" } }, { respond: { body: "ok" } }] }],
  });
  const session = connect(`http://127.0.0.1:${gateway.port()}`);
  t.after(() => session.close());
  const statuses = await Promise.all(
    Array.from({ length: 12 }, async () => {
      const stream = session.request({ ":path": "/" });
      const [fields] = (await once(stream, "response")) as [IncomingHttpHeaders & { ":status": number }];
      stream.resume();
      return fields[":status"];
    }),
  );
  assert.equal(statuses.filter((one) => one === 200).length, 5);
  assert.equal(statuses.filter((one) => one === 429).length, 7);
});

test("calls of gRPC that are too many end as gRPC knows it", async (t) => {
  const service = await startEcho();
  t.after(() => service.stop());
  const gateway = await started(t, {
    listeners: [{ name: "test", address: "127.0.0.1:0", http2: { cleartext: true } }],
    routes: [{ name: "all", service: "main" }],
    services: { main: { endpoints: [service.url] } },
    policies: [{ "rate-limit": { limit: "1/1h", reply: { status: 503, body: "no" } } }],
  });
  const client = echoClient(gateway.port());
  t.after(() => client.close());
  assert.equal((await callUnary(client, { text: "a" })).error, undefined);
  assert.equal((await callUnary(client, { text: "b" })).error?.code, status.RESOURCE_EXHAUSTED);
});

test("a WebSocket has its place until it is closed", async (t) => {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  t.after(() => server.close());
  const gateway = await started(t, {
    routes: [{ name: "all", service: "main", policies: [{ concurrency: { max: 1 } }] }],
    services: { main: { endpoints: [`http://127.0.0.1:${(server.address() as AddressInfo).port}`] } },
  });
  const url = `ws://127.0.0.1:${gateway.port()}/`;
  const first = new WebSocket(url);
  await once(first, "open");
  const second = new WebSocket(url);
  const [refusal] = await once(second, "error");
  assert.match(String(refusal), /429/);
  first.close();
  await once(first, "close");
  for (let i = 0; ; i++) {
    const third = new WebSocket(url);
    const outcome = await Promise.race([
      once(third, "open").then(() => true),
      once(third, "error").then(() => false),
    ]);
    third.close();
    if (outcome) break;
    assert.ok(i < 100, "the place is not given back");
  }
});

test("a client that leaves in the middle gives its place back", async (t) => {
  const service = await startService((asked, answer) => {
    if (asked.url !== "/slow") answer.end("ok");
  });
  const { connect: open, gateway } = await stage(t, service, {
    policies: [{ concurrency: { max: 1, queue: { max: 5, timeout: "9s" } } }],
  });
  const slow = await open();
  await slow.send(request("GET /slow"));
  await until("the first to be at the service", () => service.seen.length === 1);
  const waiting = fetch(`http://127.0.0.1:${gateway.port()}/`);
  slow.reset();
  assert.equal((await within("the one that waits", waiting)).status, 200);
});

test("refusals are counted by their reason", async (t) => {
  const gateway = await started(t, {
    routes: [{ name: "all", policies: [{ "rate-limit": { limit: "1/1h" } }, { respond: { body: "ok" } }] }],
  });
  const url = `http://127.0.0.1:${gateway.port()}/`;
  assert.equal((await fetch(url)).status, 200);
  assert.equal((await fetch(url)).status, 429);
  const reasons = gateway.gateway.counts().of("reason");
  assert.ok(reasons.some(({ labels }) => labels.reason === "rate_limited"));
});

test("a dry run tells the log how many it would have refused", async (t) => {
  const told: string[] = [];
  const config = {
    listeners: [{ name: "test", address: "127.0.0.1:0" }],
    routes: [
      {
        name: "all",
        policies: [{ "rate-limit": { limit: "1/1h", dryRun: true } }, { respond: { body: "ok" } }],
      },
    ],
  };
  const gateway = await startWithLog(config, { log: (line) => told.push(line) });
  t.after(() => within("the gateway to stop", gateway.stop(1_000)));
  for (let i = 0; i < 3; i++) assert.equal((await fetch(`http://127.0.0.1:${gateway.port()}/`)).status, 200);
  assert.deepEqual(told, ["rate-limit (all/rate-limit): dry run: 1 more would have been refused"]);
});
