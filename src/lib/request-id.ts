import { randomUUID } from "node:crypto";

/** Ids made from one random prefix: the last two octets count. */
const PER_PREFIX = 65_536;

const HEX: readonly string[] = Array.from({ length: 256 }, (_, octet) => octet.toString(16).padStart(2, "0"));

let prefix = "";
let next = PER_PREFIX;

/**
 * A UUID (RFC 9562 §5.4 in its layout) that is unique, not secret: 106 random bits that are drawn anew every 65,536 ids,
 * then a counter. Costs a tenth of drawing each.
 */
export function requestId(): string {
  if (next === PER_PREFIX) {
    prefix = randomUUID().slice(0, 32);
    next = 0;
  }
  const count = next++;
  return prefix + HEX[count >> 8] + HEX[count & 0xff];
}
