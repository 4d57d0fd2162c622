import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { BodySink, BodySource } from "../lib/body.ts";
import type { Tunnel } from "../lib/reply.ts";
import { testClock } from "../testing/index.ts";
import type { Exchange } from "./exchange.ts";
import { guardTunnel, type TunnelLimits } from "./tunnel-guard.ts";

const NONE: TunnelLimits = { idle: 0, lifetime: 0, grace: 0 };

/** A guarded tunnel whose clock stands still until it is told to go on. */
function guarded(limits: Partial<TunnelLimits>) {
  const clock = testClock();
  const told: string[] = [];
  const taken: string[] = [];
  let over = (): void => undefined;
  const sources: BodySink[] = [];
  const source: BodySource = {
    length: undefined,
    start: (sink) => void sources.push(sink),
    resume: () => void taken.push("resume"),
    cancel: () => void taken.push("cancel"),
  };
  const sink: BodySink = {
    data: (chunk) => taken.push(String(chunk)) > 0,
    end: () => void taken.push("end"),
    fail: ({ code }) => void taken.push(code),
  };
  const inner: Tunnel = {
    incoming: source,
    outgoing: { ...sink, write: (from) => from.start(sink) },
    abort: () => void taken.push("abort"),
  };
  const x = {
    snapshot: { clock },
    downstream: { goAway: () => void told.push("goAway") },
    endsFor: (code: string) => void told.push(code),
    onEnd: (fn: () => void) => {
      over = fn;
    },
  } as unknown as Exchange;
  const tunnel = guardTunnel(x, inner, { ...NONE, ...limits });
  return { clock, told, taken, tunnel, source, sources, sink, over: () => over() };
}

test("what passes keeps a tunnel; silence ends it, once", async () => {
  const { clock, told, tunnel, source, sources, sink, over } = guarded({ idle: 10 });
  tunnel.incoming.start(sink);
  tunnel.outgoing.write(source);
  for (let round = 0; round < 4; round++) {
    clock.advance(9);
    sources[round % 2]!.data("piece");
    await sleep(15);
    assert.deepEqual(told, []);
  }
  clock.advance(10);
  await sleep(30);
  assert.deepEqual(told, ["tunnel_idle", "goAway"]);
  await sleep(30);
  assert.equal(told.length, 2);
  over();
});

test("a tunnel ends at its greatest age, however much passes", async () => {
  const { clock, told, tunnel, sources, sink, over } = guarded({ lifetime: 20 });
  tunnel.incoming.start(sink);
  clock.advance(19);
  sources[0]!.data("piece");
  await sleep(30);
  assert.deepEqual(told, []);
  clock.advance(1);
  await sleep(30);
  assert.deepEqual(told, ["tunnel_expired", "goAway"]);
  over();
});

test("an exchange that is over is not told to go", async () => {
  const { clock, told, over } = guarded({ idle: 5, lifetime: 5 });
  clock.advance(100);
  over();
  await sleep(20);
  assert.deepEqual(told, []);
});

test("all of a tunnel passes through its guard", () => {
  for (const limits of [{ grace: 7 }, { idle: 1_000, grace: 7 }]) {
    const { tunnel, taken, source, sources, sink, over } = guarded(limits);
    assert.equal(tunnel.grace, 7);
    tunnel.incoming.start(sink);
    tunnel.outgoing.write(source);
    for (const from of sources) {
      assert.equal(from.data("piece"), true);
      from.end();
      from.fail({ code: "body_cut" });
    }
    tunnel.incoming.resume();
    tunnel.incoming.cancel();
    assert.equal(tunnel.outgoing.data("direct"), true);
    tunnel.outgoing.end();
    tunnel.outgoing.fail({ code: "client_left" });
    tunnel.abort();
    const passed = ["piece", "end", "body_cut"];
    const direct = ["direct", "end", "client_left", "abort"];
    assert.deepEqual(taken, [...passed, ...passed, "resume", "cancel", ...direct]);
    over();
  }
});
