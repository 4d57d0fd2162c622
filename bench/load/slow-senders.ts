/**
 * Clients that send the head of a request byte by byte, one every two seconds, and come again when they are closed.
 * They never read: that they were closed shows when a byte cannot be sent. So a proxy that closes hundreds at once
 * makes no burst of work here, which would stop the good clients' generator on the same core.
 */
import { connect, type Socket } from "node:net";
import type { SlowAnswer, SlowOrder } from "../lib/slow.ts";

const BYTE_EVERY_MS = 2_000;
const TICK_MS = 2; // short, so that no tick holds up the generator on this core for long
const TURNS = BYTE_EVERY_MS / TICK_MS;
const HEAD = "GET /small HTTP/1.1\r\nHost: shop.example\r\nX-Slow: ";

const senders: SlowSender[] = [];
let port = 0;
let open = 0;
let closed = 0;
let refused = 0;
let stoodOnce = 0;
let whenAllStood: (() => void) | undefined;

class SlowSender {
  #socket: Socket | undefined;
  #sent = 0;
  #stoodBefore = false;

  start(): void {
    const socket = connect(port, "127.0.0.1").pause();
    let stood = false;
    socket.on("connect", () => {
      stood = true;
      this.#socket = socket;
      this.#sent = 0;
      open += 1;
      if (!this.#stoodBefore) stoodOnce += 1;
      this.#stoodBefore = true;
      if (stoodOnce === senders.length) whenAllStood?.();
    });
    socket.on("error", () => {}); // close follows
    socket.on("close", () => {
      this.#socket = undefined;
      if (stood) open -= 1;
      if (stood) closed += 1;
      else refused += 1;
      setTimeout(() => this.start(), stood ? 0 : 100);
    });
  }

  sendByte(): void {
    this.#socket?.write(HEAD[this.#sent] ?? "a");
    this.#sent += 1;
  }
}

/** Each tick writes for every thousandth sender, so that the load is even. */
function keepSending(): void {
  let turn = 0;
  setInterval(() => {
    for (let index = turn; index < senders.length; index += TURNS) senders[index]!.sendByte();
    turn = (turn + 1) % TURNS;
  }, TICK_MS);
}

async function attack(connections: number): Promise<void> {
  const allStood = new Promise<void>((done) => {
    whenAllStood = done;
  });
  for (let index = 0; index < connections; index += 1) senders.push(new SlowSender());
  keepSending();
  // One a tick: all stand after ten seconds, so that a proxy's time limit does not meet them at once.
  for (const sender of senders) {
    sender.start();
    await new Promise((done) => setTimeout(done, TICK_MS));
  }
  await allStood;
}

process.on("message", async (message) => {
  const order = message as SlowOrder;
  if (order !== "report") {
    port = order.port;
    await attack(order.connections);
  }
  process.send?.({ open, closed, refused } satisfies SlowAnswer);
});
process.on("disconnect", () => process.exit(0));
process.send?.("ready");
