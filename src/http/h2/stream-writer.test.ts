import assert from "node:assert/strict";
import { once } from "node:events";
import { readSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { until } from "../../../test/support/wait.ts";
import type { BodySink, BodySource } from "../../lib/body.ts";
import { Transport, type TransportOwner } from "../transport.ts";
import { FrameOutput } from "./frame-output.ts";
import { FRAME_HEAD } from "./protocol.ts";
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

/** Takes what the kernel holds for this socket, so much of it, without a turn of the event loop. */
function takeNow(socket: Socket, bytes: number): void {
  const { fd } = (socket as unknown as { readonly _handle: { readonly fd: number } })._handle;
  const memory = Buffer.alloc(65_536);
  for (let left = bytes; left > 0; ) {
    try {
      left -= readSync(fd, memory, 0, Math.min(left, memory.length), null);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
    }
  }
}

test("what is added while the kernel is busy leaves before its memory is used again", async (t) => {
  const [side, peer] = await pair(t);
  // More than the kernel takes: what comes behind waits.
  let written = 0;
  for (; !side.transport.busy; written += 65_536) side.transport.write("f".repeat(65_536));
  const source = new Source(40_000);
  const stream = new Stream();
  stream.sendWindow = 20_000;
  const writer = new StreamWriter(stream, side, undefined);
  writer.write(source);
  assert.equal(source.sink!.data(source.memory), false);
  written += 20_000 + 2 * FRAME_HEAD;
  side.heard = () => {
    stream.sendWindow = 20_000;
    writer.go();
  };
  // In one turn the peer gives room for the rest, and the kernel has room for all that waits.
  takeNow(peer, written - side.transport.backlog);
  peer.write("room");
  let came = "";
  peer.on("data", (bytes: Buffer) => {
    came += bytes.toString("latin1").replaceAll(/[^aX]/g, "");
  });
  peer.resume();
  await until("the content", () => came.length === 40_000);
  assert.ok(!came.includes("X"), "memory was used again before it had left");
  await until("the memory to be free", () => source.resumed === 1);
});
