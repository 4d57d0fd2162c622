import { hash, randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/** Digits of 256 bits and of a CRC-32, to the base of 62. */
const SECRET = 43;
const CHECK = 6;
const KEY = /^[a-z][a-z0-9_]*_([0-9A-Za-z]{43})([0-9A-Za-z]{6})$/;

/** What may stand before the "_" of a key. */
export const KEY_PREFIX: RegExp = /^[a-z][a-z0-9_]{0,30}$/;

/**
 * A new API key: a prefix that tells what it is for, 256 random bits, and a checksum by which scanners for leaked secrets
 * and people who copy know a whole one. Letters, digits and "_" only.
 */
export function createKey(prefix = "torana"): string {
  const secret = digits(BigInt(`0x${randomBytes(32).toString("hex")}`), SECRET);
  return `${prefix}_${secret}${checkOf(`${prefix}_${secret}`)}`;
}

/**
 * Whether a text looks like one of our keys, and if so, whether its checksum is right. One that is too short or too long is
 * known by the default prefix only: with another, it could be anybody's.
 */
export function checkKey(text: string): "ours" | "broken" | "other" {
  const [, , check] = KEY.exec(text) ?? [];
  if (check === undefined) return /^torana_[0-9A-Za-z]*$/.test(text) ? "broken" : "other";
  return checkOf(text.slice(0, -CHECK)) === check ? "ours" : "broken";
}

/** What a key may be, ours or another's: visible ASCII without commas, which would be two of a field. */
export const KEY_TEXT: RegExp = /^[\x21-\x2b\x2d-\x7e]{1,512}$/;

/** What a key is found by: its SHA-256 in base64url. */
export function hashKey(key: string): string {
  return hash("sha256", key, "base64url");
}

/** A hash of a key as it is written in a config. */
export function writtenHash(key: string): string {
  return `sha256:${hashKey(key)}`;
}

/** What a written hash is found by; undefined for what is not `sha256:` and 43 characters of base64url or 64 of hexadecimal. */
export function readHash(written: string): string | undefined {
  const [, base64, hex] = /^sha256:(?:([A-Za-z0-9_-]{43})=?|([0-9A-Fa-f]{64}))$/.exec(written) ?? [];
  if (hex !== undefined) return Buffer.from(hex, "hex").toString("base64url");
  if (base64 === undefined) return undefined;
  // Another spelling of the last digit would never be found.
  return Buffer.from(base64, "base64url").toString("base64url");
}

function checkOf(text: string): string {
  return digits(BigInt(crc32(text)), CHECK);
}

function digits(value: bigint, count: number): string {
  let text = "";
  for (let rest = value; text.length < count; rest /= 62n) text = DIGITS[Number(rest % 62n)]! + text;
  return text;
}
