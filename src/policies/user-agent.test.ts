import assert from "node:assert/strict";
import { test } from "node:test";
import { describePolicy, runPolicy } from "../testing/index.ts";
import { userAgent } from "./user-agent.ts";

describePolicy(userAgent, {
  refused: [
    { options: {}, message: /lets every program in; write allow, deny or missing/ },
    { options: { missing: "allow" }, message: /lets every program in/ },
    { options: { deny: [""] }, message: /deny\[0\]/ },
    { options: { deny: [{ regex: "(" }] }, message: /not a regular expression/ },
  ],
  steps: [
    {
      title: "refuses a program that is denied",
      options: { deny: ["badbot"] },
      request: { fields: { "user-agent": "Mozilla/5.0 (compatible; BadBot/2.1)" } },
      check({ reply, sent, exchange }) {
        assert.deepEqual([reply.status, sent.length], [403, 0]);
        assert.equal(exchange.outcome?.reason, "user_agent_denied");
      },
    },
    {
      title: "refuses who says no name, where it is told to",
      options: { missing: "refuse" },
      check: ({ exchange }) => assert.equal(exchange.outcome?.reason, "user_agent_missing"),
    },
  ],
  wire: {
    title: "refuses a program that is not allowed",
    options: { allow: ["our-app/"] },
    request: { fields: { "user-agent": "curl/8" } },
    check: ({ reply, sent }) => assert.deepEqual([reply.status, sent.length], [403, 0]),
  },
});

test("user-agent matches texts in any case, expressions as written, and denies before it allows", async () => {
  type Options = Parameters<typeof runPolicy<typeof userAgent.options>>[1];
  const cases: [options: object, name: string | undefined, status: number][] = [
    [{ deny: ["bot"] }, "Googlebot/2.1", 403],
    [{ deny: ["BOT"] }, "googlebot", 403],
    [{ deny: [{ regex: "^curl/[0-7]\\." }] }, "curl/7.88", 403],
    [{ deny: [{ regex: "^curl/[0-7]\\." }] }, "curl/8.0", 200],
    [{ deny: [{ regex: "^Curl" }] }, "curl/7", 200],
    [{ deny: ["bot"] }, undefined, 200],
    [{ allow: ["app"] }, undefined, 403],
    [{ allow: ["app"] }, "", 403],
    [{ allow: ["app"], missing: "allow" }, undefined, 200],
    [{ allow: ["app"] }, "My-App/1", 200],
    [{ allow: ["app"], deny: ["app/1"] }, "My-App/1", 403],
    [{ deny: ["x"], max: 10 }, "a".repeat(10), 200],
    [{ deny: ["x"], max: 10 }, "a".repeat(11), 403],
  ];
  for (const [options, name, status] of cases) {
    const fields: Record<string, string> = name === undefined ? {} : { "user-agent": name };
    const { reply } = await runPolicy(userAgent, options as Options, { fields });
    assert.equal(reply.status, status, `${JSON.stringify(options)} ${name}`);
  }
});
