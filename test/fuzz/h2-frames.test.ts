import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import {
  block,
  FramePeer,
  frame,
  headers,
  octets,
  PREFACE,
  request,
  settingsFrame,
} from "../support/frames.ts";
import { startGateway } from "../support/gateway.ts";
import { connectRaw, seeded } from "../support/raw.ts";
import { startService } from "../support/service.ts";
import { until } from "../support/wait.ts";

const CONNECTIONS = 300;

type Random = () => number;

function pick<T>(random: Random, all: readonly T[]): T {
  return all[Math.floor(random() * all.length)]!;
}

function noise(random: Random, length: number): string {
  return Array.from({ length }, () => String.fromCharCode(Math.floor(random() * 256))).join("");
}

/** A frame that is nearly right. */
function draft(random: Random): string {
  const stream = pick(random, [0, 1, 1, 3, 3, 5, 7, 9, 2, 0x7fff_ffff]);
  const kind = Math.floor(random() * 12);
  if (kind === 0) return noise(random, Math.floor(random() * 40));
  if (kind === 1) return settingsFrame([Math.floor(random() * 10), Math.floor(random() * 2 ** 32)]);
  if (kind < 6) {
    const path = pick(random, ["/", "/echo", "/large", "/never", "*", ""]);
    return headers(stream, request(pick(random, ["GET", "POST", "HEAD", "CONNECT"]), path), random() < 0.5);
  }
  const type = Math.floor(random() * 11);
  const flags = pick(random, [0, 1, 4, 5, 8, 9, 0x20, 0x2d, 0xff]);
  const payload = pick(random, [
    "",
    octets(Math.floor(random() * 2 ** 31), 4),
    "8 octets",
    "\0\0\0\0\x10",
    block(request()),
    noise(random, Math.floor(random() * 200)),
  ]);
  return frame(type, flags, stream, payload, random() < 0.05 ? Math.floor(random() * 20_000) : undefined);
}

test("whatever frames come, the gateway serves on and keeps nothing", async () => {
  const faults: Error[] = [];
  const noted = (warning: Error): unknown => faults.push(warning);
  process.on("warning", noted);
  const service = await startService((incoming, response) => {
    incoming.on("error", () => undefined);
    if (incoming.url === "/never") return;
    if (incoming.url === "/echo") incoming.pipe(response);
    else {
      incoming.resume();
      response.end(incoming.url === "/large" ? "x".repeat(300_000) : "here");
    }
  });
  const gateway = await startGateway({
    limits: { idleTimeout: "2s", headerTimeout: "2s" },
    services: { all: { endpoints: [service.url] } },
    routes: [{ name: "all", match: { path: "/*" }, service: "all" }],
  });
  for (let seed = 1; seed <= CONNECTIONS; seed++) {
    const random = seeded(seed);
    const raw = await connectRaw(gateway.port());
    raw.send(random() < 0.95 ? PREFACE + settingsFrame() : PREFACE.slice(0, 20));
    for (let i = 0; i < 30 && !raw.ended; i++) {
      raw.send(draft(random));
      if (random() < 0.3) await turn();
    }
    await turn();
    raw.close(random() < 0.5);
  }
  const peer = await FramePeer.open(gateway.port());
  peer.send(headers(1, request()));
  assert.equal((await peer.answer(1)).body, "here");
  peer.close();
  await until("all to be over", () => {
    const { inFlight, connections } = gateway.gateway.reading();
    return inFlight === 0 && [...connections].every(([, open]) => open === 0);
  });
  await gateway.stop();
  await service.stop();
  process.off("warning", noted);
  assert.deepEqual(faults, []);
});
