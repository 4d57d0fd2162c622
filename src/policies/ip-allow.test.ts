import assert from "node:assert/strict";
import { test } from "node:test";
import { describePolicy, runPolicy } from "../testing/index.ts";
import { ipAllow } from "./ip-allow.ts";

describePolicy(ipAllow, {
  refused: [
    { options: {}, message: /lets everybody in; write allow, deny or both/ },
    { options: { allow: ["10.0.0.0/33"] }, message: /allow\[0\]: not a network/ },
    { options: { deny: ["a.example"] }, message: /deny\[0\]: not a network/ },
  ],
  steps: [
    {
      title: "lets in whom it allows",
      options: { allow: ["192.0.2.0/24"] },
      check({ reply, sent }) {
        assert.deepEqual([reply.status, sent.length], [200, 1]);
      },
    },
    {
      title: "refuses all others",
      options: { allow: ["198.51.100.0/24"] },
      check({ reply, sent, exchange }) {
        assert.deepEqual([reply.status, sent.length], [403, 0]);
        assert.equal(exchange.outcome?.reason, "ip_denied");
        assert.doesNotMatch(Buffer.from(reply.body).toString(), /192\.0\.2|198\.51/);
      },
    },
    {
      title: "denies more than it allows",
      options: { allow: ["192.0.2.0/24"], deny: ["192.0.2.1"] },
      check({ reply }) {
        assert.equal(reply.status, 403);
      },
    },
    {
      title: "believes a trusted proxy on the client's address",
      options: { deny: ["203.0.113.7"] },
      peer: { trusted: true },
      request: { fields: { "x-forwarded-for": "203.0.113.7" } },
      check({ reply }) {
        assert.equal(reply.status, 403);
      },
    },
    {
      title: "believes nobody else on it",
      options: { allow: ["203.0.113.7"] },
      request: { fields: { "x-forwarded-for": "203.0.113.7" } },
      check({ reply }) {
        assert.equal(reply.status, 403);
      },
    },
  ],
  wire: {
    title: "refuses",
    options: { deny: ["127.0.0.0/8"] },
    check({ reply, sent }) {
      assert.deepEqual([reply.status, sent.length], [403, 0]);
    },
  },
});

test("ip-allow knows addresses in every spelling, and what is none is not let in", async () => {
  const cases: [options: { allow?: string[]; deny?: string[] }, address: string, status: number][] = [
    [{ deny: ["192.0.2.0/24"] }, "192.0.3.1", 200],
    [{ deny: ["192.0.2.0/24"] }, "::ffff:192.0.2.9", 403],
    [{ allow: ["2001:db8::/32"] }, "2001:DB8:0:0::1", 200],
    [{ allow: ["2001:db8::/32"] }, "2001:db9::1", 403],
    [{ allow: [] }, "192.0.2.1", 403],
    [{ deny: ["192.0.2.1"] }, "unknown", 403],
    [{ deny: ["192.0.2.1"] }, "192.0.2.1:4711", 403],
    [{ allow: ["0.0.0.0/0"] }, "unknown", 403],
    [{ deny: ["192.0.2.1"] }, "", 200],
    [{ allow: ["0.0.0.0/0"] }, "", 403],
  ];
  for (const [options, address, status] of cases) {
    const { reply } = await runPolicy(ipAllow, options, {}, { peer: { address } });
    assert.equal(reply.status, status, `${JSON.stringify(options)} ${address}`);
  }
});
