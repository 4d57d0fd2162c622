import assert from "node:assert/strict";
import { Fields, HeldBody, Reply } from "torana";
import { pieces } from "torana/testing";
import { type Count, countPolicy } from "./policies/count.ts";
import { bothWays, textOf } from "./ways.ts";

for (const waits of [false, true]) {
  const kind = waits ? "that waits" : "that does not wait";
  const counts: Count[] = [];
  const scene = { policies: [countPolicy(counts)], config: { policies: [{ count: { waits } }] } };

  bothWays(
    `a tap ${kind} counts, and changes neither bytes nor length`,
    () => ({
      ...scene,
      service: ({ body }) => new Reply(200, Fields.from({ etag: '"1"' }), new HeldBody(`${body}${body}`)),
    }),
    async (way) => {
      counts.length = 0;
      const reply = await way.ask({ method: "POST", body: "four" });
      assert.equal(textOf(reply), "fourfour");
      assert.equal(reply.fields.get("content-length"), "8");
      assert.equal(reply.fields.get("etag"), '"1"');
      if (way.kind === "sockets") assert.equal(way.sent[0]?.fields.get("content-length"), "4");
      assert.deepEqual(counts, [
        { side: "request", bytes: 4, end: "end" },
        { side: "response", bytes: 8, end: "end" },
      ]);
    },
  );

  bothWays(
    `a tap ${kind} sees bodies of unknown length, and their trailers pass`,
    () => ({
      ...scene,
      service: ({ body }) => new Reply(200, new Fields(), pieces([`${body}`, "!"], { "x-end": "1" })),
    }),
    async (way) => {
      counts.length = 0;
      const reply = await way.ask({ method: "POST", body: ["a", "bc", "def"], trailers: { "x-sum": "6" } });
      assert.equal(textOf(reply), "abcdef!");
      assert.equal(reply.trailers?.get("x-end"), "1");
      assert.equal(way.sent[0]?.trailers?.get("x-sum"), "6");
      assert.deepEqual(counts, [
        { side: "request", bytes: 6, end: "end" },
        { side: "response", bytes: 7, end: "end" },
      ]);
    },
  );

  bothWays(
    `a tap ${kind} counts a megabyte each way`,
    () => ({ ...scene, service: ({ body }) => new Reply(200, new Fields(), new HeldBody(body)) }),
    async (way) => {
      counts.length = 0;
      const sent = Buffer.alloc(1_000_003, "0123456789abcdef");
      const reply = await way.ask({ method: "POST", body: sent });
      assert.equal(sent.equals(reply.body), true);
      assert.deepEqual(counts, [
        { side: "request", bytes: sent.length, end: "end" },
        { side: "response", bytes: sent.length, end: "end" },
      ]);
    },
  );
}
