/** Random pieces of well-formed messages: tokens, values, field lines, chunked bodies. */
import type { Field } from "../../support/strict-parser.ts";
import { byteRange } from "../attacks/table.ts";

/** The bytes of a token (RFC 9110 5.6.2). */
export const TOKEN_BYTES: readonly string[] = [
  ..."!#$%&'*+-.^_`|~",
  ...byteRange(0x30, 0x39),
  ...byteRange(0x41, 0x5a),
  ...byteRange(0x61, 0x7a),
];

/** The bytes that a field value may begin and end with (RFC 9110 5.5). */
export const VALUE_BYTES: readonly string[] = [...byteRange(0x21, 0x7e), ...byteRange(0x80, 0xff)];

/** Names with a meaning for the gateway or for framing, which random names must not hit upon. */
const MEANINGFUL =
  /^(?:host|te|via|date|age|connection|trailer|upgrade|expect|forwarded|content-length|transfer-encoding|keep-alive)$/i;

/** Draws pieces from one source of random numbers. */
export class Parts {
  readonly random: () => number;

  constructor(random: () => number) {
    this.random = random;
  }

  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + Math.floor(this.random() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  of<T>(list: readonly T[]): T {
    return list[this.between(0, list.length - 1)]!;
  }

  text(bytes: readonly string[], length: number): string {
    return Array.from({ length }, () => this.of(bytes)).join("");
  }

  /** Optional whitespace (RFC 9110 5.6.3). */
  ows(): string {
    return this.of(["", "", " ", " ", "\t", "  ", " \t ", "\t\t", "    "]);
  }

  /** A field name without meaning; no underscore, which a gateway may drop. */
  name(): string {
    for (;;) {
      const name = this.text(TOKEN_BYTES, this.between(1, 24));
      if (!name.includes("_") && !MEANINGFUL.test(name)) return name;
    }
  }

  /** A field value without whitespace around it. */
  value(): string {
    const inside = [...VALUE_BYTES, " ", "\t", " "];
    const kinds: (() => string)[] = [
      () => "",
      () => this.of(VALUE_BYTES),
      () => `${this.of(VALUE_BYTES)}${this.text(inside, this.between(0, 60))}${this.of(VALUE_BYTES)}`,
      () => `"${this.text(inside, this.between(0, 20)).replace(/["\\]/g, "\\$&")}"`,
      () =>
        `${this.text(TOKEN_BYTES, 5)}="${this.text(TOKEN_BYTES, 5)}"; q=0.${this.between(0, 999)}, ,${this.text(TOKEN_BYTES, 3)}`,
      () => `W/"${this.text(TOKEN_BYTES, 8)}", "${this.text(TOKEN_BYTES, 8)}"`,
      () => `(comment (nested \\) ${this.text(inside, 5)}x))`,
      () => this.text(VALUE_BYTES, this.between(200, 2_000)),
    ];
    return this.of(kinds)();
  }

  /** Fields, some of them with one name. */
  fields(count: number): Field[] {
    const fields: Field[] = [];
    while (fields.length < count) {
      const again = fields.length > 0 && this.chance(0.15);
      const name = again ? this.of(fields)[0] : this.name();
      fields.push([this.chance(0.3) ? name.toUpperCase() : name, this.value()]);
    }
    return fields;
  }

  /** Field lines with random whitespace around the values. */
  lines(fields: readonly Field[]): string[] {
    return fields.map(([name, value]) => `${name}:${this.ows()}${value}${this.ows()}`);
  }

  /** Any bytes. */
  content(): string {
    const length = this.of([1, 2, 5, 16, 100, 1_000, 4_096, 20_000]);
    return this.text(byteRange(0, 255), length);
  }

  /** The body in chunks: sizes in either case and with leading zeros, extensions, trailers. */
  chunked(body: string, trailers: readonly Field[]): string {
    let bytes = "";
    for (let at = 0; at < body.length; ) {
      const piece = body.slice(at, at + this.of([1, 3, 10, 255, 4_096, 65_536]));
      bytes += `${this.size(piece.length)}${this.extension()}\r\n${piece}\r\n`;
      at += piece.length;
    }
    const last = `${this.of(["0", "0", "00", "0000"])}${this.extension()}\r\n`;
    return bytes + last + [...this.lines(trailers), ""].map((line) => `${line}\r\n`).join("");
  }

  size(length: number): string {
    const digits = length.toString(16).padStart(this.between(1, 6), "0");
    return this.chance(0.5) ? digits.toUpperCase() : digits;
  }

  extension(): string {
    if (this.chance(0.7)) return "";
    const name = this.text(TOKEN_BYTES, this.between(1, 8));
    const values = [
      "",
      `=${this.text(TOKEN_BYTES, 4)}`,
      `="${this.text(TOKEN_BYTES, 4)} ;\\"\\\\ ${this.text(byteRange(0x80, 0xff), 2)}"`,
      `${this.of(["", " ", "\t"])}=${this.of(["", " ", "\t"])}${this.text(TOKEN_BYTES, 2)}`,
    ];
    return `${this.of(["", " ", "\t"])};${this.of(["", " "])}${name}${this.of(values)}`;
  }
}

/** What a receiver must see of random fields: names in lower case, values in order. */
export function asRead(fields: readonly Field[]): Field[] {
  return fields.map(([name, value]) => [name.toLowerCase(), value]);
}
