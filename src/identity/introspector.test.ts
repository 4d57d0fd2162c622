import assert from "node:assert/strict";
import { test } from "node:test";
import { Fields } from "../lib/fields.ts";
import { CallFailed, type CallReply } from "../pipeline/calls.ts";
import { testClock } from "../testing/index.ts";
import { compileClaims } from "./claim-rules.ts";
import { Introspector } from "./introspector.ts";
import { TokenMemory } from "./token-cache.ts";

/** A server that is there for some tokens only, and the lines that the gateway's log has of it. */
function stage() {
  const clock = testClock();
  const lines: string[] = [];
  const call = async ({ body }: { readonly body?: unknown }): Promise<CallReply> => {
    if (/token=bad/.test(String(body))) throw new CallFailed("connect_failed", "id.example: ECONNRESET");
    const answer = JSON.stringify({ active: true, sub: "alice", org: { groups: ["a"] } });
    return { status: 200, fields: new Fields(), body: Buffer.from(answer), trailers: undefined };
  };
  const introspector = new Introspector(
    {
      to: { url: "https://id.example/introspect" },
      name: "https://id.example/introspect",
      login: { clientId: "gateway", clientSecret: "hush", auth: "basic" },
      caller: { call },
      clock,
      ...{ timeout: 1_000, cacheFor: 0, inactiveFor: 0, max: 4_096 },
      ...{ issuer: undefined, audience: [], required: [], scopes: [], check: compileClaims({}) },
      tell: (line) => void lines.push(line),
    },
    new TokenMemory(),
  );
  return { clock, lines, introspector };
}

test("a server that fails now and then is told of once a minute, not once a request", async () => {
  const { clock, lines, introspector } = stage();
  for (let i = 0; i < 20; i++)
    assert.equal(
      typeof (await introspector.introspect(i % 2 === 0 ? "bad" : "good")),
      i % 2 ? "object" : "string",
    );
  assert.deepEqual(lines, [
    "https://id.example/introspect: tokens cannot be introspected (id.example: ECONNRESET)",
  ]);
  clock.advance(60_000);
  await introspector.introspect("bad");
  assert.equal(lines.length, 2);
});

test("what a server says of a token no policy can change for the next request", async () => {
  const found = await stage().introspector.introspect("good");
  assert.ok(typeof found === "object" && "claims" in found);
  const { org } = found.claims as { org: { groups: string[] } };
  assert.throws(() => org.groups.push("admins"), /not extensible/);
});
