import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type Frame, frame, headers, numberOf, octets, T } from "../../../test/support/frames.ts";
import { type FrameConnection, startFrameService } from "../../../test/support/h2-service.ts";
import { until } from "../../../test/support/wait.ts";
import type { Failure } from "../../errors/failure.ts";
import { Fields } from "../../lib/fields.ts";
import { DEFAULT_LIMITS } from "../../lib/limits.ts";
import { Outgoing } from "../../lib/outgoing.ts";
import { Dialing } from "../dialing.ts";
import { Http2ClientConnection } from "./client-connection.ts";

/** What became of one request. */
interface Asked {
  status: number;
  failure: Failure | undefined;
}

interface Stand {
  readonly connection: Http2ClientConnection;
  readonly service: FrameConnection;
  ask(): Asked;
}

/** A connection to a service whose frames the test writes. Its own sweeps are too early to do anything. */
async function stand(t: TestContext, response = 0): Promise<Stand> {
  let service: FrameConnection | undefined;
  let connection: Http2ClientConnection | undefined;
  let ready = false;
  const listening = await startFrameService((frames) => {
    frames.greet();
    service = frames;
  });
  const options = {
    timeouts: { connect: 0, response, idle: 0 },
    limits: DEFAULT_LIMITS,
    streams: 10,
    keepAlive: 50_000,
  };
  const owner = {
    ready: () => {
      ready = true;
    },
    freed: () => undefined,
    retired: () => undefined,
    gone: () => undefined,
  };
  const address = { host: "127.0.0.1", port: listening.port };
  new Dialing(
    {
      dialed: ({ transport }) => {
        connection = new Http2ClientConnection(owner, transport, options);
      },
      undialed: () => undefined,
    },
    { address, tls: undefined, timeout: 0 },
    "data",
  );
  t.after(async () => {
    connection?.close();
    await listening.stop();
  });
  await until("the settings", () => ready);
  const ask = (): Asked => {
    const asked: Asked = { status: 0, failure: undefined };
    connection!.take().send(new Outgoing("GET", "a", "/", "", new Fields(), undefined), "", {
      informational: () => undefined,
      answered: ({ status }) => {
        asked.status = status;
      },
      failed: (failure) => {
        asked.failure = failure;
      },
    });
    return asked;
  };
  return { connection: connection!, service: service!, ask };
}

const LATER = 1e9;

test("a service that is silent is asked whether it is there, and given up when it does not say", async (t) => {
  const { connection, service, ask } = await stand(t);
  const asked = ask();
  await service.request();
  connection.sweep(LATER);
  connection.sweep(LATER + 10_000);
  assert.equal((await service.frame(T.ping)).payload, "liveness");
  connection.sweep(LATER + 20_000);
  assert.equal(asked.failure?.code, "response_cut");
  assert.match(asked.failure?.detail ?? "", /PING/);
});

test("a service that says it is there is waited for", async (t) => {
  const { connection, service, ask } = await stand(t);
  const asked = ask();
  const stream = await service.request();
  connection.sweep(LATER);
  connection.sweep(LATER + 10_000);
  const heard = connection.heard;
  const { payload } = await service.frame(T.ping);
  service.send(`\0\0\x08\x06\x01\0\0\0\0${payload}`);
  await until("the answer to the PING", () => connection.heard > heard);
  for (const seconds of [20, 25, 29]) connection.sweep(LATER + seconds * 1_000);
  assert.equal(asked.failure, undefined);
  service.send(headers(stream, [[":status", "200"]]));
  await until("the answer", () => asked.status === 200);
});

test("a connection that carries nothing is closed after its time, with GOAWAY", async (t) => {
  const { connection, service } = await stand(t);
  connection.sweep(LATER);
  connection.sweep(LATER + 49_999);
  assert.equal(connection.hasRoom, true);
  connection.sweep(LATER + 50_000);
  assert.equal(connection.hasRoom, false);
  await service.frame(T.goAway);
});

test("streams are taken up to the cap, and a place is free before its answer is told", async (t) => {
  const { connection, service, ask } = await stand(t);
  const asked = Array.from({ length: 10 }, ask);
  assert.equal(connection.hasRoom, false);
  service.send(headers(await service.request(10), [[":status", "200"]]));
  await until("the answer", () => asked[9]!.status === 200);
  assert.equal(connection.hasRoom, true);
  assert.equal(connection.active, 9);
});

test("an answer that does not come in time costs its own stream", async (t) => {
  const { connection, service, ask } = await stand(t, 5_000);
  const asked = ask();
  const stream = await service.request();
  connection.sweep(LATER);
  connection.sweep(LATER + 5_000);
  assert.equal(asked.failure?.code, "response_timeout");
  await service.frame(T.reset, stream);
  assert.equal(connection.hasRoom, true);
});

test("content behind a head that nobody was told of gives its room back as the stream is reset", async (t) => {
  const { connection, service, ask } = await stand(t);
  await service.frame(T.settings);
  const given = (): number =>
    service.frames.reduce(
      (sum, { type, stream, payload }: Frame) =>
        type === T.window && stream === 0 ? sum + numberOf(payload) : sum,
      65_535,
    );
  await until("the window of the connection", () => given() > 65_535);
  const whole = given();
  const PIECE = "p".repeat(16_000);
  let sent = 0;
  // What arrives in one read: a head, content, and the end of the stream without an end of the answer.
  for (let nth = 1; sent < whole; nth++) {
    const asked = ask();
    const stream = await service.request(nth);
    const answer =
      headers(stream, [[":status", "200"]], false) +
      frame(T.data, 0, stream, PIECE).repeat(8) +
      frame(T.reset, 0, stream, octets(8, 4));
    const bytes = Buffer.from(answer, "latin1");
    connection.received(bytes, bytes.length, false);
    assert.equal(asked.failure?.code, "response_cut");
    sent += 8 * PIECE.length;
  }
  await until("room for more", () => given() - sent > whole / 2);
});
