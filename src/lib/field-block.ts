import { kindOf } from "./field-kinds.ts";

/** Lines that are added to many messages alike, made once. */
export class FieldBlock {
  readonly text: string;
  /** Bits of the kinds that the lines hold. */
  readonly kinds: number;
  /** Names in lower case and values, alternating. */
  readonly pairs: readonly string[];

  /** @param pairs names in lower case and values, alternating, known to be well-formed */
  constructor(pairs: readonly string[]) {
    this.pairs = pairs;
    let text = "";
    let kinds = 0;
    for (let i = 0; i < pairs.length; i += 2) {
      text += `${pairs[i]}: ${pairs[i + 1]}\r\n`;
      kinds |= kindOf(pairs[i]!);
    }
    this.text = text;
    this.kinds = kinds;
  }
}
