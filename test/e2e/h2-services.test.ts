import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { connect as connectHttp2, type IncomingHttpHeaders } from "node:http2";
import { createServer } from "node:net";
import { test } from "node:test";
import { chunked, request } from "../support/client.ts";
import { F, frame, headers, octets, T } from "../support/frames.ts";
import { H2Service, startFrameService, startH2Service } from "../support/h2-service.ts";
import { Random } from "../support/random.ts";
import { stage } from "../support/stage.ts";
import { until, within } from "../support/wait.ts";

test("a request goes out by HTTP/2 and its answer comes back by HTTP/1.1", async (t) => {
  const service = await startH2Service((stream, headers) => {
    stream.respond({ ":status": 201, "content-type": "text/plain", "x-path": String(headers[":path"]) });
    stream.end(`${headers[":method"]} ${headers[":authority"]} ${headers[":scheme"]}`);
  });
  const { ask } = await stage(t, service);
  const response = await ask(request("GET /a/b?c=d", { Host: "shop.example", Cookie: "a=b; c=d" }));
  assert.equal(response.status, 201);
  assert.equal(response.text, "GET shop.example http");
  assert.equal(response.field("x-path"), "/a/b?c=d");
  assert.equal(response.field("via"), "2 torana");
  const fields = Object.fromEntries(service.seen[0]!.fields);
  assert.equal(fields["cookie"], "a=b; c=d");
  assert.equal(fields["via"], "1.1 torana");
  for (const name of ["host", "connection", "keep-alive", "transfer-encoding", "te"])
    assert.equal(fields[name], undefined, name);
});

test("protocol: http2 makes an http:// endpoint one of HTTP/2", async (t) => {
  const service = await startH2Service((stream) => {
    stream.respond({ ":status": 200 });
    stream.end("two");
  });
  const url = service.url.replace("h2c:", "http:");
  const { ask } = await stage(t, [], { services: { main: { endpoints: [url], protocol: "http2" } } });
  t.after(() => service.stop());
  assert.equal((await ask(request("GET /"))).text, "two");
});

test("100 requests at a time share one connection", async (t) => {
  const waiting: (() => void)[] = [];
  const service = await startH2Service((stream, headers) => {
    waiting.push(() => {
      stream.respond({ ":status": 200 });
      stream.end(String(headers[":path"]));
    });
    if (waiting.length === 100) for (const go of waiting) go();
  });
  const { ask } = await stage(t, service);
  const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => ask(request(`GET /${i}`))));
  assert.deepEqual(
    answers.map(({ text }) => text),
    Array.from({ length: 100 }, (_, i) => `/${i}`),
  );
  assert.equal(service.connections, 1);
});

test("more streams than the service takes wait, or get another connection", async (t) => {
  let open = 0;
  let most = 0;
  const service = await startH2Service(
    (stream) => {
      open++;
      most = Math.max(most, open);
      setTimeout(() => {
        open--;
        stream.respond({ ":status": 200 });
        stream.end();
      }, 5);
    },
    { settings: { maxConcurrentStreams: 3 } },
  );
  const { ask } = await stage(t, service, {}, { connections: { max: 2 } });
  const answers = await Promise.all(Array.from({ length: 40 }, () => ask(request("GET /"))));
  assert.ok(answers.every(({ status }) => status === 200));
  assert.equal(service.connections, 2);
  assert.ok(most <= 6, `${most} at once`);
});

const big = new Random(7).bytes(10_000_000);
const digest = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

for (const framing of ["content-length", "chunked"] as const)
  test(`10 MB go both ways unchanged, ${framing}`, async (t) => {
    const service = await startH2Service((stream, headers) => {
      stream.respond({ ":status": 200, "x-length": String(headers["content-length"]) });
      stream.pipe(stream);
    });
    const { connect } = await stage(t, service);
    const client = await connect();
    const sent =
      framing === "chunked"
        ? client.send(
            Buffer.concat([
              request("POST /", { "Transfer-Encoding": "chunked" }),
              chunked(big, new Random(8)),
            ]),
          )
        : client.send(request("POST /", {}, big));
    const response = await client.response("POST");
    await sent;
    assert.equal(response.field("x-length"), framing === "chunked" ? "undefined" : "10000000");
    assert.equal(digest(response.body), digest(big));
  });

test("trailers pass both ways", async (t) => {
  const service = await startH2Service((stream, headers) => {
    stream.on("trailers", (trailers) => {
      stream.respond({ ":status": 200, "x-te": String(headers["te"]) }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "x-after": `behind ${trailers["x-sum"]}` }));
      stream.end("body");
    });
    stream.resume();
  });
  const { connect } = await stage(t, service);
  const client = await connect();
  await client.send(request("POST /", { "Transfer-Encoding": "chunked", TE: "trailers" }));
  await client.send(chunked(Buffer.from("abc"), new Random(1), 10, "x-sum: 6\r\n"));
  const response = await client.response("POST");
  assert.equal(response.text, "body");
  assert.equal(response.field("x-te"), "trailers");
  assert.deepEqual(response.trailers, [["x-after", "behind 6"]]);
});

test("HEAD, 204 and 304 have no body; Content-Length of HEAD stands", async (t) => {
  const service = await startH2Service((stream, headers) => {
    const path = String(headers[":path"]);
    stream.respond({ ":status": Number(path.slice(1)), ...(path === "/200" && { "content-length": "12" }) });
    stream.end();
  });
  const { connect } = await stage(t, service);
  const client = await connect();
  const head = await client.ask(request("HEAD /200"), "HEAD");
  assert.equal(head.field("content-length"), "12");
  assert.equal((await client.ask(request("GET /204"))).status, 204);
  assert.equal((await client.ask(request("GET /304"))).status, 304);
});

test("informational replies pass on", async (t) => {
  const service = await startH2Service((stream) => {
    stream.additionalHeaders({ ":status": 103, link: "</a.css>; rel=preload" });
    stream.respond({ ":status": 200 });
    stream.end("ok");
  });
  const { ask } = await stage(t, service);
  const response = await ask(request("GET /"));
  assert.equal(response.text, "ok");
  assert.equal(response.informational[0]?.status, 103);
  assert.equal(response.informational[0]?.field("link"), "</a.css>; rel=preload");
});

test("an answer before the request's end stops the upload", async (t) => {
  let closed = false;
  const service = await startH2Service((stream) => {
    stream.on("close", () => {
      closed = true;
    });
    stream.respond({ ":status": 413 });
    stream.end("too much");
  });
  const { connect } = await stage(t, service);
  const client = await connect();
  await client.send(request("POST /", { "Content-Length": "1000000" }));
  await client.send(Buffer.alloc(1_000));
  const response = await client.response("POST");
  assert.equal(response.status, 413);
  assert.equal(response.text, "too much");
  await until("the stream to be given up", () => closed);
  const again = await stageAnswers(connect);
  assert.equal(again, 413);
  assert.equal(service.connections, 1);
});

async function stageAnswers(
  connect: () => Promise<{ ask(bytes: Buffer): Promise<{ status: number }> }>,
): Promise<number> {
  return (await (await connect()).ask(request("GET /"))).status;
}

test("a client that leaves ends its stream and nothing else", async (t) => {
  let closed = 0;
  const service = await startH2Service((stream, headers) => {
    stream.on("close", () => closed++);
    stream.respond({ ":status": 200 });
    if (headers[":path"] === "/long") stream.write("begin");
    else stream.end("short");
  });
  const { connect, ask } = await stage(t, service);
  const client = await connect();
  await client.send(request("GET /long"));
  await client.head();
  client.reset();
  await until("the stream to close", () => closed === 1);
  assert.equal((await ask(request("GET /short"))).text, "short");
  assert.equal(service.connections, 1);
});

test("slow readers keep little in memory and get every byte", async (t) => {
  const chunk = new Random(5).bytes(1_000_000);
  let sent = 0;
  const service = await startH2Service((stream) => {
    stream.respond({ ":status": 200 });
    let left = 30;
    const write = (): void => {
      while (left > 0) {
        left--;
        sent += chunk.length;
        if (!stream.write(chunk)) {
          stream.once("drain", write);
          return;
        }
      }
      stream.end();
    };
    write();
  });
  const { connect, ask } = await stage(t, service);
  const client = await connect();
  client.socket.pause();
  await client.send(request("GET /"));
  let last = -1;
  await until("the service to be held back", () => {
    const same = sent === last;
    last = sent;
    return same && sent > 0;
  });
  assert.ok(sent < 15_000_000, `${sent} bytes were taken from the service`);
  // Another stream of the same connection goes on meanwhile.
  const other = ask(request("GET /other"));
  client.socket.resume();
  const response = await client.response();
  assert.equal(response.body.length, 30_000_000);
  for (let at = 0; at < response.body.length; at += chunk.length)
    assert.ok(response.body.subarray(at, at + chunk.length).equals(chunk));
  assert.equal((await other).body.length, 30_000_000);
});

test("a WebSocket becomes an extended CONNECT where the service takes it", async (t) => {
  const service = await startH2Service(
    (stream, headers) => {
      assert.equal(headers[":method"], "CONNECT");
      assert.equal(headers[":protocol"], "websocket");
      assert.equal(headers["sec-websocket-key"], undefined);
      stream.respond({ ":status": 200 });
      stream.pipe(stream);
    },
    { settings: { enableConnectProtocol: true } },
  );
  const { connect } = await stage(t, service);
  const client = await connect();
  const key = "dGhlIHNhbXBsZSBub25jZQ==";
  const fields = {
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Key": key,
    "Sec-WebSocket-Version": "13",
  };
  await client.send(request("GET /ws", fields));
  const head = await client.head();
  assert.equal(head.status, 101);
  assert.equal(head.field("sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  await client.send("\x81\x85\x00\x00\x00\x00hello");
  const echoed = Buffer.concat(await Array.fromAsync(client.wire.body(11)));
  assert.equal(echoed.toString("latin1"), "\x81\x85\x00\x00\x00\x00hello");
});

test("a WebSocket to a service that takes none over HTTP/2 is refused, and says why", async (t) => {
  const service = await startH2Service((stream) => stream.respond({ ":status": 200 }, { endStream: true }));
  const { ask } = await stage(t, service);
  const fields = {
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Key": "x",
    "Sec-WebSocket-Version": "13",
  };
  const response = await ask(request("GET /ws", fields));
  assert.equal(response.status, 502);
  assert.match(response.text, /upgrade_unsupported/);
});

test("a service that does not read holds the client back, and gets every byte later", async (t) => {
  let go: () => void = () => undefined;
  const service = await startH2Service((stream) => {
    const hash = createHash("sha256");
    go = () => {
      stream.on("data", (piece: Buffer) => hash.update(piece));
      stream.on("end", () => {
        stream.respond({ ":status": 200 });
        stream.end(hash.digest("hex"));
      });
    };
  });
  const { connect, ask } = await stage(t, service);
  const client = await connect();
  const body = new Random(9).bytes(30_000_000);
  const sent = client.send(request("POST /", {}, body));
  let last = -1;
  await until("the client to be held back", () => {
    const before = last;
    last = client.socket.bytesWritten - client.socket.writableLength;
    return last === before && service.seen.length === 1;
  });
  const { socket } = client;
  assert.ok(socket.writableLength > 10_000_000, `only ${socket.writableLength} bytes are held back`);
  const hold = go;
  // Others of the connection go on meanwhile.
  const other = ask(request("POST /other", {}, "x"));
  await until("the other request", () => service.seen.length === 2);
  go();
  assert.equal((await other).status, 200);
  hold();
  assert.equal((await client.response("POST")).text, digest(body));
  await sent;
});

test("fields of all kinds go to node:http2 and come back, request after request", async (t) => {
  const service = await startH2Service((stream, headers) => {
    const echoed = Object.entries(headers).filter(([name]) => name.startsWith("x-r"));
    stream.respond({ ":status": 200, ...Object.fromEntries(echoed) });
    stream.end();
  });
  const { connect } = await stage(t, service);
  const client = await connect();
  const random = new Random(11);
  for (let round = 0; round < 60; round++) {
    const fields: Record<string, string> = {};
    for (let i = random.below(12); i >= 0; i--) {
      const length = random.below(4) === 0 ? random.below(600) : random.below(12);
      const value = Array.from({ length }, () => String.fromCharCode(0x21 + random.below(0x5e))).join("");
      fields[`x-r${random.below(20)}`] = random.below(2) === 0 ? "the same" : value;
    }
    const answer = await client.ask(request("GET /", fields));
    for (const [name, value] of Object.entries(fields)) assert.equal(answer.field(name), value, name);
  }
  assert.equal(service.connections, 1);
});

test("a service that measures the way with PINGs and gives room for each request is no flood", async (t) => {
  const service = await startFrameService(async (connection) => {
    connection.greet();
    for (let nth = 1; nth <= 2_000; nth++) {
      const stream = await connection.request(nth);
      const room = frame(T.window, 0, 0, octets(5, 4)) + frame(T.window, 0, stream, octets(5, 4));
      const head = headers(stream, [[":status", "200"]], false);
      connection.send(
        room + frame(T.ping, 0, 0, "bdp ping") + head + frame(T.data, F.endStream, stream, "ok"),
      );
    }
  });
  const { connect } = await stage(t, service);
  const clients = await Promise.all(Array.from({ length: 40 }, () => connect()));
  await Promise.all(
    clients.map(async (client) => {
      for (let i = 0; i < 50; i++)
        assert.equal((await client.ask(request("POST /", {}, "hello"))).text, "ok");
    }),
  );
  assert.equal(service.connections, 1);
});

test("a WebSocket over HTTP/2 goes to a service by HTTP/2", async (t) => {
  const service = await startH2Service(
    (stream, headers) => {
      assert.equal(headers[":protocol"], "websocket");
      assert.equal(headers["sec-websocket-key"], undefined);
      stream.respond({ ":status": 200, "sec-websocket-protocol": String(headers["sec-websocket-protocol"]) });
      stream.pipe(stream);
    },
    { settings: { enableConnectProtocol: true } },
  );
  const { gateway } = await stage(t, service);
  const session = connectHttp2(`http://127.0.0.1:${gateway.port()}`);
  t.after(() => session.destroy());
  await within("the settings", once(session, "remoteSettings"));
  const asked = {
    ":method": "CONNECT",
    ":protocol": "websocket",
    ":path": "/ws",
    "sec-websocket-version": "13",
  };
  const stream = session.request({ ...asked, "sec-websocket-protocol": "chat" });
  const [head] = (await within("the head", once(stream, "response"))) as [IncomingHttpHeaders];
  assert.equal(head[":status"], 200);
  assert.equal(head["sec-websocket-protocol"], "chat");
  assert.equal(head["sec-websocket-accept"], undefined);
  const hello = Buffer.from("\x81\x85\x00\x00\x00\x00hello", "latin1");
  stream.write(hello);
  const [echoed] = (await within("the echo", once(stream, "data"))) as [Buffer];
  assert.deepEqual(echoed, hello);
  const ended = once(stream, "end");
  stream.end();
  await within("the end", ended);
});

test("a PROXY protocol header stands before the preface, and its connection carries one client's requests", async (t) => {
  const begins: string[] = [];
  const service = new H2Service(
    createServer((socket) => {
      socket.on("error", () => undefined);
      socket.once("data", (bytes) => {
        begins.push(bytes.toString("latin1"));
        socket.destroy();
      });
    }),
  );
  service.server.listen(0, "127.0.0.1");
  await once(service.server, "listening");
  const { ask } = await stage(t, service, {}, { proxyProtocol: "v1" });
  assert.equal((await ask(request("GET /"))).status, 502);
  assert.match(begins[0]!, /^PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ \d+\r\n(?:PRI \* HTTP\/2\.0\r\n|$)/);
});

test("connections.streams bounds what one connection carries", async (t) => {
  const waiting: (() => void)[] = [];
  const service = await startH2Service((stream) => {
    waiting.push(() => {
      stream.respond({ ":status": 200 });
      stream.end();
    });
    if (waiting.length === 12) for (const go of waiting) go();
  });
  const { ask } = await stage(t, service, {}, { connections: { streams: 4 } });
  const answers = await Promise.all(Array.from({ length: 12 }, () => ask(request("GET /"))));
  assert.ok(answers.every(({ status }) => status === 200));
  assert.equal(service.connections, 3);
});

test("a connection that only ends what it began keeps no place from the next one", async (t) => {
  const service = await startFrameService(async (connection) => {
    connection.greet();
    const stream = await connection.request();
    if (connection.nth > 1) {
      connection.send(headers(stream, [[":status", "200"]]));
      return;
    }
    connection.send(frame(T.goAway, 0, 0, octets(1, 4) + octets(0, 4)));
    await until("the second connection", () => service.connections === 2);
    connection.send(headers(stream, [[":status", "201"]]));
  });
  const { ask } = await stage(t, service, {}, { connections: { max: 1 } });
  const first = ask(request("GET /"));
  await until("the first request", () => service.connections === 1);
  const second = ask(request("GET /"));
  assert.equal((await second).status, 200);
  assert.equal((await first).status, 201);
});
