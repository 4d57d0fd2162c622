import assert from "node:assert/strict";
import { test } from "node:test";
import { problemOf, request } from "../support/client.ts";
import { refusals } from "../support/gateway.ts";
import { startService } from "../support/service.ts";
import { stage, stageOf } from "../support/stage.ts";

test("what is matched is what is forwarded: the plain spelling, the query as it was", async (t) => {
  const [open, secret] = await Promise.all(
    ["open", "secret"].map((name) =>
      startService((incoming, outgoing) => void outgoing.end(`${name} ${incoming.url}`)),
    ),
  );
  const { ask } = await stageOf(t, [open!, secret!], {
    routes: [
      { name: "open", match: { path: "/open/*" }, service: "open" },
      { name: "secret", match: { path: "/secret/*" }, service: "secret" },
    ],
    services: { open: { endpoints: [open!.url] }, secret: { endpoints: [secret!.url] } },
  });
  const expected: Record<string, string> = {
    "/open/x": "open /open/x",
    "/open/../secret/x": "secret /secret/x",
    "/open/%2e%2e/secret/x": "secret /secret/x",
    "//open//x": "open /open/x",
    "/%6fpen/%7ex?a=%61//../b": "open /open/~x?a=%61//../b",
    "/open/a%2fb%5c": "open /open/a%2Fb%5C",
    "/open/a\\b": "open /open/a%5Cb",
    "http://a.example/open/./x?q": "open /open/x?q",
  };
  const seen: Record<string, string> = {};
  for (const target of Object.keys(expected)) seen[target] = (await ask(request(`GET ${target}`))).text;
  assert.deepEqual(seen, expected);
});

test("a path that is refused is answered with 400 and counted, and its connection ends", async (t) => {
  const service = await startService((incoming, outgoing) => {
    incoming.resume();
    outgoing.end(incoming.url);
  });
  const { ask, connect, gateway } = await stage(t, service);
  const refused = ["/..", "/a/%2e%2e/../b", "/%00", "/%c0%af", "/a/..%2fb"];
  for (const target of refused)
    assert.equal(problemOf(await ask(request(`GET ${target}`)), 400)["reason"], "path_invalid");
  const head = await ask(request("HEAD /.."), "HEAD");
  assert.equal(head.status, 400);
  const client = await connect();
  await client.send(Buffer.concat([request("POST /..", {}, "some content"), request("GET /behind")]));
  const response = await client.response();
  assert.equal(problemOf(response, 400)["reason"], "path_invalid");
  assert.equal(response.closes, true);
  assert.equal(await client.closed(), "");
  assert.deepEqual(service.targets, []);
  assert.equal(refusals(gateway, "path_invalid"), refused.length + 2);
});

test("slashes and encoded slashes follow the config", async (t) => {
  const service = await startService((incoming, outgoing) => void outgoing.end(incoming.url));
  const keeping = await stage(t, service, { paths: { slashes: "keep", encodedSlash: "decode" } });
  assert.equal((await keeping.ask(request("GET //a//b%2fc"))).text, "//a//b/c");
  const again = await startService((incoming, outgoing) => void outgoing.end(incoming.url));
  const refusing = await stage(t, again, { paths: { slashes: "refuse", encodedSlash: "refuse" } });
  for (const target of ["//a", "/a%2Fb", "/a%5cb"])
    problemOf(await refusing.ask(request(`GET ${target}`)), 400);
  assert.equal((await refusing.ask(request("GET /a/b"))).text, "/a/b");
});

test("OPTIONS * stays as it is", async (t) => {
  const service = await startService((incoming, outgoing) => void outgoing.end(incoming.url));
  const { ask } = await stage(t, service);
  assert.equal((await ask(request("OPTIONS *"), "OPTIONS")).text, "*");
});
