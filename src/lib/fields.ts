import type { FieldBlock } from "./field-block.ts";
import { HOP_BY_HOP, Kind, kindOf } from "./field-kinds.ts";
import { checkField, listMembers } from "./field-syntax.ts";

/** The field section of a message as policies may read it. Names are compared without case. */
export interface ReadonlyFields {
  /** @internal Bits of the kinds that the text holds; see field-kinds.ts. */
  readonly kinds: number;
  /** The value of a field; of one that stands several times, all values joined by ", " (RFC 9110 §5.3). */
  get(name: string): string | undefined;
  /** Every value of a field, in order. */
  all(name: string): string[];
  has(name: string): boolean;
  /** Name in lower case and value of every field, in order. */
  entries(): Iterable<[name: string, value: string]>;
  /** An editable copy; the cost does not grow with the number of fields. */
  clone(): Fields;
}

/** Numbers per field in `marks`: where its name starts, where its colon stands, its kind. */
export const MARKS = 3;

/**
 * The fields of a message: the text they arrived in, marks of where each stands, and edits on top. What nobody edits is
 * sent on as it came, in runs of the text.
 */
export class Fields implements ReadonlyFields {
  /** @internal Latin-1 text of whole field lines, each ended by CRLF; may begin with other text. */
  readonly text: string;
  /** @internal `MARKS` numbers per field, then where the last line ends. */
  readonly marks: readonly number[];
  /** @internal Bits of the kinds that the text holds. */
  readonly kinds: number;
  /** @internal Bits of the kinds whose lines in the text are left out. */
  dropped: number;
  /** Positions in `marks` of the other lines that are left out. */
  #removed: number[] | undefined;
  /** Names in lower case and values that were added, alternating. */
  #added: string[] | undefined;
  /** Added as well, before those; taken apart when one of its fields is touched. */
  #block: FieldBlock | undefined;

  constructor(text = "", marks: readonly number[] = [0], kinds = 0) {
    this.text = text;
    this.marks = marks;
    this.kinds = kinds;
    this.dropped = 0;
    this.#removed = undefined;
    this.#added = undefined;
    this.#block = undefined;
  }

  /** Fields from pairs or an object. Throws a RangeError for a name or value that cannot stand in a message. */
  static from(pairs: Iterable<readonly [string, string]> | Readonly<Record<string, string>>): Fields {
    const fields = new Fields();
    const list = Symbol.iterator in pairs ? pairs : Object.entries(pairs);
    for (const [name, value] of list as Iterable<readonly [string, string]>) fields.append(name, value);
    return fields;
  }

  get(name: string): string | undefined {
    const values = this.all(name);
    return values.length < 2 ? values[0] : values.join(", ");
  }

  all(name: string): string[] {
    const lower = name.toLowerCase();
    const kind = kindOf(lower);
    const values: string[] = [];
    if (kind === 0 || (this.kinds & ~this.dropped & kind) !== 0) {
      for (let at = 0; at < this.marks.length - 1; at += MARKS)
        if (this.#matches(at, lower, kind)) values.push(this.#valueAt(at));
    }
    pick(this.#block?.pairs, lower, values);
    pick(this.#added, lower, values);
    return values;
  }

  /** @internal The value of a kind's only line in the text; undefined when there is none or more than one. */
  only(kind: number): string | undefined {
    let found = -1;
    for (let at = 0; at < this.marks.length - 1; at += MARKS) {
      if (this.marks[at + 2] !== kind) continue;
      if (found !== -1) return undefined;
      found = at;
    }
    return found === -1 ? undefined : this.#valueAt(found);
  }

  /** @internal Whether a kind's only line in the text holds just this value; `lower` compares without case. */
  onlyIs(kind: number, value: string, lower = false): boolean {
    const { text, marks } = this;
    let found = false;
    for (let at = 0; at < marks.length - 1; at += MARKS) {
      if (marks[at + 2] !== kind) continue;
      const end = marks[at + MARKS]! - 2;
      const start = end - value.length;
      const gap = start - marks[at + 1]!;
      // One space behind the colon and none behind the value: how all that matter write it.
      if (found || gap !== 2 || text.charCodeAt(start - 1) !== 0x20) return false;
      found = text.startsWith(value, start) || (lower && text.slice(start, end).toLowerCase() === value);
      if (!found) return false;
    }
    return found;
  }

  has(name: string): boolean {
    return this.all(name).length > 0;
  }

  *entries(): IterableIterator<[string, string]> {
    for (let at = 0; at < this.marks.length - 1; at += MARKS)
      if (!this.#isLeftOut(at)) yield [this.#nameAt(at), this.#valueAt(at)];
    for (const added of [this.#block?.pairs ?? [], this.#added ?? []])
      for (let i = 0; i < added.length; i += 2) yield [added[i]!, added[i + 1]!];
  }

  /** @internal Puts the lower-case name and the value of every field at the end of a list, in order. */
  listTo(list: string[]): void {
    for (let at = 0; at < this.marks.length - 1; at += MARKS)
      if (!this.#isLeftOut(at)) list.push(this.#nameAt(at), this.#valueAt(at));
    if (this.#block !== undefined) list.push(...this.#block.pairs);
    if (this.#added !== undefined) list.push(...this.#added);
  }

  clone(): Fields {
    const copy = new Fields(this.text, this.marks, this.kinds);
    copy.dropped = this.dropped;
    if (this.#removed !== undefined) copy.#removed = this.#removed.slice();
    if (this.#added !== undefined) copy.#added = this.#added.slice();
    copy.#block = this.#block;
    return copy;
  }

  /** Replaces every field of this name by one. Throws a RangeError for what cannot stand in a message. */
  set(name: string, value: string): void {
    checkField(name, value);
    this.remove(name);
    this.put(name.toLowerCase(), value);
  }

  /** Adds a field behind those there are. Throws a RangeError for what cannot stand in a message. */
  append(name: string, value: string): void {
    checkField(name, value);
    this.put(name.toLowerCase(), value);
  }

  /** @internal Adds a field whose lower-case name and value are known to be well-formed. */
  put(name: string, value: string): void {
    if (this.#added === undefined) this.#added = [name, value];
    else this.#added.push(name, value);
  }

  /** @internal Adds the lines of a block; a second one is added line by line. */
  putBlock(block: FieldBlock): void {
    if (this.#block === undefined) this.#block = block;
    else for (let i = 0; i < block.pairs.length; i += 2) this.put(block.pairs[i]!, block.pairs[i + 1]!);
  }

  /** Removes every field of this name. */
  remove(name: string): void {
    const lower = name.toLowerCase();
    const kind = kindOf(lower);
    if (kind !== 0 && lower.indexOf("_") === -1) {
      this.dropped |= kind;
    } else {
      for (let at = 0; at < this.marks.length - 1; at += MARKS)
        if (this.#matches(at, lower, kind)) {
          this.#removed ??= [];
          this.#removed.push(at);
        }
    }
    this.#removeAdded(lower);
  }

  /** @internal Leaves out every field of these kinds, wherever it came from. */
  leaveOut(kinds: number): void {
    this.dropped |= kinds;
    if (this.#block !== undefined && (this.#block.kinds & kinds) !== 0) this.#unblock();
    const added = this.#added;
    if (added === undefined) return;
    for (let i = added.length - 2; i >= 0; i -= 2) if ((kindOf(added[i]!) & kinds) !== 0) added.splice(i, 2);
  }

  /**
   * @internal Leaves out what belongs to one connection: the hop-by-hop fields and those that `Connection` names, except the ones
   * that carry the message's own meaning (RFC 9110 §7.6.1).
   */
  dropHopByHop(): void {
    const plain = (this.kinds & Kind.connection) === 0 || this.onlyIs(Kind.connection, "keep-alive", true);
    const connection = plain ? [] : this.all("connection");
    this.leaveOut(HOP_BY_HOP);
    if (plain) return;
    const named = new Set<string>();
    for (const value of connection) for (const option of listMembers(value)) named.add(option);
    // Once per field that is there: thousands of options must not cost thousands of searches.
    const present = new Set<string>();
    for (const [name] of this.entries())
      if (named.has(name) && !KEPT_WHATEVER_CONNECTION_SAYS.has(name)) present.add(name);
    for (const name of present) this.remove(name);
  }

  /** @internal The lines to send, each ended by CRLF: runs of the text as it came, then what was added. */
  toText(): string {
    const { marks, dropped } = this;
    const last = marks.length - 1;
    let out = "";
    let from = marks[0]!;
    if ((this.kinds & dropped) !== 0 || this.#removed !== undefined) {
      for (let at = 0; at < last; at += MARKS) {
        if (!this.#isLeftOut(at)) continue;
        if (from < marks[at]!) out += this.text.slice(from, marks[at]);
        from = marks[at + MARKS]!;
      }
    }
    if (from < marks[last]!) out += this.text.slice(from, marks[last]);
    if (this.#block !== undefined) out += this.#block.text;
    const added = this.#added;
    if (added !== undefined)
      for (let i = 0; i < added.length; i += 2) out += `${added[i]}: ${added[i + 1]}\r\n`;
    return out;
  }

  #isLeftOut(at: number): boolean {
    return (this.marks[at + 2]! & this.dropped) !== 0 || this.#removed?.includes(at) === true;
  }

  #matches(at: number, lower: string, kind: number): boolean {
    const start = this.marks[at]!;
    return (
      this.marks[at + 1]! - start === lower.length &&
      this.marks[at + 2] === kind &&
      !this.#isLeftOut(at) &&
      this.#nameAt(at) === lower
    );
  }

  #nameAt(at: number): string {
    return this.text.slice(this.marks[at], this.marks[at + 1]).toLowerCase();
  }

  #valueAt(at: number): string {
    const { text, marks } = this;
    let start = marks[at + 1]! + 1;
    let end = marks[at + MARKS]! - 2;
    while (start < end && isBlank(text.charCodeAt(start))) start++;
    while (start < end && isBlank(text.charCodeAt(end - 1))) end--;
    return text.slice(start, end);
  }

  #unblock(): void {
    this.#added = [...this.#block!.pairs, ...(this.#added ?? [])];
    this.#block = undefined;
  }

  #removeAdded(lower: string): void {
    if (this.#block?.pairs.includes(lower)) this.#unblock();
    const added = this.#added;
    if (added === undefined) return;
    for (let i = added.length - 2; i >= 0; i -= 2) if (added[i] === lower) added.splice(i, 2);
  }
}

/** A `Connection` that names one of these is not obeyed: without them the message would mean something else. */
const KEPT_WHATEVER_CONNECTION_SAYS: ReadonlySet<string> = new Set([
  "host",
  "content-length",
  "transfer-encoding",
  "trailer",
  "expect",
  "date",
  "via",
  "",
]);

function pick(pairs: readonly string[] | undefined, lower: string, values: string[]): void {
  if (pairs === undefined) return;
  for (let i = 0; i < pairs.length; i += 2) if (pairs[i] === lower) values.push(pairs[i + 1]!);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
