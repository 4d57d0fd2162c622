import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { must } from "./failure.ts";

const EVERY_MS = 500;
const PONG_BYTES = 6;

/** WebSockets that stay open and are pinged; each pong must carry its ping's number. */
export class PingedSockets implements Disposable {
  pings = 0;
  pongs = 0;
  /** Sockets that were closed, or answered wrongly, with the reason. */
  readonly dropped: string[] = [];
  readonly #sockets: Socket[] = [];
  #timer: NodeJS.Timeout | undefined;
  #closing = false;

  /** Opens one for each path; all are pinged from then on. */
  async open(port: number, paths: readonly string[]): Promise<void> {
    for (const path of paths) this.#sockets.push(await this.#connect(port, path));
    this.#timer = setInterval(() => this.#ping(), EVERY_MS);
  }

  async #connect(port: number, path: string): Promise<Socket> {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    await once(socket, "connect");
    const fields =
      "Host: shop.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13";
    socket.write(`GET ${path} HTTP/1.1\r\n${fields}\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`);
    const [head] = (await once(socket, "data")) as [Buffer];
    const text = head.toString("latin1");
    must(text.startsWith("HTTP/1.1 101 ") && text.endsWith("\r\n\r\n"), `${path} gave no WebSocket: ${text}`);
    let held = Buffer.alloc(0);
    let next = 0;
    socket.on("data", (chunk: Buffer) => {
      held = Buffer.concat([held, chunk]);
      for (; held.length >= PONG_BYTES; held = held.subarray(PONG_BYTES)) {
        this.pongs += 1;
        if (held[0] !== 0x8a || held.readUInt32BE(2) !== next) this.dropped.push(`${path}: a wrong pong`);
        next += 1;
      }
    });
    socket.on("close", () => {
      if (!this.#closing) this.dropped.push(`${path}: closed`);
    });
    return socket;
  }

  /** A masked ping (mask of zeros) whose content is its number. */
  #ping(): void {
    const frame = Buffer.from([0x89, 0x84, 0, 0, 0, 0, 0, 0, 0, 0]);
    frame.writeUInt32BE(Math.floor(this.pings / this.#sockets.length), 6);
    for (const socket of this.#sockets) {
      this.pings += 1;
      if (!socket.destroyed) socket.write(frame);
    }
  }

  /** Sends no more pings; gives how many were never answered. */
  async stop(): Promise<number> {
    clearInterval(this.#timer);
    await new Promise((done) => setTimeout(done, 2 * EVERY_MS));
    this.#closing = true;
    return this.pings - this.pongs;
  }

  [Symbol.dispose](): void {
    this.#closing = true;
    clearInterval(this.#timer);
    for (const socket of this.#sockets) socket.destroy();
  }
}
