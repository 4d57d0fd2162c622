import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, createServer, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { BenchFailure } from "./failure.ts";
import type { StartPeer } from "./peer.ts";
import { verifyProxy } from "./verify.ts";

/** What a proxy may get wrong. */
interface Defects {
  /** Fields that it does not set upstream. */
  readonly without?: readonly string[];
  readonly noViaDownstream?: boolean;
  /** Bytes that it loses at the end of large answers. */
  readonly loses?: number;
  readonly closesUpstream?: boolean;
  readonly status?: number;
}

/** A proxy in this process, right but for its defects. */
function proxyWith(defects: Defects): StartPeer {
  return async ({ port, endpoints: [endpoint = 0] }) => {
    const agent = new Agent({ keepAlive: !defects.closesUpstream, maxSockets: 1 });
    const server = createServer((asked, answer) => {
      const added: Record<string, string> = {
        "x-forwarded-for": "127.0.0.1",
        "x-forwarded-proto": "http",
        "x-forwarded-host": asked.headers.host ?? "",
        via: "1.1 test",
        "x-request-id": randomUUID(),
      };
      for (const name of defects.without ?? []) delete added[name];
      const { method, url: path } = asked;
      const { connection: _, ...passed } = asked.headers;
      const headers = { ...passed, ...added };
      const forwarded = request({ port: endpoint, method, path, headers, agent }, async (got) => {
        const chunks: Buffer[] = [];
        for await (const chunk of got) chunks.push(chunk as Buffer);
        const body = Buffer.concat(chunks);
        const whole = body.length > 1_000 ? body.subarray(0, body.length - (defects.loses ?? 0)) : body;
        answer.writeHead(defects.status ?? 200, defects.noViaDownstream ? {} : { via: "1.1 test" });
        answer.end(whole);
      });
      asked.pipe(forwarded);
    });
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    const program = { output: "", assertAlive: () => {} };
    const stop = async (): Promise<void> => {
      agent.destroy();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    };
    return { name: "nginx", port, pid: process.pid, config: "", program, [Symbol.asyncDispose]: stop };
  };
}

async function verify(defects: Defects): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "torana-verify-"));
  try {
    await verifyProxy("nginx", proxyWith(defects), folder, 0);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("a proxy that does all the work passes", async () => {
  await assert.doesNotReject(verify({}));
});

const wrong: readonly [string, Defects, RegExp][] = [
  ["x-forwarded-for missing upstream", { without: ["x-forwarded-for"] }, /x-forwarded-for/],
  ["x-forwarded-proto missing upstream", { without: ["x-forwarded-proto"] }, /x-forwarded-proto/],
  ["x-forwarded-host missing upstream", { without: ["x-forwarded-host"] }, /x-forwarded-host/],
  ["via missing upstream", { without: ["via"] }, /saw via/],
  ["x-request-id missing upstream", { without: ["x-request-id"] }, /x-request-id/],
  ["via missing downstream", { noViaDownstream: true }, /answer has no via/],
  ["one byte of a large answer lost", { loses: 1 }, /arrived changed/],
  ["another status", { status: 206 }, /GET answered 206/],
  ["a connection for each request", { closesUpstream: true }, /opened 20 connections/],
];
for (const [name, defects, message] of wrong)
  test(`a proxy is refused: ${name}`, async () => {
    await assert.rejects(
      verify(defects),
      (error) => error instanceof BenchFailure && message.test(error.message),
    );
  });
