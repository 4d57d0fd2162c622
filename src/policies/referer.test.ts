import assert from "node:assert/strict";
import { test } from "node:test";
import { describePolicy, runPolicy } from "../testing/index.ts";
import { referer } from "./referer.ts";

describePolicy(referer, {
  refused: [
    { options: {}, message: /lets every page ask; write allow, deny or missing/ },
    { options: { allow: ["https://a.example/"] }, message: /allow\[0\]: not a host/ },
    { options: { deny: [{ regex: "(" }] }, message: /deny\[0\]/ },
  ],
  steps: [
    {
      title: "refuses a page of another site",
      options: { allow: ["shop.example"] },
      request: { fields: { referer: "https://thief.example/gallery" } },
      check({ reply, sent, exchange }) {
        assert.deepEqual([reply.status, sent.length], [403, 0]);
        assert.equal(exchange.outcome?.reason, "referer_denied");
      },
    },
    {
      title: "refuses who names no page, where it is told to",
      options: { missing: "refuse" },
      check: ({ exchange }) => assert.equal(exchange.outcome?.reason, "referer_missing"),
    },
  ],
  wire: {
    title: "refuses a page that is denied",
    options: { deny: ["*.thief.example"] },
    request: { fields: { referer: "https://www.thief.example/" } },
    check: ({ reply, sent }) => assert.deepEqual([reply.status, sent.length], [403, 0]),
  },
});

test("referer knows hosts from those that only look like them", async () => {
  const allow = ["b.example", "*.c.example", { regex: "https://d\\.example/open/.*" }];
  const cases: [page: string | undefined, status: number][] = [
    [undefined, 200],
    ["", 200],
    ["https://a.example/own", 200],
    ["https://b.example/", 200],
    ["http://B.example:8080/x", 200],
    ["https://x.b.example/", 403],
    ["https://x.c.example/", 200],
    ["https://c.example/", 403],
    ["https://xc.example/", 403],
    ["https://d.example/open/1", 200],
    ["https://d.example/closed", 403],
    ["https://e.example/?https://d.example/open/1", 403],
    ["https://b.example.evil.example/", 403],
    ["https://b.example@evil.example/", 403],
    ["nonsense", 403],
    ["about:blank", 403],
  ];
  for (const [page, status] of cases) {
    const fields: Record<string, string> = page === undefined ? {} : { referer: page };
    const { reply } = await runPolicy(referer, { allow }, { fields });
    assert.equal(reply.status, status, page ?? "no page");
  }
});
