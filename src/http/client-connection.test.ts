import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type Service, startRawService } from "../../test/support/service.ts";
import { until, within } from "../../test/support/wait.ts";
import { Failure } from "../errors/failure.ts";
import { type BodySink, type BodySource, startBody } from "../lib/body.ts";
import { Fields } from "../lib/fields.ts";
import { DEFAULT_LIMITS } from "../lib/limits.ts";
import { Outgoing } from "../lib/outgoing.ts";
import { giveBack, lease, leasesOut } from "./buffers.ts";
import { ClientConnection } from "./client-connection.ts";
import { Dialing } from "./dialing.ts";
import type { IncomingBody } from "./incoming-body.ts";
import type { ReadMode } from "./transport.ts";

const HEAD = "HTTP/1.1 200 OK\r\nContent-Length: ";

/** What a test does with the only connection to its service. */
interface Stand {
  readonly connection: ClientConnection;
  /** Times it became idle again. */
  readonly freed: () => number;
  /** Sends a GET and gives the body of its answer, not yet started. */
  ask(target: string): Promise<BodySource>;
}

async function stand(t: TestContext, mode: ReadMode, service: Service): Promise<Stand> {
  let freed = 0;
  const owner = { freed: () => void freed++, gone: () => undefined };
  const timeouts = { connect: 0, response: 0, idle: 0 };
  const target = { address: { port: service.port, host: "127.0.0.1" }, tls: undefined, timeout: 0 };
  const made = Promise.withResolvers<ClientConnection>();
  new Dialing(
    {
      dialed: ({ transport }) =>
        made.resolve(new ClientConnection(owner, transport, timeouts, DEFAULT_LIMITS, 0)),
      undialed: (_, { code }) => made.reject(new Error(code)),
    },
    target,
    mode,
  );
  const connection = await within("a connection", made.promise);
  t.after(async () => {
    connection.close();
    await service.stop();
    assert.deepEqual(service.failures, []);
  });
  const ask = (target: string): Promise<BodySource> => {
    const { promise, resolve, reject } = Promise.withResolvers<BodySource>();
    connection.send(new Outgoing("GET", "a", target, "", new Fields(), undefined), "", {
      informational: () => undefined,
      answered: (_head, body) => resolve(body as BodySource),
      failed: (failure) => reject(new Error(failure.code)),
    });
    return within(`an answer to ${target}`, promise);
  };
  return { connection, freed: () => freed, ask };
}

/** Notes what it gets, and takes nothing at once. */
class SlowSink implements BodySink {
  text = "";
  pieces = 0;
  ended = 0;
  failed: string | undefined;

  data(chunk: Uint8Array | string): boolean {
    this.text += Buffer.from(chunk as string, "latin1").toString("latin1");
    this.pieces++;
    return false;
  }

  end(): void {
    this.ended++;
  }

  fail(failure: { readonly code: string }): void {
    this.failed = failure.code;
  }
}

for (const mode of ["onread", "data"] as const) {
  test(`it serves on while the last piece of an answer still waits for its reader, by ${mode}`, async (t) => {
    const more = Promise.withResolvers<void>();
    const service = await startRawService(async (connection) => {
      for (let head = await connection.head(); head; head = await connection.head()) {
        await connection.send(`${HEAD}6\r\n\r\nabc`);
        await more.promise;
        await connection.send("def");
      }
    });
    const { ask, freed } = await stand(t, mode, service);
    const first = await ask("/first");
    const sink = new SlowSink();
    first.start(sink);
    first.resume();
    more.resolve();
    await until("the whole answer", () => freed() === 1);
    assert.deepEqual([sink.text, sink.ended], ["abcdef", 1]);
    const second = new SlowSink();
    startBody(await ask("/second"), second);
    first.resume();
    assert.equal(second.text.slice(0, 3), "abc");
  });

  test(`what comes before its reader is kept in order, by ${mode}`, async (t) => {
    const answered = Promise.withResolvers<void>();
    const service = await startRawService(async (connection) => {
      await connection.head();
      await connection.send(`${HEAD}20\r\n\r\n`);
      await answered.promise;
      for (let nth = 0; nth < 10; nth++) await connection.send(`${nth}.`);
      await connection.head();
    });
    const { ask, freed } = await stand(t, mode, service);
    const body = await ask("/");
    answered.resolve();
    await until("the whole answer", () => freed() === 1);
    const sink = new SlowSink();
    body.start(sink);
    body.resume();
    assert.deepEqual([sink.text, sink.ended, sink.failed], ["0.1.2.3.4.5.6.7.8.9.", 1, undefined]);
  });

  test(`what comes while its reader is behind is kept in order, and little of it, by ${mode}`, async (t) => {
    const length = 10_000_000;
    let written = 0;
    const service = await startRawService(async (connection) => {
      await connection.head();
      await connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
      for (; written < length; written += 1_000)
        await connection.send(`3e8\r\n${"0123456789".repeat(100)}\r\n`);
      await connection.send("0\r\n\r\n");
      await connection.head();
    });
    const { ask, freed } = await stand(t, mode, service);
    const body = await ask("/");
    const sink = new SlowSink();
    body.start(sink);
    let largest = 0;
    for (let seen = 0; sink.ended === 0; ) {
      await until("more of the body", () => sink.text.length > seen || sink.ended > 0);
      largest = Math.max(largest, sink.text.length - seen);
      seen = sink.text.length;
      body.resume();
    }
    assert.ok(sink.text === "0123456789".repeat(length / 10));
    assert.ok(largest <= 262_144, `${largest} bytes at once`);
    assert.equal(freed(), 1);
  });

  test(`a body that is given up leaves its buffer to nobody else while bytes come, by ${mode}`, async (t) => {
    const givenUp = Promise.withResolvers<void>();
    const service = await startRawService(async (connection) => {
      await connection.head();
      await connection.send(`${HEAD}1000000\r\n\r\n`);
      for (let nth = 0; nth < 4; nth++) await connection.send("a".repeat(100_000));
      await givenUp.promise;
      await connection.send("b".repeat(100_000));
      await connection.head();
    });
    const { ask } = await stand(t, mode, service);
    const body = (await ask("/")) as IncomingBody;
    const sink = new SlowSink();
    body.start(sink);
    await until("the first part", () => {
      body.resume();
      return sink.text.length === 400_000;
    });
    body.fail(new Failure("body_too_slow"));
    const others = [lease()!, lease()!].map((buffer) => buffer.fill("z"));
    givenUp.resolve();
    await until("the second part", () => {
      body.resume();
      return body.received > 400_000;
    });
    assert.ok(others.every((buffer) => buffer.every((octet) => octet === 0x7a)));
    for (const buffer of others) giveBack(buffer);
    assert.equal(leasesOut(), 0);
  });

  test(`a body that breaks behind what waits ends with its reason, by ${mode}`, async (t) => {
    const service = await startRawService(async (connection) => {
      await connection.head();
      await connection.send(`${HEAD}9\r\n\r\n`);
      await connection.send("abc");
      await connection.send("def");
      connection.end();
    });
    const { ask, freed } = await stand(t, mode, service);
    const body = await ask("/");
    await until("the service to be gone", () => service.open.size === 0);
    const sink = new SlowSink();
    body.start(sink);
    body.resume();
    assert.deepEqual([sink.text, sink.ended, sink.failed, freed()], ["abcdef", 0, "body_cut", 0]);
  });
}
