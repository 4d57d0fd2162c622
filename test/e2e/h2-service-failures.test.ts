import assert from "node:assert/strict";
import { test } from "node:test";
import { problemOf, request } from "../support/client.ts";
import { block, CODES, F, frame, headers, numberOf, octets, settingsFrame, T } from "../support/frames.ts";
import { type FrameConnection, startFrameService, startH2Service } from "../support/h2-service.ts";
import { stage } from "../support/stage.ts";
import { until } from "../support/wait.ts";

const OK: readonly (readonly [string, string])[] = [[":status", "200"]];

/** Answers to one request that are none: what is sent on its stream. */
const MALFORMED: readonly (readonly [what: string, answer: (stream: number) => string])[] = [
  ["no :status", (id) => headers(id, [["a", "b"]])],
  [":status twice", (id) => headers(id, [...OK, ...OK])],
  [":status behind a field", (id) => headers(id, [["a", "b"], ...OK])],
  [":status that is no number", (id) => headers(id, [[":status", "2xx"]])],
  [":status of four digits", (id) => headers(id, [[":status", "2000"]])],
  [":status 101", (id) => headers(id, [[":status", "101"]])],
  ["a pseudo-field of a request", (id) => headers(id, [...OK, [":path", "/"]])],
  ["a name in upper case", (id) => headers(id, [...OK, ["X-A", "b"]])],
  ["an empty name", (id) => headers(id, [...OK, ["", "b"]])],
  ["a name with a space", (id) => headers(id, [...OK, ["a b", "c"]])],
  ["a line feed in a value", (id) => headers(id, [...OK, ["a", "b\r\nset-cookie: c"]])],
  ["NUL in a value", (id) => headers(id, [...OK, ["a", "b\0"]])],
  ["a space before a value", (id) => headers(id, [...OK, ["a", " b"]])],
  ["Connection", (id) => headers(id, [...OK, ["connection", "close"]])],
  ["Transfer-Encoding", (id) => headers(id, [...OK, ["transfer-encoding", "chunked"]])],
  ["Content-Length that is no number", (id) => headers(id, [...OK, ["content-length", "x"]])],
  ["Content-Length without a body", (id) => headers(id, [...OK, ["content-length", "5"]])],
  ["an informational reply that is the last", (id) => headers(id, [[":status", "103"]])],
  ["DATA before a head", (id) => frame(T.data, F.endStream, id, "x")],
  [
    "a body longer than Content-Length",
    (id) => headers(id, [...OK, ["content-length", "1"]], false) + frame(T.data, F.endStream, id, "12"),
  ],
  [
    "a body shorter than Content-Length",
    (id) => headers(id, [...OK, ["content-length", "3"]], false) + frame(T.data, F.endStream, id, "12"),
  ],
  [
    "a body of an answer without one",
    (id) => headers(id, [[":status", "204"]], false) + frame(T.data, 1, id, "1"),
  ],
  ["trailers with a pseudo-field", (id) => headers(id, OK, false) + headers(id, [[":status", "200"]])],
  ["a second head", (id) => headers(id, OK, false) + headers(id, [["a", "b"]], false)],
  ["17 informational replies", (id) => headers(id, [[":status", "103"]], false).repeat(17)],
  [
    "fields without end",
    (id) => headers(id, [...OK, ...Array.from({ length: 101 }, () => ["a", "b"] as const)]),
  ],
];

test("malformed answers are 502, cost one stream, and leave the connection to others", async (t) => {
  let turn = 0;
  const service = await startFrameService(async (connection) => {
    connection.greet();
    for (let nth = 1; ; nth++) {
      const stream = await connection.request(nth);
      const path = connection.heads.get(stream)?.get(":path");
      connection.send(path === "/good" ? headers(stream, OK) : MALFORMED[turn]![1](stream));
      if (path === "/end") return;
    }
  });
  const { ask } = await stage(t, service);
  for (; turn < MALFORMED.length; turn++) {
    const [what] = MALFORMED[turn]!;
    const response = await ask(request("GET /bad"));
    const { reason } = problemOf(response, 502);
    assert.match(String(reason), /^response_(malformed|head_too_large)$/, what);
    assert.equal((await ask(request("GET /good"))).status, 200, what);
  }
  assert.equal(service.connections, 1);
  turn = 0;
  await ask(request("GET /end"));
});

/** Frames after which nothing on the connection can be believed, and the code of our GOAWAY. */
const BROKEN: readonly (readonly [what: string, frames: string, code: string])[] = [
  [
    "a header block that cannot be read",
    frame(T.headers, F.endHeaders, 1, "\xff\xff\xff\xff\xff\xff"),
    "COMPRESSION_ERROR",
  ],
  ["a frame that is too large", frame(T.data, 0, 1, "", 16_385), "FRAME_SIZE_ERROR"],
  ["PUSH_PROMISE", frame(T.push, F.endHeaders, 1, octets(2, 4) + block(OK)), "PROTOCOL_ERROR"],
  ["HEADERS on a stream that was not opened", headers(3, OK), "PROTOCOL_ERROR"],
  ["HEADERS on a stream of its own", headers(2, OK), "PROTOCOL_ERROR"],
  ["DATA on a stream that was not opened", frame(T.data, 1, 5, "x"), "PROTOCOL_ERROR"],
  ["CONTINUATION behind nothing", frame(T.continuation, F.endHeaders, 1, ""), "PROTOCOL_ERROR"],
  [
    "a frame within a header block",
    frame(T.headers, 0, 1, block(OK)) + frame(T.ping, 0, 0, "12345678"),
    "PROTOCOL_ERROR",
  ],
  ["a window that is too large", frame(T.window, 0, 0, octets(0x7fffffff, 4)), "FLOW_CONTROL_ERROR"],
  ["SETTINGS of a wrong length", frame(T.settings, 0, 0, "12345"), "FRAME_SIZE_ERROR"],
  ["SETTINGS_ENABLE_PUSH of 1", settingsFrame([2, 1]), "PROTOCOL_ERROR"],
  ["SETTINGS_ENABLE_PUSH of 1 that is taken back at once", settingsFrame([2, 1, 2, 0]), "PROTOCOL_ERROR"],
];

for (const [what, frames, code] of BROKEN)
  test(`a connection ends with ${code} on ${what}, and the request with 502`, async (t) => {
    let goAway = "";
    const service = await startFrameService(async (connection) => {
      connection.greet();
      await connection.request();
      connection.send(frames);
      goAway = CODES[numberOf((await connection.frame(T.goAway)).payload.slice(4, 8))]!;
      connection.socket.end();
    });
    const { ask } = await stage(t, service);
    assert.equal(problemOf(await ask(request("POST /", {}, "x")), 502)["reason"], "response_malformed");
    await until("GOAWAY", () => goAway !== "");
    assert.equal(goAway, code);
  });

test("a service whose first SETTINGS allow pushes is none, and one that says it does not push is taken", async (t) => {
  const service = await startFrameService(async (connection) => {
    connection.greet([2, connection.nth === 1 ? 1 : 0]);
    connection.send(headers(await connection.request(), OK));
  });
  const { ask } = await stage(t, service);
  assert.equal(problemOf(await ask(request("POST /", {}, "x")), 502)["reason"], "connect_failed");
  assert.equal((await ask(request("GET /"))).status, 200);
});

test("streams behind the last of a GOAWAY are sent again on a new connection, the others end in peace", async (t) => {
  const service = await startFrameService(async (connection) => {
    connection.greet();
    if (connection.nth > 1) {
      for (let nth = 1; nth <= 2; nth++) connection.send(headers(await connection.request(nth), OK));
      return;
    }
    await connection.request(3);
    connection.send(frame(T.goAway, 0, 0, octets(1, 4) + octets(0, 4)));
    await until("the second connection", () => service.connections === 2);
    connection.send(headers(1, [[":status", "201"]]));
  });
  const { ask } = await stage(t, service);
  const answers = await Promise.all([1, 2, 3].map(() => ask(request("POST /", {}, "body"))));
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 200, 201]);
});

test("GOAWAY while requests come and go loses none", async (t) => {
  const service = await startH2Service((stream) => {
    stream.respond({ ":status": 200 });
    setTimeout(() => stream.end("ok"), 2);
    if (service.seen.length % 50 === 0) stream.session?.close();
  });
  const { connect } = await stage(t, service);
  const clients = await Promise.all(Array.from({ length: 20 }, () => connect()));
  const statuses = await Promise.all(
    clients.map(async (client) => {
      const got: number[] = [];
      for (let i = 0; i < 30; i++) got.push((await client.ask(request("POST /", {}, "body"))).status);
      return got;
    }),
  );
  assert.deepEqual(new Set(statuses.flat()), new Set([200]));
  assert.ok(service.connections > 5, `${service.connections} connections`);
});

test("REFUSED_STREAM is sent again, with its body", async (t) => {
  const service = await startFrameService(async (connection) => {
    connection.greet();
    const first = await connection.request(1);
    await connection.frame(T.data, first);
    connection.send(frame(T.reset, 0, first, octets(7, 4)));
    const second = await connection.request(2);
    const { payload } = await connection.frame(T.data, second);
    connection.send(headers(second, OK, false) + frame(T.data, 1, second, payload));
  });
  const { ask } = await stage(t, service);
  const response = await ask(request("POST /", {}, "the body"));
  assert.equal(response.text, "the body");
  assert.equal(service.connections, 1);
});

test("other resets are 502 before the answer, and cut it behind", async (t) => {
  const read = Promise.withResolvers<void>();
  const service = await startFrameService(async (connection) => {
    connection.greet();
    connection.send(frame(T.reset, 0, await connection.request(1), octets(2, 4)));
    const second = await connection.request(2);
    connection.send(
      headers(second, [...OK, ["content-length", "9"]], false) + frame(T.data, 0, second, "123"),
    );
    await read.promise;
    connection.send(frame(T.reset, 0, second, octets(2, 4)));
  });
  const { ask, connect } = await stage(t, service);
  assert.equal(problemOf(await ask(request("POST /", {}, "x")), 502)["reason"], "response_cut");
  const client = await connect();
  await client.send(request("GET /"));
  const head = await client.head();
  assert.equal(head.status, 200);
  read.resolve();
  await assert.rejects(async () => {
    for await (const _ of client.body(head));
  });
});

test("a connection that closes as it is reused costs nothing; one that closes in mid-answer is 502", async (t) => {
  const service = await startFrameService(async (connection) => {
    connection.greet();
    connection.send(headers(await connection.request(1), OK));
    const second = await connection.request(2);
    if (connection.nth === 2) {
      connection.send(headers(second, [[":status", "103"]], false));
      await until("it to be read", () => connection.frames.length > 0);
    }
    connection.socket.destroy();
  });
  const { ask } = await stage(t, service);
  assert.equal((await ask(request("GET /"))).status, 200);
  assert.equal((await ask(request("GET /"))).status, 200);
  assert.equal(service.connections, 2);
  assert.equal(problemOf(await ask(request("GET /")), 502)["reason"], "response_cut");
});

test("what does not speak HTTP/2 is a service that cannot be reached", async (t) => {
  const service = await startFrameService(({ socket }) => {
    socket.removeAllListeners("data");
    socket.resume();
    socket.end("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
  });
  const { ask } = await stage(t, service);
  assert.equal(problemOf(await ask(request("POST /", {}, "x")), 502)["reason"], "connect_failed");
});

test("a service that sends no settings is given up", async (t) => {
  const service = await startFrameService(() => undefined);
  const { ask } = await stage(t, service, {}, { timeouts: { connect: "300ms" } });
  assert.equal(problemOf(await ask(request("GET /")), 504)["reason"], "connect_timeout");
});

const silent = (answer: (stream: number) => string) =>
  startFrameService(async (connection: FrameConnection) => {
    connection.greet();
    const stream = await connection.request();
    connection.send(answer(stream));
    const { payload } = await connection.frame(T.reset, stream);
    assert.equal(CODES[numberOf(payload)], "CANCEL");
  });

test("a service that does not answer is given up after the response timeout", async (t) => {
  const service = await silent(() => "");
  const { ask } = await stage(t, service, {}, { timeouts: { response: "300ms" } });
  assert.equal(problemOf(await ask(request("GET /")), 504)["reason"], "response_timeout");
});

test("a body that stops is given up after the idle timeout", async (t) => {
  const service = await silent((stream) => headers(stream, OK, false) + frame(T.data, 0, stream, "abc"));
  const { connect } = await stage(t, service, {}, { timeouts: { idle: "300ms" } });
  const client = await connect();
  await client.send(request("GET /"));
  const head = await client.head();
  await assert.rejects(async () => {
    for await (const _ of client.body(head));
  });
});

test("a request that finds no room is held back until the service gives some", async (t) => {
  const body = "x".repeat(200_000);
  let got = 0;
  const service = await startFrameService(async (connection) => {
    connection.greet([4, 10]); // SETTINGS_INITIAL_WINDOW_SIZE
    const stream = await connection.request();
    const data = (): number =>
      connection.frames.reduce((sum, { type, payload }) => (type === T.data ? sum + payload.length : sum), 0);
    await until("the first octets", () => data() === 10);
    connection.send(frame(T.window, 0, stream, octets(1_000_000, 4)));
    await until("the window of the connection to be full", () => data() === 65_535);
    connection.send(frame(T.window, 0, 0, octets(1_000_000, 4)));
    await until("the rest", () => data() === body.length);
    got = data();
    connection.send(headers(stream, OK));
  });
  const { ask } = await stage(t, service);
  assert.equal((await ask(request("POST /", {}, body))).status, 200);
  assert.equal(got, body.length);
});

test("a whole answer counts, though the service resets the stream right behind it", async (t) => {
  const service = await startFrameService(async (connection) => {
    connection.greet();
    const stream = await connection.request();
    const answer =
      headers(stream, [[":status", "403"]], false) + frame(T.data, F.endStream, stream, "no more");
    connection.send(answer + frame(T.reset, 0, stream, octets(0, 4)));
  });
  const { connect } = await stage(t, service);
  const client = await connect();
  await client.send(request("POST /", { "Content-Length": "100000" }, "the beginning"));
  const response = await client.response("POST");
  assert.equal(response.status, 403);
  assert.equal(response.text, "no more");
});
