/**
 * A service that can be killed at any time: it notes each request that it begins, and each that it has answered,
 * in a file that outlives it. Arguments: PORT FILE.
 */
import { openSync, writeSync } from "node:fs";
import { createServer } from "node:http";

const WORK_MS = 20; // long enough that every kill meets requests that were begun

const [port = "", file = ""] = process.argv.slice(2);
const log = openSync(file, "a");

const server = createServer((request, response) => {
  const id = String(request.headers["x-bench-id"]);
  writeSync(log, `begun ${id}\n`);
  request.resume();
  response.on("finish", () => writeSync(log, `answered ${id}\n`));
  setTimeout(() => {
    response.writeHead(200, {
      "content-type": "text/plain",
      "content-length": id.length,
      "x-endpoint": port,
    });
    response.end(id);
  }, WORK_MS);
});
server.keepAliveTimeout = 120_000; // this is about restarts, not about idle connections
server.listen(Number(port), "127.0.0.1");
