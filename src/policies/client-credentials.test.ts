import assert from "node:assert/strict";
import { test } from "node:test";
import { Fields } from "../lib/fields.ts";
import { Reply } from "../lib/reply.ts";
import type { CallReply, CallRequest } from "../pipeline/calls.ts";
import { describePolicy, memoryGateway, testClock } from "../testing/index.ts";
import { clientCredentials } from "./client-credentials.ts";

const OPTIONS = { url: "https://id.example/token", clientId: "gateway", clientSecret: "hush" };

function says(document: unknown, status = 200): CallReply {
  const body = Buffer.from(typeof document === "string" ? document : JSON.stringify(document));
  return { status, fields: new Fields(), body, trailers: undefined };
}

const GOOD = { access_token: "t1", token_type: "bearer", expires_in: 60 };

describePolicy(clientCredentials, {
  refused: [
    { options: { clientId: "a", clientSecret: "b" }, message: /write one of url and service/ },
    { options: { ...OPTIONS, url: "http://id.example" }, message: /without TLS/ },
    { options: { ...OPTIONS, header: "host" }, message: /header/ },
  ],
  steps: [
    {
      title: "sends its own token in place of the client's",
      options: { ...OPTIONS, scopes: ["a", "b"], parameters: { audience: "shop" } },
      request: { fields: { authorization: "Bearer mine" } },
      outside: ({ to, method, body, fields }: CallRequest) => {
        assert.deepEqual([to, method], [{ url: OPTIONS.url }, "POST"]);
        assert.equal(body, "grant_type=client_credentials&scope=a+b&audience=shop");
        assert.equal(fields?.get("authorization"), `Basic ${Buffer.from("gateway:hush").toString("base64")}`);
        return says(GOOD);
      },
      check: ({ sent }) => assert.equal(sent[0]!.fields.get("authorization"), "Bearer t1"),
    },
    {
      title: "takes away what a service could take for its own token",
      options: { ...OPTIONS, header: "x-service-token" },
      request: { fields: { "x-service-token": "mine", x_service_token: "mine" } },
      outside: () => says(GOOD),
      check({ sent: [sent] }) {
        const tokens = [...sent!.fields.entries()].filter(([name]) => /token/.test(name));
        assert.deepEqual(tokens, [["x-service-token", "Bearer t1"]]);
      },
    },
    ...(
      [
        [says({ error: "invalid_client" }, 401), 502, "client_credentials_refused"],
        [says("", 503), 503, "client_credentials_unavailable"],
        [says("no JSON"), 502, "client_credentials_refused"],
        [says({ token_type: "bearer" }), 502, "client_credentials_refused"],
        [says({ ...GOOD, token_type: "mac" }), 502, "client_credentials_refused"],
        [says({ ...GOOD, access_token: "a\r\nb" }), 502, "client_credentials_refused"],
      ] as const
    ).map(([answer, status, reason], i) => ({
      title: `sends nothing without a token (${i + 1})`,
      options: OPTIONS,
      outside: () => answer,
      check({
        reply,
        sent,
        exchange,
      }: {
        reply: { status: number };
        sent: readonly unknown[];
        exchange: { outcome?: { reason?: string | undefined } | undefined };
      }) {
        assert.deepEqual([reply.status, sent.length, exchange.outcome?.reason], [status, 0, reason]);
      },
    })),
  ],
  wire: {
    title: "sends nothing without a token",
    options: { ...OPTIONS, url: "http://127.0.0.1:1/" },
    check({ reply, sent, exchange }) {
      assert.deepEqual([reply.status, sent.length], [503, 0]);
      assert.equal(exchange.outcome?.reason, "client_credentials_unavailable");
    },
  },
});

test("client-credentials: one question for all, another before the end, and after the service refused", async () => {
  const clock = testClock();
  let asked = 0;
  let refuses = false;
  const outside = async (): Promise<CallReply> => says({ ...GOOD, access_token: `t${++asked}` });
  const gateway = memoryGateway({
    policies: [clientCredentials],
    config: { policies: [{ "client-credentials": OPTIONS }] },
    outside,
    clock,
    service: () => Reply.text(refuses ? 401 : 200, ""),
  });
  const send = async (): Promise<string | undefined> =>
    (await gateway.send()).sent[0]!.fields.get("authorization");
  await Promise.all(Array.from({ length: 20 }, () => gateway.send()));
  assert.equal(asked, 1);
  clock.advance(48_000);
  assert.equal(await send(), "Bearer t1", "this one still holds while the next is fetched");
  assert.equal(await send(), "Bearer t2");
  clock.advance(59_000);
  await send();
  clock.advance(61_000);
  assert.equal(await send(), `Bearer t${asked}`);
  refuses = true;
  const before = asked;
  await send();
  await send();
  assert.equal(asked, before, "a young token is not the reason");
  clock.advance(5_000);
  await send();
  refuses = false;
  assert.equal(await send(), `Bearer t${before + 1}`);
  gateway.close();
});

test("client-credentials: after a failure nobody asks for a second", async () => {
  const clock = testClock();
  let asked = 0;
  const outside = (): CallReply => (++asked > 1 ? says(GOOD) : says("", 500));
  const config = { policies: [{ "client-credentials": OPTIONS }] };
  const gateway = memoryGateway({ policies: [clientCredentials], config, outside, clock });
  const send = async (): Promise<number> => (await gateway.send()).reply.status;
  assert.deepEqual([await send(), await send(), asked], [503, 503, 1]);
  clock.advance(1_000);
  assert.deepEqual([await send(), asked], [200, 2]);
  gateway.close();
});
