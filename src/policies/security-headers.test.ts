import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure } from "../errors/failure.ts";
import { Reply } from "../lib/reply.ts";
import { describePolicy, runPolicy } from "../testing/index.ts";
import { securityHeaders } from "./security-headers.ts";

describePolicy(securityHeaders, {
  refused: [
    { options: { frames: "maybe" }, message: /frames/ },
    { options: { contentSecurityPolicy: "a\r\nb: c" }, message: /not the value of a field/ },
    { options: { referrerPolicy: "" }, message: /not the value of a field/ },
    { options: { remove: ["content-length"] }, message: /remove\[0\].*frames the message/ },
    { options: { hsts: { maxAge: "long" } }, message: /not a time/ },
  ],
  steps: [
    {
      title: "says what is sensible, and nothing of what made the answer",
      options: {},
      service: () => Reply.text(200, "ok", { server: "Apache/2.4", "x-powered-by": "PHP/8", "x-kept": "1" }),
      check({ reply: { fields } }) {
        const said = Object.fromEntries(fields.entries());
        assert.equal(said["x-content-type-options"], "nosniff");
        assert.equal(said["x-frame-options"], "SAMEORIGIN");
        assert.equal(said["content-security-policy"], "frame-ancestors 'self'");
        assert.equal(said["referrer-policy"], "strict-origin-when-cross-origin");
        assert.match(said["permissions-policy"] ?? "", /camera=\(\)/);
        assert.equal(said["cross-origin-opener-policy"], "same-origin");
        assert.equal(said["cross-origin-resource-policy"], "same-origin");
        assert.equal(said["x-kept"], "1");
        for (const name of ["server", "x-powered-by", "strict-transport-security"])
          assert.equal(said[name], undefined, name);
      },
    },
    {
      title: "keeps what the service says itself",
      options: {},
      service: () =>
        Reply.text(200, "ok", {
          "x-frame-options": "DENY",
          "referrer-policy": "no-referrer",
          "content-security-policy": "default-src 'self'; frame-ancestors https://b.example",
        }),
      check({ reply: { fields } }) {
        assert.deepEqual(fields.all("x-frame-options"), ["DENY"]);
        assert.deepEqual(fields.all("referrer-policy"), ["no-referrer"]);
        assert.deepEqual(fields.all("content-security-policy"), [
          "default-src 'self'; frame-ancestors https://b.example",
        ]);
      },
    },
    {
      title: "adds frame-ancestors beside a policy that says nothing of frames",
      options: { frames: "deny" },
      service: () => Reply.text(200, "ok", { "content-security-policy": "default-src 'self'" }),
      check({ reply: { fields } }) {
        assert.deepEqual(fields.all("content-security-policy"), [
          "default-src 'self'",
          "frame-ancestors 'none'",
        ]);
      },
    },
    {
      title: "overrides what the service says",
      options: { existing: "override", contentSecurityPolicy: "default-src 'none'", referrerPolicy: false },
      service: () =>
        Reply.text(200, "ok", {
          "x-frame-options": "ALLOWALL",
          "referrer-policy": "unsafe-url",
          "content-security-policy": "default-src *",
        }),
      check({ reply: { fields } }) {
        assert.deepEqual(fields.all("x-frame-options"), ["SAMEORIGIN"]);
        assert.deepEqual(fields.all("referrer-policy"), ["unsafe-url"]);
        assert.deepEqual(fields.all("content-security-policy"), [
          "default-src 'none'",
          "frame-ancestors 'self'",
        ]);
      },
    },
    {
      title: "stands on the gateway's own answers",
      options: { frames: "allow" },
      service: () => new Failure("connect_failed"),
      check({ reply: { status, fields } }) {
        assert.equal(status, 502);
        assert.equal(fields.get("x-content-type-options"), "nosniff");
        assert.equal(fields.has("x-frame-options"), false);
        assert.equal(fields.has("content-security-policy"), false);
      },
    },
  ],
  wire: {
    title: "says it to a real client",
    options: {},
    check: ({ reply }) => assert.equal(reply.fields.get("x-content-type-options"), "nosniff"),
  },
});

test("browsers are told of https over https only", async () => {
  const over = async (scheme: string, options: object): Promise<string | undefined> => {
    const { reply } = await runPolicy(
      securityHeaders,
      options,
      { fields: { "x-forwarded-proto": scheme } },
      { peer: { trusted: true }, service: () => Reply.text(200, "ok", { "strict-transport-security": "x" }) },
    );
    return reply.fields.get("strict-transport-security");
  };
  const existing = "override";
  assert.equal(await over("https", { existing }), "max-age=31536000");
  assert.equal(await over("http", { existing }), "x");
  assert.equal(await over("https", {}), "x");
  assert.equal(await over("https", { existing, hsts: false }), "x");
  const hsts = { maxAge: "2d", includeSubdomains: true, preload: true };
  assert.equal(await over("https", { existing, hsts }), "max-age=172800; includeSubDomains; preload");
});
