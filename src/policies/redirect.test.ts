import assert from "node:assert/strict";
import { test } from "node:test";
import { describePolicy, memoryGateway, runPolicy, type TestRequest } from "../testing/index.ts";
import { redirect } from "./redirect.ts";

describePolicy(redirect, {
  refused: [
    { options: {}, message: /write either `to`, or some of/ },
    { options: { to: "/a", scheme: "https" }, message: /write either `to`, or some of/ },
    { options: { to: "/a", status: 200 }, message: /not a status that redirects/ },
    { options: { to: "//evil.example${nothing}" }, message: /there is no \$\{nothing\}/ },
    { options: { to: "javascript:alert(1)" }, message: /not a target that is safe/ },
    { options: { to: "${request.header.x-next}" }, message: /not a target that is safe/ },
    { options: { to: "https://${param.host}/" }, message: /not a target that is safe/ },
    { options: { to: "https://${request.header.host}/" }, message: /not a target that is safe/ },
    { options: { to: "https://a.example${param.rest}" }, message: /not a target that is safe/ },
    { options: { to: "https://a.example@${request.host}/" }, message: /not a target that is safe/ },
    { options: { to: "/a\r\nset-cookie: a=b" }, message: /cannot stand in an address/ },
    { options: { to: "/a b" }, message: /cannot stand in an address/ },
    { options: { path: "a" }, message: /path: not a path/ },
    { options: { host: "a.example/evil" }, message: /host: not a host/ },
    { options: { scheme: "ftp" }, message: /scheme/ },
  ],
  steps: [
    {
      title: "sends plain HTTP to HTTPS, with path and query",
      options: { scheme: "https", status: 308 },
      request: { target: "/a/b?c=d", host: "a.example:8080" },
      check({ reply, sent }) {
        assert.equal(sent.length, 0);
        assert.deepEqual([reply.status, reply.fields.get("location")], [308, "https://a.example/a/b?c=d"]);
      },
    },
    {
      title: "lets a request go on that is where it should be",
      options: { scheme: "https" },
      request: { fields: { "x-forwarded-proto": "https" } },
      peer: { trusted: true },
      check({ reply, sent }) {
        assert.deepEqual([reply.status, sent.length], [200, 1]);
      },
    },
    {
      title: "keeps the port where only the path changes",
      options: { path: "/new${request.path}", query: "" },
      request: { target: "/x?y", host: "a.example:8080" },
      check({ reply }) {
        assert.equal(reply.fields.get("location"), "http://a.example:8080/new/x");
      },
    },
    {
      title: "changes host and port",
      options: { host: "b.example", port: 8443, query: "from=${request.host}" },
      check({ reply }) {
        assert.deepEqual(
          [reply.status, reply.fields.get("location")],
          [302, "http://b.example:8443/?from=a.example"],
        );
      },
    },
    {
      title: "adds the request's query to that of the target, before its fragment",
      options: { to: "https://b.example/here?a=1#part", status: 303 },
      request: { target: "/x?b=2" },
      check({ reply }) {
        assert.equal(reply.fields.get("location"), "https://b.example/here?a=1&b=2#part");
      },
    },
    {
      title: "drops the query where it is told to",
      options: { to: "https://b.example/", keepQuery: false },
      request: { target: "/x?b=2" },
      check({ reply }) {
        assert.equal(reply.fields.get("location"), "https://b.example/");
      },
    },
  ],
  wire: {
    title: "redirects",
    options: { to: "https://b.example${request.path}", status: 301 },
    request: { target: "/a?b" },
    check({ reply, sent }) {
      assert.equal(sent.length, 0);
      assert.deepEqual([reply.status, reply.fields.get("location")], [301, "https://b.example/a?b"]);
      assert.equal(reply.body.length, 0);
    },
  },
});

test("redirect leads nowhere but where it was written to", async () => {
  const cases: [to: string, TestRequest, location: string][] = [
    ["${request.path}x", { target: "//evil.example/" }, "/evil.example/x"],
    ["/${request.header.x}", { fields: { x: "/evil.example" } }, "/%2Fevil.example"],
    ["/${request.header.x}/a", {}, "/a"],
    ["/${request.header.x}", { fields: { x: "\\evil.example" } }, "/%5Cevil.example"],
    ["/a?next=${request.header.x}", { fields: { x: "b&c=d#e" } }, "/a?next=b%26c%3Dd%23e"],
    ["/a/${request.query.q}", { target: "/?q=..%2F%0D%0Ax:y" }, "/a/..%2F%0D%0Ax%3Ay"],
    ["https://b.example${request.path}", { target: "/@evil.example" }, "https://b.example/@evil.example"],
    ["https://b.example${request.path}", { target: '/a"<b>' }, "https://b.example/a%22%3Cb%3E"],
    ["${request.scheme}://${request.host}/b", { host: "a.example:1" }, "http://a.example/b"],
    ["${request.scheme}://${request.authority}/b", { host: "a.example:1" }, "http://a.example:1/b"],
  ];
  for (const [to, request, location] of cases) {
    const { reply } = await runPolicy(redirect, { to, keepQuery: false }, request);
    assert.equal(reply.fields.get("location"), location, to);
  }
});

test("redirect on a route without a service uses its parameters, and never loops", async () => {
  const gateway = memoryGateway({
    policies: [redirect],
    config: {
      routes: [
        { name: "user", match: { path: "/u/{id}" }, policies: [{ redirect: { to: "/users/${param.id}" } }] },
        {
          name: "old",
          match: { path: "/old/*" },
          policies: [{ redirect: { to: "https://b.example${path.rest}" } }],
        },
        { name: "loop", match: { path: "/loop" }, policies: [{ redirect: { to: "/loop" } }] },
      ],
      services: {},
    },
  });
  const ask = async (target: string): Promise<unknown[]> => {
    const { reply, exchange } = await gateway.send({ target });
    return [reply.status, reply.fields.get("location"), exchange.outcome?.reason];
  };
  assert.deepEqual(await ask("/u/a%2F%2Fb%20%C3%A9"), [302, "/users/a%2F%2Fb%20%C3%A9", undefined]);
  assert.deepEqual(await ask("/old/x/y?z=1"), [302, "https://b.example/x/y?z=1", undefined]);
  assert.deepEqual(await ask("/old"), [302, "https://b.example", undefined]);
  assert.deepEqual(await ask("/old//evil.example"), [302, "https://b.example//evil.example", undefined]);
  assert.deepEqual(await ask("/loop"), [508, undefined, "redirect_loop"]);
  gateway.close();
});
