import { isIP, SocketAddress } from "node:net";
import { Failure } from "../errors/failure.ts";
import { CR, LF } from "./bytes.ts";
import { crc32c } from "./crc32c.ts";

/** Whom a PROXY protocol header names. */
export interface ProxySource {
  readonly address: string;
  readonly port: number;
}

/** A header that was read. */
export interface ProxyHeader {
  /** Position behind it. */
  readonly end: number;
  /** Undefined where it names nobody: the proxy speaks for itself, or does not know. */
  readonly source: ProxySource | undefined;
}

/** Bytes of a version 1 header at most, CRLF included (PROXY protocol §2.1). */
const V1_MAX = 107;
/** Bytes of a version 2 header at most: addresses and a few TLVs need a tenth of it. */
const V2_MAX = 4_096;
const V2_START = 16;
const V1_SIGNATURE = Buffer.from("PROXY ");
const V2_SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n");
const CHECKSUM = 0x03;

/**
 * Reads a PROXY protocol header, version 1 or 2, that begins the bytes.
 * @returns the header; undefined when bytes are missing; a failure when no continuation could make it one
 */
export function readProxyHeader(bytes: Buffer, to: number): ProxyHeader | Failure | undefined {
  if (to === 0) return undefined;
  if (bytes[0] === V1_SIGNATURE[0]) return begins(bytes, to, V1_SIGNATURE) ? readText(bytes, to) : foreign();
  return begins(bytes, to, V2_SIGNATURE) ? readBinary(bytes, to) : foreign();
}

/** Whether the bytes are, as far as they go, the signature. */
function begins(bytes: Buffer, to: number, signature: Buffer): boolean {
  const length = Math.min(to, signature.length);
  return bytes.compare(signature, 0, length, 0, length) === 0;
}

function readText(bytes: Buffer, to: number): ProxyHeader | Failure | undefined {
  const lineEnd = bytes.subarray(0, Math.min(to, V1_MAX)).indexOf(LF);
  if (lineEnd === -1)
    return to >= V1_MAX ? invalid("a version 1 header is longer than 107 bytes") : undefined;
  if (bytes[lineEnd - 1] !== CR) return invalid("a version 1 header does not end with CRLF");
  const end = lineEnd + 1;
  const line = bytes.toString("latin1", 0, lineEnd - 1);
  if (/^PROXY UNKNOWN(?: |$)/.test(line)) return { end, source: undefined };
  const [, family, from = "", to4 = "", port, toPort] =
    /^PROXY TCP([46]) ([0-9A-Fa-f:.]+) ([0-9A-Fa-f:.]+) (0|[1-9][0-9]{0,4}) (0|[1-9][0-9]{0,4})$/.exec(
      line,
    ) ?? [];
  const version = Number(family);
  if (isIP(from) !== version || isIP(to4) !== version || Number(port) > 65_535 || Number(toPort) > 65_535)
    return invalid("a version 1 header names no two addresses and ports");
  return { end, source: { address: plainAddress(from, version), port: Number(port) } };
}

function readBinary(bytes: Buffer, to: number): ProxyHeader | Failure | undefined {
  if (to < V2_START) return undefined;
  const command = bytes[12]!;
  if (command !== 0x20 && command !== 0x21) return invalid("an unknown version or command");
  const end = V2_START + bytes.readUInt16BE(14);
  if (end > V2_MAX) return invalid(`a version 2 header is longer than ${V2_MAX} bytes`);
  if (to < end) return undefined;
  // LOCAL: the proxy's own connection, a health check; whatever stands in the header is skipped.
  if (command === 0x20) return { end, source: undefined };
  const addresses = ADDRESSES[bytes[13]!];
  if (addresses === undefined) return invalid("an unknown family of addresses");
  const tlvs = V2_START + addresses.length;
  if (tlvs > end) return invalid("a version 2 header is shorter than its addresses");
  return readTlvs(bytes, tlvs, end) ?? { end, source: addresses.source(bytes) };
}

/** Families and transports by their octet: the bytes of both addresses with ports, and the source among them. */
const ADDRESSES: Readonly<
  Record<number, { length: number; source: (bytes: Buffer) => ProxySource | undefined }>
> = {
  // Unspecified, and Unix sockets: there is no address that anything could be decided by.
  0: { length: 0, source: () => undefined },
  49: { length: 216, source: () => undefined },
  17: {
    length: 12,
    source: (bytes) => ({
      address: bytes.subarray(V2_START, V2_START + 4).join("."),
      port: bytes.readUInt16BE(V2_START + 8),
    }),
  },
  33: {
    length: 36,
    source: (bytes) => ({
      address: plainAddress(colonHex(bytes.subarray(V2_START, V2_START + 16)), 6),
      port: bytes.readUInt16BE(V2_START + 32),
    }),
  },
};

function colonHex(octets: Buffer): string {
  return octets.toString("hex").replace(/[0-9a-f]{4}(?!$)/g, "$&:");
}

/** What is wrong with the extensions behind the addresses; they are skipped, but for a checksum of the whole header. */
function readTlvs(bytes: Buffer, from: number, end: number): Failure | undefined {
  for (let at = from; at < end; ) {
    if (at + 3 > end) return invalid("a TLV is cut");
    const length = bytes.readUInt16BE(at + 1);
    const value = at + 3;
    if (value + length > end) return invalid("a TLV is longer than the header");
    if (bytes[at] === CHECKSUM) {
      if (length !== 4) return invalid("the checksum has not four octets");
      const copy = Buffer.from(bytes.subarray(0, end)).fill(0, value, value + 4);
      if (crc32c(copy) !== bytes.readUInt32BE(value)) return invalid("the checksum does not fit");
    }
    at = value + length;
  }
  return undefined;
}

/** An address in the one way in which it is written (RFC 5952); IPv4 in IPv6 as IPv4. */
function plainAddress(address: string, version: number): string {
  if (version === 4) return address;
  const text = new SocketAddress({ address, family: "ipv6" }).address;
  return text.startsWith("::ffff:") && text.includes(".") ? text.slice(7) : text;
}

function foreign(): Failure {
  return invalid("the connection begins with something else");
}

function invalid(detail: string): Failure {
  return new Failure("proxy_header_invalid", detail);
}
