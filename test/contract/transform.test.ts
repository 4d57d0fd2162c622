import assert from "node:assert/strict";
import { Fields, HeldBody, Reply } from "torana";
import { describePolicy, pieces } from "torana/testing";
import { rewrite } from "./policies/rewrite.ts";
import { bothWays, policyOf, textOf } from "./ways.ts";

/** Fields that tell of the bytes of a body, and are wrong once it is changed. */
const OF_BYTES = ["etag", "accept-ranges", "content-md5", "digest", "content-digest", "repr-digest"];
const tellingFields = (): Fields => Fields.from(OF_BYTES.map((name) => [name, '"told"'] as const));

const CUT_TEXTS: readonly (readonly string[])[] = [
  ["one whole hello here"],
  ["two hel", "lo in pieces"],
  ["h", "e", "l", "l", "o", "hello", "hel"],
  ["nothing to find"],
  ["", "hello", ""],
  [],
];
const rewritten = (list: readonly string[]): string => `${list.join("").replaceAll("hello", "HOWDY!")}.`;

for (const waits of [false, true]) {
  const kind = waits ? "that waits" : "that does not wait";
  for (const list of CUT_TEXTS) {
    bothWays(
      `a transform ${kind} changes the answer in pieces ${JSON.stringify(list)}`,
      () => ({
        policies: [rewrite],
        config: {
          policies: [{ rewrite: { from: "hello", to: "HOWDY!", side: "response", waits, tail: "." } }],
        },
        service: () => new Reply(200, tellingFields(), pieces(list, { "x-sum": "1" })),
      }),
      async (way) => {
        const reply = await way.ask();
        assert.equal(textOf(reply), rewritten(list));
        assert.equal(reply.trailers?.get("x-sum"), "1");
        assert.equal(reply.fields.has("content-length"), false);
        for (const name of OF_BYTES) assert.equal(reply.fields.has(name), false, name);
        assert.equal(way.ended[0]?.outcome?.complete, true);
      },
    );
    bothWays(
      `a transform ${kind} changes the request in pieces ${JSON.stringify(list)}`,
      () => ({
        policies: [rewrite],
        config: {
          policies: [{ rewrite: { from: "hello", to: "HOWDY!", side: "request", waits, tail: "." } }],
        },
        service: ({ body }) => Reply.text(200, `got ${body}`),
      }),
      async (way) => {
        const reply = await way.ask({
          method: "POST",
          body: list,
          fields: { "Content-MD5": "x" },
          trailers: { "X-Sum": "1" },
        });
        assert.equal(textOf(reply), `got ${rewritten(list)}`);
        const [sent] = way.sent;
        assert.equal(sent?.trailers?.get("x-sum"), "1");
        assert.equal(sent?.fields.has("content-length"), false);
        assert.equal(sent?.fields.has("content-md5"), false);
      },
    );
  }

  bothWays(
    `a transform ${kind} changes bodies of known length, and the length goes`,
    () => ({
      policies: [rewrite],
      config: {
        policies: [
          { rewrite: { from: "a", to: "bb", side: "response", waits } },
          { rewrite: { from: "b", to: "ccc", side: "request", waits } },
        ],
      },
      service: ({ body }) => Reply.text(200, `a${body}`),
    }),
    async (way) => {
      const reply = await way.ask({ method: "PUT", body: "b-b" });
      assert.equal(textOf(reply), "bbccc-ccc");
      assert.equal(reply.fields.has("content-length"), false);
      assert.equal(way.sent[0]?.fields.get("content-length"), undefined);
    },
  );
}

bothWays(
  "transforms of several policies: the request outermost first, the answer innermost first",
  () => ({
    policies: [rewrite],
    config: {
      policies: [
        { rewrite: { from: "1", to: "12", side: "request" } },
        { rewrite: { from: "2", to: "23", side: "request" } },
        { rewrite: { from: "b", to: "bc", side: "response" } },
        { rewrite: { from: "a", to: "ab", side: "response" } },
      ],
    },
    service: ({ body }) => Reply.text(200, `a${body}`),
  }),
  async (way) => {
    assert.equal(textOf(await way.ask({ method: "POST", body: "1" })), "abc1".replace("1", "123"));
  },
);

bothWays(
  "an answer without a body stays without one",
  () => ({
    policies: [rewrite],
    config: { policies: [{ rewrite: { from: "a", to: "b", side: "response", tail: "more" } }] },
    service: ({ method }) => new Reply(method === "HEAD" ? 200 : 204, tellingFields()),
  }),
  async (way) => {
    const head = await way.ask({ method: "HEAD" });
    assert.deepEqual([head.status, head.body.length, head.fields.has("etag")], [200, 0, false]);
    const none = await way.ask();
    assert.deepEqual([none.status, none.body.length], [204, 0]);
  },
);

bothWays(
  "a request without a body has nothing to change",
  () => ({
    policies: [rewrite],
    config: { policies: [{ rewrite: { from: "a", to: "b", side: "request", tail: "more" } }] },
    service: ({ body }) => Reply.text(200, `got ${body.length}`),
  }),
  async (way) => assert.equal(textOf(await way.ask()), "got 0"),
);

bothWays(
  "a transform that leaves this body alone costs it nothing",
  () => ({
    policies: [policyOf({ responseBody: () => undefined, requestBody: () => undefined })],
    config: { policies: [{ p: {} }] },
    service: ({ body }) => new Reply(200, Fields.from({ etag: '"1"' }), new HeldBody(`got ${body}`)),
  }),
  async (way) => {
    const reply = await way.ask({ method: "POST", body: "as it is" });
    assert.equal(textOf(reply), "got as it is");
    assert.deepEqual([reply.fields.get("content-length"), reply.fields.get("etag")], ["12", '"1"']);
    assert.equal(way.sent[0]?.fields.get("content-length"), way.kind === "sockets" ? "8" : undefined);
  },
);

bothWays(
  "the gateway's own answers pass the transforms as well",
  () => ({
    policies: [rewrite],
    config: {
      policies: [{ rewrite: { from: "route", to: "ROUTE", side: "response" } }],
      routes: [],
    },
  }),
  async (way) => {
    const reply = await way.ask();
    assert.equal(reply.status, 404);
    assert.match(textOf(reply), /ROUTE_not_found/);
  },
);

describePolicy(rewrite, {
  refused: [
    { options: { from: "", to: "", side: "request" }, message: /rewrite\.from/ },
    { options: { from: "a", to: "b", side: "both" }, message: /rewrite\.side/ },
  ],
  steps: [],
  wire: {
    title: "changes what a service answers",
    options: { from: "ok", to: "fine", side: "response" },
    check: ({ reply }) => assert.equal(textOf(reply), "fine"),
  },
});
