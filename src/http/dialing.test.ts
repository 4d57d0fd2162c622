import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer as createTcp, type LookupFunction, Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { createServer as createTls } from "node:tls";
import { authority, shown } from "../../test/support/authority.ts";
import { deadPort } from "../../test/support/service.ts";
import { until, within } from "../../test/support/wait.ts";
import type { Failure } from "../errors/failure.ts";
import { Dialing, type DialTarget } from "./dialing.ts";
import { TlsClient, type TlsClientOptions } from "./tls-client.ts";
import type { ReadMode, TransportOwner } from "./transport.ts";

const MODES: readonly ReadMode[] = ["onread", "data"];
const SIZE = 200_000;

/** A name with two addresses, of which the second is the right one. */
const lookup: LookupFunction = (_name, _options, found) =>
  found(null, [
    { address: "127.0.0.9", family: 4 },
    { address: "127.0.0.1", family: 4 },
  ]);

function tlsOptions(more: Partial<TlsClientOptions>): TlsClientOptions {
  return {
    ...{ ca: undefined, serverName: undefined, cert: undefined, key: undefined, pins: [], verify: true },
    ...{ minVersion: "1.2" as const, alpn: [], ...more },
  };
}

/** Reads all that comes. */
class Reader implements TransportOwner {
  bytes = 0;
  over = false;

  received(_bytes: Buffer, to: number): boolean {
    this.bytes += to;
    return true;
  }

  ended(): void {
    this.over = true;
  }

  drained(): void {}
  writeFailed(): void {}
  closed(): void {
    this.over = true;
  }
  sweep(): void {}
}

/** Dials and waits for what becomes of it. */
function dial(t: TestContext, target: DialTarget, mode: ReadMode): Promise<{ reader: Reader } | Failure> {
  const { promise, resolve } = Promise.withResolvers<{ reader: Reader } | Failure>();
  const reader = new Reader();
  const owner = {
    dialed: ({ transport }: Dialing) => {
      transport.giveTo(reader);
      t.after(() => transport.destroy());
      resolve({ reader });
    },
    undialed: (_: Dialing, failure: Failure) => resolve(failure),
  };
  new Dialing(owner, target, mode);
  return within("the connection, or why there is none", promise);
}

for (const mode of MODES) {
  test(`the addresses of a name are tried one after the other (${mode})`, async (t) => {
    const server = createTcp((socket) => void socket.end(Buffer.alloc(SIZE)));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => server.close());
    const { port } = server.address() as AddressInfo;
    const address = { host: "two.test", port, lookup };
    const dialed = await dial(t, { address, tls: undefined, timeout: 5_000 }, mode);
    assert.ok("reader" in dialed);
    await until("all to be read", () => dialed.reader.over);
    assert.equal(dialed.reader.bytes, SIZE);
  });

  test(`by TLS as well, and the second connection resumes the session of the first (${mode})`, async (t) => {
    const ca = authority(t);
    const resumed: boolean[] = [];
    const server = createTls(shown(ca.issue({ names: ["DNS:two.test"] })), (socket) => {
      resumed.push(socket.isSessionReused());
      socket.end(Buffer.alloc(SIZE));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => server.close());
    const { port } = server.address() as AddressInfo;
    const tls = new TlsClient("two.test", tlsOptions({ ca: ca.certText }));
    for (let i = 0; i < 2; i++) {
      const dialed = await dial(
        t,
        { address: { host: "two.test", port, lookup }, tls, timeout: 5_000 },
        mode,
      );
      assert.ok("reader" in dialed);
      await until("all to be read", () => dialed.reader.over);
      assert.equal(dialed.reader.bytes, SIZE);
    }
    assert.deepEqual(resumed, [false, true]);
  });

  test(`where nobody listens there is no connection, with a preface and TLS too (${mode})`, async (t) => {
    const address = { host: "127.0.0.1", port: await deadPort() };
    const tls = new TlsClient("127.0.0.1", tlsOptions({}));
    const preface = Buffer.from("PROXY UNKNOWN\r\n");
    for (const target of [
      { address, tls: undefined, timeout: 0 },
      { address, tls, timeout: 0 },
      { address, tls, timeout: 0, preface },
    ]) {
      const dialed = await dial(t, target, mode);
      assert.ok(!("reader" in dialed));
      assert.equal(dialed.code, "connect_failed");
    }
  });

  test(`a handshake that does not go on is given up in time, with a preface too (${mode})`, async (t) => {
    const server = createTcp((socket) => socket.on("error", () => undefined).resume());
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => server.close());
    const address = { host: "127.0.0.1", port: (server.address() as AddressInfo).port };
    const tls = new TlsClient("127.0.0.1", tlsOptions({}));
    for (const preface of [undefined, Buffer.from("PROXY UNKNOWN\r\n")]) {
      const dialed = await dial(t, { address, tls, timeout: 300, preface }, mode);
      assert.ok(!("reader" in dialed));
      assert.equal(dialed.code, "connect_timeout");
    }
  });

  test(`who gives up while the preface leaves keeps no connection open (${mode})`, async (t) => {
    const server = createTcp((socket) => socket.on("error", () => undefined).resume());
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => server.close());
    const address = { host: "127.0.0.1", port: (server.address() as AddressInfo).port };
    const accepted = once(server, "connection") as Promise<[Socket]>;
    const told: string[] = [];
    const owner = { dialed: () => void told.push("dialed"), undialed: () => void told.push("undialed") };
    const tls = new TlsClient("127.0.0.1", tlsOptions({}));
    const preface = Buffer.from("PROXY UNKNOWN\r\n");
    const write = Socket.prototype.write as (...args: unknown[]) => boolean;
    const { mock } = t.mock.method(Socket.prototype, "write", function (this: Socket, ...args: unknown[]) {
      const taken = write.apply(this, args);
      if (args[0] === preface) dialing.abort();
      return taken;
    });
    const dialing = new Dialing(owner, { address, tls, timeout: 0, preface }, mode);
    const [socket] = await accepted;
    await within("its end", once(socket, "close"));
    assert.ok(mock.callCount() > 0);
    assert.deepEqual(told, []);
  });
}
