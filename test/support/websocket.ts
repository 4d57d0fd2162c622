import { createHash, randomBytes } from "node:crypto";
import type { Wire } from "./wire.ts";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** What a WebSocket server answers to the client's key (RFC 6455, section 4.2.2). */
export function acceptOf(key: string): string {
  return createHash("sha1")
    .update(key + GUID)
    .digest("base64");
}

/** The head with which a server agrees to a handshake. */
export function agreement(key: string): string {
  const fields = `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(key)}`;
  return `HTTP/1.1 101 Switching Protocols\r\n${fields}\r\n\r\n`;
}

/** The fields with which a client asks for a WebSocket, and the key among them. */
export function handshake(): { key: string; fields: Record<string, string> } {
  const key = randomBytes(16).toString("base64");
  const fields = {
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": key,
  };
  return { key, fields };
}

/** One frame of a message; control frames too. */
export interface Frame {
  readonly opcode: number;
  readonly content: Buffer;
}

/** A frame as a server sends it: whole and unmasked (RFC 6455, section 5.2). */
export function frameBytes({ opcode, content }: Frame): Buffer {
  const { length } = content;
  if (length < 126) return Buffer.concat([Buffer.from([0x80 | opcode, length]), content]);
  const head = Buffer.alloc(length < 65_536 ? 4 : 10);
  head[0] = 0x80 | opcode;
  head[1] = length < 65_536 ? 126 : 127;
  if (length < 65_536) head.writeUInt16BE(length, 2);
  else head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, content]);
}

/** Reads the frames of a client, unmasked, until its connection ends. */
export async function* framesFrom(wire: Wire): AsyncGenerator<Frame, void, undefined> {
  for (;;) {
    const first = await wire.take(1);
    if (!first) return;
    const second = (await exactly(wire, 1))[0]!;
    let length = second & 127;
    if (length === 126) length = (await exactly(wire, 2)).readUInt16BE();
    else if (length === 127) length = Number((await exactly(wire, 8)).readBigUInt64BE());
    if ((second & 128) === 0) throw new Error("a client's frame must be masked");
    const mask = await exactly(wire, 4);
    const content = await exactly(wire, length);
    for (let at = 0; at < length; at++) content[at]! ^= mask[at & 3]!;
    yield { opcode: first[0]! & 15, content };
  }
}

/** The next `length` bytes, as a copy. */
async function exactly(wire: Wire, length: number): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(wire.body(length)));
}
