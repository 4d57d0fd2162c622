import assert from "node:assert/strict";
import { Agent, request } from "node:http";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { F, frame, headers, octets, T } from "../support/frames.ts";
import { startGateway } from "../support/gateway.ts";
import { startFrameService } from "../support/h2-service.ts";
import { Random } from "../support/random.ts";
import { within } from "../support/wait.ts";

const REQUESTS = 300;
const AT_ONCE = 20;

/** An answer that is one, nearly one, or none. */
function answerTo(stream: number, random: Random): string {
  const fields: [string, string][] = [[":status", ["200", "204", "304", "103", "500"][random.below(5)]!]];
  if (random.below(3) === 0) fields.push(["content-length", String(random.below(30))]);
  let out = headers(stream, fields, random.below(3) === 0);
  for (let i = random.below(4); i > 0; i--)
    out += frame(T.data, random.below(4) === 0 ? F.endStream : 0, stream, "x".repeat(random.below(2_000)));
  if (random.below(2) === 0) out += headers(stream, [["grpc-status", "0"]]);
  if (random.below(8) === 0) out += frame(T.reset, 0, stream, octets(random.below(14), 4));
  if (random.below(20) === 0) out += frame(T.goAway, 0, 0, octets(stream, 4) + octets(0, 4));
  if (random.below(10) === 0)
    out += frame(T.window, 0, random.below(2) * stream, octets(random.below(100_000), 4));
  if (random.below(10) === 0) out += frame(T.settings, 0, 0, octets(4, 2) + octets(random.below(200_000), 4));
  if (random.below(3) > 0) return out;
  const bytes = [...out];
  for (let i = random.below(3); i >= 0; i--)
    bytes[random.below(bytes.length)] = String.fromCharCode(random.below(256));
  return bytes.join("");
}

test(`${REQUESTS} requests to a service that sends nearly anything each come to an end, and nothing breaks`, async (t) => {
  const random = new Random(17);
  const service = await startFrameService(async (connection) => {
    connection.greet(random.below(3) === 0 ? [4, random.below(100_000), 3, 1 + random.below(5)] : []);
    for (let nth = 1; !connection.socket.destroyed; nth++) {
      const stream = await connection.request(nth);
      let out = answerTo(stream, random);
      while (out.length > 0) {
        const length = 1 + random.below(out.length);
        connection.send(out.slice(0, length));
        out = out.slice(length);
        if (random.below(3) === 0) await turn();
      }
    }
  });
  const timeouts = { connect: "1s", response: "300ms", idle: "300ms" };
  const gateway = await startGateway({
    routes: [{ name: "all", service: "main" }],
    services: { main: { endpoints: [service.url], timeouts, connections: { waitTimeout: "1s" } } },
  });
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  const warnings: string[] = [];
  const warned = (warning: Error): void => {
    warnings.push(String(warning.stack));
  };
  process.on("warning", warned);
  t.after(async () => {
    process.off("warning", warned);
    agent.destroy();
    await gateway.stop();
    await service.stop();
  });
  const ask = (nth: number): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const options = { port: gateway.port(), method: nth % 2 === 0 ? "POST" : "GET", agent };
    const asked = request(options, (response) => {
      response.on("end", resolve).on("error", () => resolve());
      response.resume();
    });
    asked.on("error", () => resolve());
    asked.end(nth % 2 === 0 ? Buffer.alloc(random.below(100_000)) : undefined);
    return within(`the end of request ${nth}`, promise);
  };
  for (let nth = 0; nth < REQUESTS; nth += AT_ONCE)
    await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => ask(nth + i)));
  assert.deepEqual(warnings, []);
});
