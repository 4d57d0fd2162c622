import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import type { BodySink, BodySource } from "../../lib/body.ts";
import { Transport, type TransportOwner } from "../transport.ts";
import { FrameOutput } from "./frame-output.ts";
import { type SendingSide, StreamWriter, type StreamWriterOwner } from "./stream-writer.ts";
import { WaitingWriters } from "./waiting-writers.ts";

/** A source whose memory is used for something else as soon as it is told that it may. */
class Source implements BodySource {
  readonly length = undefined;
  readonly memory: Buffer;
  sink: BodySink | undefined = undefined;
  resumed = 0;

  constructor(size: number) {
    this.memory = Buffer.alloc(size, "a");
  }

  start(sink: BodySink): void {
    this.sink = sink;
  }

  resume(): void {
    this.resumed++;
    this.memory.fill("X");
  }

  cancel(): void {}
}

class Stream implements StreamWriterOwner {
  readonly id = 1;
  sendWindow = 0;
  cut = 0;

  messageCut(): void {
    this.cut++;
  }

  sendTrailers(): void {}
  messageWritten(): void {}
}

/** The sending side of a connection over a real socket. */
class Side implements SendingSide, TransportOwner {
  readonly transport: Transport;
  readonly output: FrameOutput;
  readonly writers: WaitingWriters;
  readonly peerFrameMax = 16_384;
  sendWindow = 1_000_000;
  heard: () => void = () => undefined;

  constructor(socket: Socket) {
    this.transport = new Transport(this, socket, "data");
    this.output = new FrameOutput(this.transport);
    this.writers = new WaitingWriters(this);
  }

  drained(): void {
    this.output.drained();
    this.writers.drained();
  }

  received(): boolean {
    this.heard();
    return true;
  }

  wrote(): void {}
  ended(): void {}
  writeFailed(): void {}
  closed(): void {}
  sweep(): void {}
}

/** Both ends of a connection; the other one reads nothing. */
async function pair(t: TestContext): Promise<[Side, Socket]> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address() as { readonly port: number };
  const socket = connect(address.port, "127.0.0.1");
  const [[accepted]] = (await Promise.all([once(server, "connection"), once(socket, "connect")])) as [
    [Socket],
    unknown,
  ];
  const peer = accepted.pause();
  t.after(() => {
    socket.destroy();
    peer.destroy();
    server.close();
  });
  return [new Side(socket), peer];
}

test("a source that breaks while a piece waits for room gets its memory back", async (t) => {
  const [side] = await pair(t);
  const source = new Source(100);
  const stream = new Stream();
  const writer = new StreamWriter(stream, side, undefined);
  writer.write(source);
  assert.equal(source.sink!.data(source.memory), false);
  source.sink!.fail({ code: "body_cut" });
  assert.deepEqual([stream.cut, source.resumed], [1, 1]);
});
