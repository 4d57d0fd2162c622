import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";
import { sharesPorts, workersOn } from "./port-sharing.ts";

test("there is one worker where the system does not share ports, and as many as are wanted elsewhere", () => {
  assert.deepEqual(
    ["linux", "freebsd", "darwin", "win32"].map((platform) => workersOn(4, platform)),
    [4, 4, 1, 1],
  );
});

test("this system does what is said of it", async () => {
  const server = createServer();
  const outcome = await new Promise<string>((resolve) => {
    server.once("error", ({ message }) => resolve(message));
    server.listen({ host: "127.0.0.1", port: 0, reusePort: true }, () => resolve("listens"));
  });
  server.close();
  assert.equal(outcome === "listens", sharesPorts(), outcome);
});
