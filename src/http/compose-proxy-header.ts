import { isIP } from "node:net";
import type { ProxySource } from "./proxy-header.ts";

/** The versions of the PROXY protocol. */
export type ProxyVersion = "v1" | "v2";

const SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n");
const LOCAL = 0x20;
const PROXY = 0x21;
const TCP4 = 0x11;
const TCP6 = 0x21;
/** What stands before an IPv4 address in IPv6. */
const MAPPED = Buffer.from("00000000000000000000ffff", "hex");

/**
 * The header that begins a connection to a service (PROXY protocol §2).
 * @param source whom the connection is for; without an address the header says that it is unknown
 * @param destination where the client connected to; without an address of none
 */
export function composeProxyHeader(
  version: ProxyVersion,
  source: ProxySource,
  destination: ProxySource,
): Buffer {
  const from = octetsOf(source.address);
  if (from === undefined) return version === "v1" ? Buffer.from("PROXY UNKNOWN\r\n") : binary(LOCAL, 0);
  const to = octetsOf(destination.address) ?? Buffer.alloc(from.length);
  // Both must be of one family: IPv4 has a place in IPv6 (RFC 4291 §2.5.5.2).
  const wide = from.length === 16 || to.length === 16;
  const [a, b] = wide ? [mapped(from), mapped(to)] : [from, to];
  if (version === "v2") return binary(PROXY, wide ? TCP6 : TCP4, a, b, ports(source.port, destination.port));
  const family = wide ? "TCP6" : "TCP4";
  return Buffer.from(`PROXY ${family} ${textOf(a)} ${textOf(b)} ${source.port} ${destination.port}\r\n`);
}

function binary(command: number, family: number, ...parts: readonly Buffer[]): Buffer {
  const rest = Buffer.concat(parts);
  const head = Buffer.from([command, family, rest.length >> 8, rest.length & 0xff]);
  return Buffer.concat([SIGNATURE, head, rest]);
}

function ports(from: number, to: number): Buffer {
  return Buffer.from([from >> 8, from & 0xff, to >> 8, to & 0xff]);
}

/** The octets of an address: 4 or 16, IPv4 in IPv6 as IPv4; undefined for what is none. */
function octetsOf(address: string): Buffer | undefined {
  const octets = writtenOctets(address);
  const isMapped = octets?.length === 16 && octets.subarray(0, 12).equals(MAPPED);
  return isMapped ? octets.subarray(12) : octets;
}

function writtenOctets(address: string): Buffer | undefined {
  const [plain = ""] = address.split("%");
  const version = isIP(plain);
  if (version === 0) return undefined;
  if (version === 4) return Buffer.from(plain.split(".").map(Number));
  const [head = "", tail] = plain.split("::");
  const before = groupsOf(head);
  const behind = tail === undefined ? [] : groupsOf(tail);
  const between = Array<number>(16 - before.length - behind.length).fill(0);
  return Buffer.from([...before, ...between, ...behind]);
}

/** The octets of groups between colons; the last may be an IPv4 address. */
function groupsOf(text: string): number[] {
  if (text === "") return [];
  return text.split(":").flatMap((group) => {
    if (group.includes(".")) return group.split(".").map(Number);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}

function mapped(octets: Buffer): Buffer {
  if (octets.length === 16) return octets;
  // All zeros stand for no address in either family.
  if (octets.every((octet) => octet === 0)) return Buffer.alloc(16);
  return Buffer.concat([MAPPED, octets]);
}

function textOf(octets: Buffer): string {
  if (octets.length === 4) return octets.join(".");
  const groups = octets.toString("hex").match(/.{4}/g) ?? [];
  return groups.map((group) => Number.parseInt(group, 16).toString(16)).join(":");
}
