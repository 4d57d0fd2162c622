import { isIPv6 } from "node:net";

/** Bits of an address that tell clients apart. */
export interface AddressPrefix {
  readonly v4: number;
  readonly v6: number;
}

/** What clients of one network have in common: the address with the bits behind its prefix left out. */
export function addressKey(address: string, { v4, v6 }: AddressPrefix): string {
  if (address.includes(":")) return keyOfV6(address, v4, v6);
  return v4 === 32 ? address : keyOfV4(address, v4);
}

function keyOfV4(address: string, bits: number): string {
  const parts = address.split(".").map(Number);
  if (parts.length !== 4 || parts.some((part) => !(part >= 0 && part <= 255))) return address;
  const value = parts.reduce((sum, part) => sum * 256 + part, 0);
  const size = 2 ** (32 - bits);
  const network = Math.floor(value / size) * size;
  return `${network >>> 24}.${(network >>> 16) & 255}.${(network >>> 8) & 255}.${network & 255}/${bits}`;
}

function keyOfV6(written: string, v4: number, v6: number): string {
  const address = written.replace(/%.*$/, "");
  if (!isIPv6(address)) return written;
  const mapped = /^::ffff:([0-9.]+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return v4 === 32 ? mapped : keyOfV4(mapped, v4);
  const groups = groupsOf(address);
  for (let i = 0; i < 8; i++) {
    const kept = Math.min(16, Math.max(0, v6 - 16 * i));
    groups[i] = groups[i]! & ((0xffff << (16 - kept)) & 0xffff);
  }
  return `${groups.map((group) => group.toString(16)).join(":")}/${v6}`;
}

/** The eight groups of an address. */
function groupsOf(address: string): number[] {
  const dotted = /([0-9]+)\.([0-9]+)\.([0-9]+)\.([0-9]+)$/.exec(address);
  const plain =
    dotted === null
      ? address
      : address.slice(0, dotted.index) +
        [1, 3].map((i) => (Number(dotted[i]) * 256 + Number(dotted[i + 1])).toString(16)).join(":");
  const [head = "", tail] = plain.split("::");
  const groups = (part: string): number[] =>
    part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16));
  if (tail === undefined) return groups(head);
  const [before, behind] = [groups(head), groups(tail)];
  return [...before, ...new Array<number>(8 - before.length - behind.length).fill(0), ...behind];
}
