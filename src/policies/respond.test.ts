import assert from "node:assert/strict";
import { test } from "node:test";
import { describePolicy, memoryGateway, runPolicy } from "../testing/index.ts";
import { respond } from "./respond.ts";

describePolicy(respond, {
  refused: [
    { options: { status: 101 }, message: /status/ },
    { options: { status: 600 }, message: /status/ },
    { options: { status: 204, body: "x" }, message: /an answer with 204 has no body/ },
    { options: { body: "x", json: {} }, message: /excludes body/ },
    { options: { body: "${oops}" }, message: /body: there is no \$\{oops\}/ },
    { options: { json: { a: ["${oops}"] } }, message: /json: there is no \$\{oops\}/ },
    { options: { headers: { "x-a": "a\nb" } }, message: /headers\.x-a: not a value/ },
    { options: { headers: { "content-length": "7" } }, message: /frames the message/ },
    { options: { contentType: "a\r\nb" }, message: /not a media type/ },
  ],
  steps: [
    {
      title: "answers with a text of its own",
      options: { status: 503, body: "Back at 12 o’clock.", headers: { "retry-after": "60" } },
      check({ reply, sent, exchange }) {
        assert.equal(sent.length, 0);
        assert.equal(reply.status, 503);
        assert.equal(Buffer.from(reply.body).toString(), "Back at 12 o’clock.");
        assert.equal(reply.fields.get("content-type"), "text/plain; charset=utf-8");
        assert.equal(reply.fields.get("retry-after"), "60");
        assert.equal(exchange.outcome?.reason, undefined);
      },
    },
    {
      title: "answers with nothing but a status",
      options: { status: 204 },
      check({ reply }) {
        assert.deepEqual(
          [reply.status, reply.body.length, reply.fields.has("content-type")],
          [204, 0, false],
        );
      },
    },
    {
      title: "fills variables in where the document has texts, whatever they hold",
      options: { json: { id: "${request.id}", who: ["${request.header.who}", 1, null, true], "a b": {} } },
      request: { fields: { who: Buffer.from('"é\\').toString("latin1") } },
      check({ reply, exchange }) {
        assert.deepEqual(JSON.parse(Buffer.from(reply.body).toString()), {
          id: exchange.id,
          who: ['"é\\', 1, null, true],
          "a b": {},
        });
        assert.equal(reply.fields.get("content-type"), "application/json");
      },
    },
    {
      title: "escapes variables in HTML",
      options: { body: "<p>${request.header.x}</p>", contentType: "text/html" },
      request: { fields: { x: "<script>&\"'" } },
      check({ reply }) {
        assert.equal(Buffer.from(reply.body).toString(), "<p>&lt;script&gt;&amp;&quot;&#39;</p>");
      },
    },
    {
      title: "escapes variables in JSON that is written as a text",
      options: { body: '{"x":"${request.header.x}"}', contentType: "application/json" },
      request: { fields: { x: '","y":"' } },
      check({ reply }) {
        assert.deepEqual(JSON.parse(Buffer.from(reply.body).toString()), { x: '","y":"' });
      },
    },
  ],
  wire: {
    title: "answers",
    options: { status: 200, json: { ok: true }, headers: { "cache-control": "no-store" } },
    check({ reply, sent }) {
      assert.equal(sent.length, 0);
      assert.equal(Buffer.from(reply.body).toString(), '{"ok":true}');
      assert.equal(reply.fields.get("content-length"), "11");
      assert.equal(reply.fields.get("cache-control"), "no-store");
    },
  },
});

test("respond gives one answer to many exchanges, each with fields of its own", async () => {
  const gateway = memoryGateway({
    policies: [respond],
    config: { policies: [{ respond: { body: "hello" } }] },
  });
  const first = await gateway.send();
  const second = await gateway.send();
  assert.notEqual(first.reply.fields, second.reply.fields);
  assert.equal(Buffer.from(second.reply.body).toString(), "hello");
  gateway.close();
});

test("respond makes a service needless; a route without either is refused", async () => {
  const routes = (policies: object[]) => ({ routes: [{ name: "fixed", policies }], services: {} });
  assert.throws(
    () => memoryGateway({ policies: [respond], config: routes([]) }),
    /routes\[0\]: leads nowhere; name a service, or a policy that answers such as respond/,
  );
  const gateway = memoryGateway({ policies: [respond], config: routes([{ respond: {} }]) });
  assert.equal((await gateway.send()).reply.status, 200);
  gateway.close();
});

test("respond renders what a path holds", async () => {
  const { reply } = await runPolicy(
    respond,
    { body: "${request.method} ${request.path}" },
    { target: "/a%20b" },
  );
  assert.equal(Buffer.from(reply.body).toString(), "GET /a%20b");
});
