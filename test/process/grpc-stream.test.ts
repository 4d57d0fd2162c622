/**
 * A stream of messages both ways at once through the real program, whose memory stays where it is. The long form:
 *
 *     TORANA_STREAM_MB=1024 node --test test/process/grpc-stream.test.ts
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { echoClient, type Message, startEcho } from "../support/grpc.ts";
import { ProcessStage } from "../support/process.ts";
import { within } from "../support/wait.ts";

const MB = 1_048_576;
const TOTAL: number = Number(process.env["TORANA_STREAM_MB"] ?? 48) * MB;
const PIECE = 64 * 1_024;
/** Memory that the program may take beyond what it had after the first part of the stream. */
const GROWTH_MAX: number = 64 * MB;

/** Bytes of a process that are in RAM. */
function resident(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kilobytes) * 1_024;
}

const skip = process.platform === "linux" ? false : "it reads /proc";

test(`a call streams ${TOTAL / MB} MB each way, and the gateway's memory stays flat`, { skip }, async (t) => {
  await using stage = new ProcessStage();
  const service = await startEcho();
  t.after(() => service.stop());
  stage.write({
    workers: 1,
    listeners: [{ name: "public", address: "127.0.0.1:0" }],
    routes: [{ name: "all", service: "main" }],
    services: { main: { endpoints: [service.url] } },
  });
  const { process: gateway, port } = await stage.run();
  const pid = gateway.child.pid!;
  const client = echoClient(port);
  t.after(() => client.close());
  const call = client.chat();
  const over = once(call, "status");
  const data = Buffer.alloc(PIECE);
  let received = 0;
  let wrong = 0;
  let early = 0;
  let most = 0;
  call.on("data", (message: Message) => {
    if (message.count !== received / PIECE || message.data.length !== PIECE) wrong++;
    received += message.data.length;
    if (received % (4 * MB) !== 0) return;
    if (received <= TOTAL / 4) early = Math.max(early, resident(pid));
    else most = Math.max(most, resident(pid));
  });
  for (let sent = 0; sent < TOTAL; sent += PIECE)
    if (!call.write({ data, count: sent / PIECE }))
      await within("the stream to go on", once(call, "drain"), 60_000);
  call.end();
  const [{ code }] = await within("the end of the stream", over, 120_000);
  assert.deepEqual([code, received, wrong], [0, TOTAL, 0]);
  t.diagnostic(`${early / MB} MB in the first quarter, ${most / MB} MB at most later`);
  assert.ok(most - early < GROWTH_MAX, `${early / MB} MB early, ${most / MB} MB later`);
});

test("a reload in the middle of a stream changes nothing for it", async (t) => {
  await using stage = new ProcessStage();
  const service = await startEcho();
  t.after(() => service.stop());
  const config = (...policies: object[]): object => ({
    workers: 1,
    listeners: [{ name: "public", address: "127.0.0.1:0" }],
    routes: [{ name: "all", service: "main", policies }],
    services: { main: { endpoints: [service.url] } },
  });
  stage.write(config());
  const { process: gateway, port } = await stage.run();
  const client = echoClient(port);
  t.after(() => client.close());
  const call = client.chat();
  const turn = async (count: number): Promise<number> => {
    const answered = once(call, "data");
    call.write({ count });
    return ((await within(`turn ${count}`, answered)) as [Message])[0].count;
  };
  assert.equal(await turn(1), 1);
  stage.write(config({ "ip-allow": { allow: ["192.0.2.1"] } }));
  await gateway.says(/generation 2 serves/);
  assert.equal(await turn(2), 2);
  // A new call over the same connection is refused by the new config.
  const refused = client.chat();
  const { promise: told, resolve: tell } = Promise.withResolvers<number>();
  refused.on("error", () => undefined).on("status", ({ code }) => tell(code));
  assert.equal(await within("the refusal", told), 7);
  assert.equal(await turn(3), 3);
  const over = once(call, "status");
  call.end();
  call.resume();
  assert.equal((await within("the end", over))[0].code, 0);
});
