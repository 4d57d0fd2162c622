/** The Castagnoli polynomial, bits reversed (RFC 9260 appendix A). */
const POLYNOMIAL = 0x82f63b78;

const TABLE = new Uint32Array(256);
for (let octet = 0; octet < 256; octet++) {
  let value = octet;
  for (let bit = 0; bit < 8; bit++) value = (value & 1) === 1 ? (value >>> 1) ^ POLYNOMIAL : value >>> 1;
  TABLE[octet] = value;
}

/** The CRC32c checksum of the bytes. */
export function crc32c(bytes: Uint8Array): number {
  let sum = 0xffffffff;
  for (const octet of bytes) sum = (sum >>> 8) ^ TABLE[(sum ^ octet) & 0xff]!;
  return (sum ^ 0xffffffff) >>> 0;
}
