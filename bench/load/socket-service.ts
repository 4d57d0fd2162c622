/**
 * A service for long runs: answers each request with its x-bench-id, and WebSocket pings with pongs. Argument: PORT.
 * It knows frames of less than 126 bytes that come whole, which is what bench/lib/pinged-sockets.ts sends.
 */
import { createHash } from "node:crypto";
import { createServer } from "node:http";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const PING_BYTES = 10; // two of the head, four of the mask, four of content

const server = createServer((request, response) => {
  const id = String(request.headers["x-bench-id"]);
  request.resume();
  response.writeHead(200, { "content-type": "text/plain", "content-length": id.length });
  response.end(id);
});
server.on("upgrade", (request, socket) => {
  const key = String(request.headers["sec-websocket-key"]);
  const accept = createHash("sha1")
    .update(key + GUID)
    .digest("base64");
  const fields = `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}`;
  socket.write(`HTTP/1.1 101 Switching Protocols\r\n${fields}\r\n\r\n`);
  let held = Buffer.alloc(0);
  socket.on("error", () => {});
  socket.on("data", (chunk: Buffer) => {
    held = Buffer.concat([held, chunk]);
    for (; held.length >= PING_BYTES; held = held.subarray(PING_BYTES)) socket.write(pong(held));
  });
});
server.keepAliveTimeout = 120_000;
server.listen(Number(process.argv[2]), "127.0.0.1");

function pong(ping: Buffer): Buffer {
  const answer = Buffer.from([0x8a, 4, ...ping.subarray(6, PING_BYTES)]);
  for (let index = 0; index < 4; index += 1) answer[2 + index]! ^= ping[2 + index]!;
  return answer;
}
