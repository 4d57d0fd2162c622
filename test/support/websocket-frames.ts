import { unmask } from "../../src/lib/websocket-frame.ts";

/** One frame as it is written by hand. */
export interface WrittenFrame {
  readonly opcode: number;
  readonly payload?: string | Uint8Array;
  /** Whether it ends its message (default true). */
  readonly final?: boolean;
  /** Reserved bits: 0x40, 0x20, 0x10. */
  readonly reserved?: number;
  /** The masking key; none for a service's frame. */
  readonly mask?: readonly [number, number, number, number] | undefined;
  /** Octets of the length field: 1, 3 or 9; left out: as few as it takes. */
  readonly sized?: 1 | 3 | 9;
  /** A length other than the payload's. */
  readonly says?: bigint;
}

/** A key as a client may choose it. */
export const KEY = [0x37, 0xfa, 0x21, 0x3d] as const;

/** The octets of a frame, right or wrong (RFC 6455, section 5.2). */
export function written({
  opcode,
  payload = "",
  final = true,
  reserved = 0,
  mask,
  ...more
}: WrittenFrame): Buffer {
  const content = Buffer.from(payload as string);
  const length = more.says ?? BigInt(content.length);
  const sized = more.sized ?? (length < 126n ? 1 : length < 65_536n ? 3 : 9);
  const head = Buffer.alloc(1 + sized);
  head[0] = (final ? 0x80 : 0) | reserved | opcode;
  const bit = mask === undefined ? 0 : 0x80;
  head[1] = bit | (sized === 1 ? Number(length) : sized === 3 ? 126 : 127);
  if (sized === 3) head.writeUInt16BE(Number(length), 2);
  if (sized === 9) head.writeBigUInt64BE(length, 2);
  if (mask === undefined) return Buffer.concat([head, content]);
  const key = Buffer.from(mask);
  unmask(content, 0, content.length, key, 0);
  return Buffer.concat([head, key, content]);
}

/** A Close's payload. */
export function closing(code: number, reason: string | Uint8Array = ""): Buffer {
  return Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason as string)]);
}
