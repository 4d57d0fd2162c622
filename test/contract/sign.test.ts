import assert from "node:assert/strict";
import { test } from "node:test";
import { type AttemptView, Failure, type PolicySteps, Reply } from "torana";
import { describePolicy } from "torana/testing";
import { request } from "../support/client.ts";
import { startRawService } from "../support/service.ts";
import { sign, signatureOf } from "./policies/sign.ts";
import { stand } from "./stand.ts";
import { bothWays, jsonOf, policyOf, textOf } from "./ways.ts";

const KEY = "a secret key";
const ONE = "http://one.example";
const TWO = "http://two.example";

bothWays(
  "every try carries its own signature, and nothing of the try before it",
  () => ({
    policies: [sign],
    config: {
      policies: [{ sign: { key: KEY } }],
      services: { main: { endpoints: [ONE, TWO] } },
    },
    down: [ONE],
    service: ({ fields }) => Reply.text(200, [...fields.entries()].map(([name]) => name).join(" ")),
  }),
  async (way) => {
    const asked = { method: "POST", target: "/a?b=c", body: "body", fields: { "X-Unsigned": "1" } };
    const attempts = new Set<number>();
    for (let nth = 0; nth < 4; nth++) {
      assert.equal((await way.ask(asked)).status, 200);
      const sent = way.sent[nth]!;
      const { attempts: tries, endpoint } = way.ended[nth]!;
      attempts.add(tries);
      assert.equal(sent.endpoint, TWO);
      assert.equal(`${sent.body}`, "body");
      assert.equal(sent.fields.get("x-signature"), signatureOf(KEY, endpoint!, tries, "/a?b=c"));
      assert.equal(sent.fields.get("x-tries"), String(tries));
      assert.equal(sent.fields.has("x-try-1"), tries === 1);
      assert.equal(sent.fields.has("x-unsigned"), false);
      assert.equal(way.ended[nth]?.outgoing.fields.has("x-signature"), false);
    }
    assert.ok(attempts.has(2), "no request met the endpoint that is down first");
  },
);

bothWays(
  "when no endpoint is left, the failure of the last stands",
  () => ({
    policies: [sign],
    config: { policies: [{ sign: { key: KEY } }], services: { main: { endpoints: [ONE, TWO] } } },
    down: [ONE, TWO],
  }),
  async (way) => {
    const reply = await way.ask();
    assert.deepEqual([reply.status, jsonOf(reply)["reason"]], [502, "connect_failed"]);
    assert.equal(way.ended[0]?.attempts, 2);
  },
);

bothWays(
  "what one try changes of method, path, query and host stays in it",
  () => ({
    policies: [
      policyOf({
        attempt: (_x, { request: sent, number }: AttemptView) => {
          if (number > 1) return;
          sent.method = "DELETE";
          sent.path = "/changed";
          sent.query = "?changed";
          sent.authority = "changed.example";
        },
      } satisfies PolicySteps),
    ],
    config: { policies: [{ p: {} }], services: { main: { endpoints: [ONE, TWO] } } },
    service: ({ method, target, fields }) =>
      target === "/changed?changed"
        ? Reply.text(200, `${method} changed`)
        : Reply.text(200, `${method} ${target} ${fields.get("host") ?? ""}`),
    down: [TWO],
  }),
  async (way) => {
    const answers = [];
    for (let nth = 0; nth < 3; nth++) answers.push(textOf(await way.ask({ target: "/a?b" })));
    const tries = way.ended.map(({ attempts }) => attempts);
    const expected = tries.map((count) => (count === 1 ? "DELETE changed" : "GET /a?b a.example"));
    assert.deepEqual(answers, expected);
    assert.equal(way.ended[0]?.outgoing.path, "/a");
  },
);

test("a try on a connection that was closed as it was reused is signed anew", async (t) => {
  const service = await startRawService(async (connection) => {
    const first = await connection.request();
    if (first === undefined) return;
    await connection.send(`HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${first.field("x-tries")}`);
    if (connection.nth > 1) return;
    await connection.head();
    connection.socket.destroy();
  });
  const stage = await stand(t, service, [sign], { policies: [{ "test-watch": {} }, { sign: { key: KEY } }] });
  assert.equal((await stage.ask(request("GET /"))).text, "1");
  assert.equal((await stage.ask(request("GET /again"))).text, "2");
  const [, lost, again] = service.seen;
  const signature = (number: number): string => signatureOf(KEY, service.url, number, "/again");
  const signed = (fields: typeof again): string | undefined =>
    fields?.fields.find(([name]) => name === "x-signature")?.[1];
  assert.deepEqual([signed(lost), signed(again)], [signature(1), signature(2)]);
});

describePolicy(sign, {
  refused: [{ options: { key: "short" }, message: /sign\.key/ }],
  steps: [
    {
      title: "signs a request without retry",
      options: { key: KEY },
      check: ({ sent }) =>
        assert.equal(sent[0]?.fields.get("x-signature"), signatureOf(KEY, "http://main.example", 1, "/")),
    },
    {
      title: "does not try again what may have been served",
      options: { key: KEY },
      service: () => new Failure("response_cut"),
      check: ({ sent, reply }) => assert.deepEqual([sent.length, reply.status], [1, 502]),
    },
  ],
  wire: {
    title: "signs a request",
    options: { key: KEY },
    request: { target: "/wire" },
    check: ({ sent }) =>
      assert.equal(sent[0]?.fields.get("x-signature"), signatureOf(KEY, sent[0]?.endpoint ?? "", 1, "/wire")),
  },
});
