import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { Connection } from "./open-loop-connection.ts";

const REQUEST = Buffer.from("GET / HTTP/1.1\r\nHost: a\r\n\r\n");

/** Sends requests one after the other to a server that answers as told; the events as words. */
async function talk(answer: (socket: Socket, request: number) => void, requests: number): Promise<string[]> {
  let served = 0;
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", () => {
      served += 1;
      answer(socket, served);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const words: string[] = [];
  let sent = 0;
  await new Promise<void>((done) => {
    const connection = new Connection((server.address() as AddressInfo).port, "127.0.0.1", {
      ready(self) {
        if (sent === requests) return done();
        sent += 1;
        self.send(REQUEST, 0);
      },
      answered: (_self, status) => words.push(`answered ${status}`),
      failed(_self, problem) {
        words.push(`failed: ${problem}`);
        done();
      },
    });
    connection.open();
    server.once("close", () => connection.close());
  });
  server.close();
  server.emit("close");
  return words;
}

test("answers in one piece, with and without a body", async () => {
  const words = await talk((socket, request) => {
    socket.write(
      request === 1
        ? "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"
        : "HTTP/1.1 404 No\r\ncontent-length:0\r\nvia: x\r\n\r\n",
    );
  }, 2);
  assert.deepEqual(words, ["answered 200", "answered 404"]);
});

test("an answer that comes byte by byte", async () => {
  const words = await talk((socket) => {
    const bytes = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello";
    let index = 0;
    const timer = setInterval(() => {
      socket.write(bytes[index]!);
      index += 1;
      if (index === bytes.length) clearInterval(timer);
    }, 1);
  }, 1);
  assert.deepEqual(words, ["answered 200"]);
});

test("an answer that announces the end of its connection is followed by a new connection", async () => {
  const words = await talk((socket) => {
    socket.end("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
  }, 3);
  assert.deepEqual(words, ["answered 200", "answered 200", "answered 200"]);
});

test("a connection that ends in the middle of an answer has failed", async () => {
  const words = await talk((socket) => {
    socket.end("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
  }, 1);
  assert.deepEqual(words, ["failed: closed by the peer"]);
});

test("an answer that is longer than announced, or of unknown length, has failed", async () => {
  const longer = await talk((socket) => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabc"), 1);
  assert.deepEqual(longer, ["failed: more bytes than content-length says"]);
  const unknown = await talk((socket) => socket.write("HTTP/1.1 200 OK\r\n\r\n"), 1);
  assert.deepEqual(unknown, ["failed: an answer without content-length"]);
});
