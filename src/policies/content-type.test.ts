import assert from "node:assert/strict";
import { test } from "node:test";
import { describePolicy, runPolicy, type TestRequest } from "../testing/index.ts";
import { contentType } from "./content-type.ts";

const post = (type: string | undefined, body: TestRequest["body"] = "{}"): TestRequest => ({
  method: "POST",
  body,
  ...(type !== undefined && { fields: { "content-type": type } }),
});

describePolicy(contentType, {
  refused: [
    { options: {}, message: /takes everything; write types, methods or produces/ },
    { options: { types: [] }, message: /types/ },
    { options: { types: ["json"] }, message: /types\[0\]: not a media type/ },
    { options: { types: ["text/html; charset=utf-8"] }, message: /without parameters/ },
    { options: { methods: { "GE T": ["a/b"] } }, message: /methods/ },
    { options: { produces: ["*/*"] }, message: /produces\[0\]: not a media type/ },
  ],
  steps: [
    {
      title: "takes what is listed",
      options: { types: ["application/json"] },
      request: post("application/json; charset=UTF-8"),
      check: ({ reply, sent }) => assert.deepEqual([reply.status, sent.length], [200, 1]),
    },
    {
      title: "refuses another type and says what it takes",
      options: { types: ["application/json", "application/*+json", "text/csv"] },
      request: post("text/xml"),
      check({ reply, sent, exchange }) {
        assert.deepEqual([reply.status, sent.length], [415, 0]);
        assert.equal(exchange.outcome?.reason, "content_type_unsupported");
        assert.equal(reply.fields.get("accept"), "application/json, text/csv");
      },
    },
    {
      title: "refuses a body without a type",
      options: { types: ["application/json"] },
      request: post(undefined, ["{", "}"]),
      check: ({ reply, exchange }) =>
        assert.deepEqual([reply.status, exchange.outcome?.reason], [415, "content_type_missing"]),
    },
    {
      title: "refuses another charset",
      options: { types: ["text/*"] },
      request: post("text/plain; charset=utf-16"),
      check: ({ exchange }) => assert.equal(exchange.outcome?.reason, "content_charset_unsupported"),
    },
    {
      title: "refuses a client that takes nothing of what there is",
      options: { produces: ["application/json"] },
      request: { fields: { accept: "text/html" } },
      check: ({ reply, exchange }) =>
        assert.deepEqual([reply.status, exchange.outcome?.reason], [406, "not_acceptable"]),
    },
  ],
  wire: {
    title: "refuses another type",
    options: { types: ["application/json"] },
    request: post("text/plain"),
    check: ({ reply, sent }) => assert.deepEqual([reply.status, sent.length], [415, 0]),
  },
});

test("content-type asks bodies only, each method by its own list", async () => {
  const options = { types: ["application/json"], methods: { PUT: ["image/*"], PATCH: ["*/*"] } };
  const cases: [request: TestRequest, status: number][] = [
    [{}, 200],
    [{ fields: { "content-type": "nonsense" } }, 200],
    [{ method: "POST" }, 200],
    [post(undefined, ""), 200],
    [post("APPLICATION/json"), 200],
    [post("application/jsonp"), 415],
    [post("application/json, text/xml"), 415],
    [post("application/json; charset=utf-8; charset=utf-7"), 415],
    [{ ...post("image/png"), method: "PUT" }, 200],
    [{ ...post("application/json"), method: "PUT" }, 415],
    [{ ...post("a/b"), method: "PATCH" }, 200],
    [{ ...post("a"), method: "PATCH" }, 415],
    [{ ...post("text/xml"), method: "DELETE" }, 415],
  ];
  for (const [request, status] of cases) {
    const { reply } = await runPolicy(contentType, options, request);
    assert.equal(reply.status, status, JSON.stringify(request));
  }
  const lax = { types: ["text/*"], missing: "allow", charsets: [] } as const;
  assert.equal((await runPolicy(contentType, lax, post(undefined))).reply.status, 200);
  assert.equal((await runPolicy(contentType, lax, post("text/plain; charset=utf-16"))).reply.status, 200);
});
