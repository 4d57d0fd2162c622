import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure } from "../errors/failure.ts";
import type { Clock } from "../lib/clock.ts";
import { Reply } from "../lib/reply.ts";
import { describePolicy, memoryGateway, type TestRequest } from "../testing/index.ts";
import { accessLog } from "./access-log.ts";

/** A clock that goes on by 1.5 ms each time it is read. */
function tickingClock(): Clock {
  let now = 0;
  return { now: () => (now += 1.5), wall: () => Date.UTC(2026, 0, 2, 3, 4, 5, 67) + now };
}

const quiet = { to: "stderr", when: { status: [599] } };

describePolicy(accessLog, {
  refused: [
    { options: { to: "" }, message: /to/ },
    { options: { fields: ["colour"] }, message: /fields\[0\]: .*not known; write some of time, id/ },
    { options: { fields: [] }, message: /fields/ },
    { options: { request: ["Authorization"] }, message: /request\[0\]: holds secrets/ },
    { options: { request: ["X_Api_Key"] }, message: /holds secrets/ },
    { options: { response: ["set-cookie"] }, message: /response\[0\]: holds secrets/ },
    { options: { request: ["a b"] }, message: /not the name of a field/ },
    { options: { template: "${colour}" }, message: /there is no \$\{colour\}; write one of time, id/ },
    { options: { template: "${request.header.cookie}" }, message: /cookie holds secrets/ },
    { options: { template: "${id}\n" }, message: /no control characters/ },
    { options: { template: "${id}", fields: ["id"] }, message: /excludes fields/ },
    { options: { sample: 2 }, message: /sample/ },
    { options: { when: {} }, message: /holds no condition/ },
    { options: { when: { status: ["6xx"] } }, message: /not a status; write 404 or 4xx/ },
  ],
  steps: [
    {
      title: "changes nothing",
      options: {},
      check({ reply, sent }) {
        assert.deepEqual([reply.status, sent.length], [200, 1]);
      },
    },
  ],
  wire: {
    title: "changes nothing",
    options: quiet,
    check({ reply }) {
      assert.equal(reply.status, 200);
    },
  },
});

async function linesOf(
  options: object,
  requests: readonly TestRequest[],
  service: () => Reply | Failure = () => Reply.text(200, "hello", { "x-kind": "b" }),
): Promise<string[]> {
  const gateway = memoryGateway({
    policies: [accessLog],
    config: {
      policies: [{ "access-log": options }],
      routes: [{ name: "orders", match: { path: "/o/*" }, service: "main" }],
      services: { main: { endpoints: ["http://main.example:8080"] } },
    },
    service,
    clock: tickingClock(),
    peer: { listener: "public" },
  });
  for (const request of requests) await gateway.send(request).catch(() => undefined);
  gateway.close();
  return [...gateway.lines];
}

const parsed = (line: string | undefined): Record<string, unknown> =>
  JSON.parse(line!) as Record<string, unknown>;

test("access-log tells of an exchange in JSON, without its query", async () => {
  const fields = { "user-agent": 'say "hi"', authorization: "Bearer secret" };
  const [line, ...more] = await linesOf({}, [{ target: "/o/1?token=secret", fields }]);
  assert.equal(more.length, 0);
  const { id, duration, gateway, upstream, ...rest } = parsed(line);
  assert.match(String(id), /^[0-9a-f-]{36}$/);
  assert.deepEqual(rest, {
    time: "2026-01-02T03:04:05.068Z",
    client: "192.0.2.1",
    method: "GET",
    host: "a.example",
    path: "/o/1",
    status: 200,
    bytes: 5,
    route: "orders",
    service: "main",
    endpoint: "http://main.example:8080",
    attempts: 1,
    reason: null,
    userAgent: 'say "hi"',
  });
  const [whole, ours, theirs] = [duration, gateway, upstream].map(Number);
  assert.ok(whole! >= theirs! && theirs! > 0 && ours! >= 0, line!);
  assert.doesNotMatch(line!, /secret/);
});

test("access-log tells what it is asked to, in that order", async () => {
  const options = {
    fields: ["query", "version", "scheme", "listener", "complete", "status"],
    request: ["X-Tenant", "x-absent"],
    response: ["X-Kind"],
  };
  const [line] = await linesOf(options, [{ target: "/o/?a=b", fields: { "x-tenant": "t" } }]);
  assert.equal(
    line,
    '{"query":"?a=b","version":"1.1","scheme":"http","listener":"public","complete":true,"status":200,' +
      '"request":{"x-tenant":"t","x-absent":null},"response":{"x-kind":"b"}}',
  );
});

test("access-log keeps one line one line, and UTF-8 readable", async () => {
  const agent = Buffer.from('é “x"\t\\').toString("latin1");
  const request = { target: "/o/%0A", fields: { "user-agent": agent } };
  const [json] = await linesOf({ fields: ["path", "userAgent"] }, [request]);
  assert.deepEqual(parsed(json), { path: "/o/%0A", userAgent: 'é “x"\t\\' });
  const [text] = await linesOf({ template: '${path} "${userAgent}" ${reason} $${x}' }, [request]);
  assert.equal(text, '/o/%0A "é “x\\x22\\x09\\x5c" - ${x}');
});

test("access-log writes lines of text", async () => {
  const template =
    "${client} ${method} ${path}${query} ${status} ${bytes} ${request.header.x-a} ${response.header.x-kind}";
  const [line] = await linesOf({ template }, [{ target: "/o/2?b", fields: { "x-a": "1 2" } }]);
  assert.equal(line, "192.0.2.1 GET /o/2?b 200 5 1 2 b");
});

test("access-log tells of failures with their reason and the time they took", async () => {
  const fields = ["status", "reason", "route", "service", "attempts", "upstream"];
  const lost = { target: "/nowhere" };
  const [first, second] = await linesOf(
    { fields },
    [lost, { target: "/o/" }],
    () => new Failure("response_cut"),
  );
  assert.equal(
    first,
    '{"status":404,"reason":"route_not_found","route":"(not found)","service":null,"attempts":0,"upstream":null}',
  );
  const { upstream, ...rest } = parsed(second);
  assert.deepEqual(rest, {
    status: 502,
    reason: "response_cut",
    route: "orders",
    service: "main",
    attempts: 1,
  });
  assert.ok(Number(upstream) > 0, second!);
});

test("access-log logs what meets a condition", async () => {
  const of = (when: object, status: number) =>
    linesOf({ when, fields: ["status"] }, [{ target: "/o/" }], () => Reply.text(status, "x"));
  assert.equal((await of({ status: ["4xx", 503] }, 404)).length, 1);
  assert.equal((await of({ status: ["4xx", 503] }, 503)).length, 1);
  assert.equal((await of({ status: ["4xx", 503] }, 500)).length, 0);
  assert.equal((await of({ slower: "1ms" }, 200)).length, 1);
  assert.equal((await of({ slower: "1h" }, 200)).length, 0);
  assert.equal((await of({ slower: "1h", status: ["2xx"] }, 200)).length, 1);
});

test("access-log samples what went well, and never what failed", async () => {
  const many = Array.from({ length: 400 }, () => ({ target: "/o/" }));
  const well = (await linesOf({ sample: 0.5 }, many)).length;
  assert.ok(well > 100 && well < 300, `${well} of 400`);
  assert.equal((await linesOf({ sample: 0 }, many)).length, 0);
  assert.equal((await linesOf({ sample: 0 }, many, () => Reply.text(500, "x"))).length, 400);
});

test("access-log tells when a client left", async () => {
  const gateway = memoryGateway({
    policies: [accessLog],
    config: { policies: [{ "access-log": { fields: ["status", "complete", "reason"] } }] },
    service: () => new Promise<Reply>(() => undefined),
  });
  const { leave, reply } = gateway.begin();
  leave();
  await assert.rejects(reply);
  assert.deepEqual(gateway.lines, ['{"status":499,"complete":false,"reason":"client_left"}']);
  gateway.close();
});

test("access-log tells of a client's exchange, not of those that the gateway makes for it", async () => {
  const gateway = memoryGateway({
    policies: [accessLog],
    config: { policies: [{ "access-log": { fields: ["path"] } }] },
  });
  const { exchange } = await gateway.send({ target: "/a" });
  await exchange.fork({ target: "/b" }, { detached: true });
  assert.deepEqual(gateway.lines, ['{"path":"/a"}']);
  gateway.close();
});
