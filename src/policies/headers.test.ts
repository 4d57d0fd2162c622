import assert from "node:assert/strict";
import { test } from "node:test";
import { Reply } from "../lib/reply.ts";
import { describePolicy, memoryGateway, runPolicy } from "../testing/index.ts";
import { headers } from "./headers.ts";

describePolicy(headers, {
  refused: [
    { options: { request: { set: { "bad name": "x" } } }, message: /request\.set\.bad name: not the name/ },
    { options: { request: { set: { "x-a": "a\r\nx-b: c" } } }, message: /request\.set\.x-a: not a value/ },
    {
      options: { response: { add: { "x-a": ["ok", "a\nb"] } } },
      message: /response\.add\.x-a\[1\]: not a value/,
    },
    {
      options: { request: { set: { "x-a": "${nothing}" } } },
      message: /there is no \$\{nothing\}; write one of request\.id/,
    },
    { options: { request: { set: { "x-a": "${request.id" } } }, message: /not closed/ },
    { options: { request: { set: { Host: "a" } } }, message: /rewrite: \{ host/ },
    { options: { request: { set: { "Content-Length": "1" } } }, message: /frames the message/ },
    { options: { request: { set: { content_length: "1" } } }, message: /frames the message/ },
    {
      options: { request: { remove: ["transfer-encoding"] } },
      message: /request\.remove\[0\].*frames the message/,
    },
    { options: { request: { remove: ["*"] } }, message: /not the name of a field/ },
    { options: { request: { rename: { connection: "x-c" } } }, message: /request\.rename\.connection/ },
    { options: { request: { rename: { "x-c": "Upgrade" } } }, message: /request\.rename\.x-c/ },
    { options: { request: { set: { "x-request-id": "1" } } }, message: /request-id decides it/ },
    { options: { response: { set: { connection: "close" } } }, message: /the gateway writes it itself/ },
    { options: { response: { set: { trailer: "x" } } }, message: /the gateway writes it itself/ },
  ],
  steps: [
    {
      title: "removes, renames, sets and adds, in this order",
      options: {
        request: {
          remove: ["X-Secret", "x-internal-*"],
          rename: { "X-Old": "x-new", "x-missing": "x-kept" },
          set: { "x-set": "ours" },
          add: { "x-more": ["two", "three"], "x-new": "beside" },
        },
      },
      request: {
        fields: {
          "X-Secret": "s",
          "X-Internal-User": "u",
          "x-internal-role": "r",
          "x-old": "moved",
          "x-new": "replaced",
          "x-kept": "kept",
          "X-Set": "theirs",
          "x-more": "one",
        },
      },
      check({ sent: [request] }) {
        const of = (name: string): string[] => request!.fields.all(name);
        assert.deepEqual(of("x-secret"), []);
        assert.deepEqual([...of("x-internal-user"), ...of("x-internal-role"), ...of("x-old")], []);
        assert.deepEqual(of("x-new"), ["moved", "beside"]);
        assert.deepEqual(of("x-kept"), ["kept"]);
        assert.deepEqual(of("x-set"), ["ours"]);
        assert.deepEqual(of("x-more"), ["one", "two", "three"]);
      },
    },
    {
      title: "fills variables in, and removes what comes out empty",
      options: {
        request: {
          set: {
            "x-from": "${client.address} as ${request.header.x-as}",
            "x-spoofed": "${request.header.x-absent}",
            "x-path": "${request.method} ${request.scheme}://${request.host}${request.path}${request.query}",
            "x-plain": "$${request.id}",
          },
        },
        response: { set: { "x-id": "${request.id}" } },
      },
      request: { target: "/a/b?c=d", host: "a.example:8080", fields: { "x-as": "me", "x-spoofed": "yes" } },
      check({ reply, sent: [request], exchange }) {
        assert.equal(request?.fields.get("x-from"), "192.0.2.1 as me");
        assert.equal(request?.fields.has("x-spoofed"), false);
        assert.equal(request?.fields.get("x-path"), "GET http://a.example/a/b?c=d");
        assert.equal(request?.fields.get("x-plain"), "${request.id}");
        assert.equal(reply.fields.get("x-id"), exchange.id);
      },
    },
    {
      title: "believes a trusted peer on the scheme, and nobody else",
      options: { request: { set: { "x-scheme": "${request.scheme}" } } },
      request: { fields: { "x-forwarded-proto": "https" } },
      peer: { trusted: true },
      check({ sent: [request] }) {
        assert.equal(request?.fields.get("x-scheme"), "https");
      },
    },
    {
      title: "edits each try on its own copy",
      options: { attempt: { set: { "x-service": "${service.name}" }, remove: ["x-drop"] } },
      request: { fields: { "x-drop": "1" } },
      check({ sent: [request], exchange }) {
        assert.equal(request?.fields.get("x-service"), "main");
        assert.equal(request?.fields.has("x-drop"), false);
        assert.equal(exchange.outgoing.fields.get("x-drop"), "1");
      },
    },
    {
      title: "edits answers: lists stay lists",
      options: {
        response: { remove: ["server"], add: { "set-cookie": "b=2" }, set: { "cache-control": "no-store" } },
      },
      service: () => Reply.text(200, "ok", { server: "x", "set-cookie": "a=1", "cache-control": "public" }),
      check({ reply }) {
        assert.deepEqual(reply.fields.all("set-cookie"), ["a=1", "b=2"]);
        assert.equal(reply.fields.has("server"), false);
        assert.equal(reply.fields.get("cache-control"), "no-store");
      },
    },
  ],
  wire: {
    title: "edits both ways",
    options: { request: { set: { "x-a": "1" } }, response: { set: { "x-b": "${request.path}" } } },
    request: { target: "/here" },
    check({ reply, sent: [request] }) {
      assert.equal(request?.fields.get("x-a"), "1");
      assert.equal(reply.fields.get("x-b"), "/here");
    },
  },
});

test("headers cannot be split by a parameter, whatever it holds", async () => {
  const gateway = memoryGateway({
    policies: [headers],
    config: {
      routes: [{ name: "all", match: { path: "/u/{id}" }, service: "main" }],
      policies: [
        {
          headers: {
            request: { set: { "x-id": "<${param.id}>" } },
            response: { set: { "x-id": "${param.id}" } },
          },
        },
      ],
    },
  });
  const { reply, sent } = await gateway.send({ target: "/u/a%0D%0Ax-evil:%201%25%C3%A9%20" });
  assert.equal(sent[0]?.fields.get("x-id"), "<a%0D%0Ax-evil: 1%25%C3%A9 >");
  assert.equal(reply.fields.get("x-id"), "a%0D%0Ax-evil: 1%25%C3%A9");
  assert.equal(sent[0]?.fields.has("x-evil"), false);
  gateway.close();
});

test("headers edits the gateway's own answers", async () => {
  const gateway = memoryGateway({
    policies: [headers],
    config: {
      routes: [{ name: "one", match: { path: "/one" }, service: "main" }],
      policies: [{ headers: { response: { set: { "strict-transport-security": "max-age=1" } } } }],
    },
  });
  const { reply } = await gateway.send({ target: "/other" });
  assert.deepEqual([reply.status, reply.fields.get("strict-transport-security")], [404, "max-age=1"]);
  gateway.close();
});

test("headers on a service may edit attempts and answers, not requests", async () => {
  const config = (options: object) => ({
    routes: [{ name: "all", service: "main" }],
    services: { main: { endpoints: ["http://main.example"], policies: [{ headers: options }] } },
  });
  assert.throws(
    () => memoryGateway({ policies: [headers], config: config({ request: { set: { a: "b" } } }) }),
    /headers acts before the service is known/,
  );
  const gateway = memoryGateway({ policies: [headers], config: config({ attempt: { set: { a: "b" } } }) });
  const { sent } = await gateway.send();
  assert.equal(sent[0]?.fields.get("a"), "b");
  gateway.close();
});

test("headers without edits is no step", async () => {
  const { exchange } = await runPolicy(headers, { request: {}, response: { set: {} } });
  assert.deepEqual([exchange.route.request, exchange.route.response], [undefined, undefined]);
});
