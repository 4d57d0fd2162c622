import { Kind, kindOf } from "../../lib/field-kinds.ts";
import { Fields } from "../../lib/fields.ts";
import type { HeadLimits } from "../../lib/limits.ts";

/** Names of tokens in lower case (RFC 9113 §8.2.1; RFC 9110 §5.1). */
const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
/** What no value holds: controls other than a tab. HTTP/1.1 refuses the same. */
const NOT_IN_VALUES = /[^\t\x20-\x7e\x80-\xff]/;

/** Fields of one connection of HTTP/1.1: none may stand in HTTP/2 (RFC 9113 §8.2.2). */
const CONNECTION_FIELDS: number =
  Kind.connection | Kind.keepAlive | Kind.proxyConnection | Kind.transferEncoding | Kind.upgrade;

/** Names seen before, with their kinds; -1 for one that is no name. */
const known = new Map<string, number>();
const KNOWN_MAX = 2_048;

/** How many lines a name and a value are more than their own octets: colon, space, CRLF. */
const LINE_EXTRA = 4;

/** What stands wrong in a section is a matter of its length, not of its form. */
export type Excess = "head_too_large" | "fields_too_many";

/**
 * One field section as HPACK hands it over, checked as RFC 9113 §8.2 and §8.3 demand, and brought into the form that
 * `Fields` keeps, so that a message from HTTP/2 reads and goes on as one from HTTP/1.1 does.
 */
export class FieldSection {
  readonly #limits: HeadLimits;
  #text = "";
  #marks: number[] = [];
  #cookie = "";
  #crumbs = 0;
  #bytes = 0;
  #kinds = 0;
  #twice = 0;
  #regular = false;
  /** The pseudo-fields, by name with the colon. */
  readonly pseudo: Map<string, string> = new Map();
  /** What makes the message malformed; empty when nothing does. */
  problem = "";
  excess: Excess | undefined = undefined;

  constructor(limits: HeadLimits) {
    this.#limits = limits;
  }

  /** Bits of the kinds that stand in it. */
  get kinds(): number {
    return this.#kinds;
  }

  /** Bits of the kinds that stand in it more than once. */
  get twice(): number {
    return this.#twice;
  }

  /** Forgets what was read. */
  begin(): void {
    this.#text = "";
    this.#marks = [];
    this.#cookie = "";
    this.#crumbs = 0;
    this.#bytes = 0;
    this.#kinds = 0;
    this.#twice = 0;
    this.#regular = false;
    this.pseudo.clear();
    this.problem = "";
    this.excess = undefined;
  }

  /** Takes the next field. */
  readonly take = (name: string, value: string): void => {
    this.#bytes += name.length + value.length + LINE_EXTRA;
    if (this.excess !== undefined) return;
    if (this.#bytes > this.#limits.head) {
      this.excess = "head_too_large";
      return;
    }
    if (name.charCodeAt(0) === 0x3a) this.#takePseudo(name, value);
    else this.#takeField(name, value);
  };

  #takePseudo(name: string, value: string): void {
    if (this.#regular) this.#wrong(`${printable(name)} stands behind a regular field`);
    else if (this.pseudo.has(name)) this.#wrong(`${printable(name)} stands twice`);
    else if (!isValue(value)) this.#wrong(`${printable(name)} holds what no value may`);
    else if (this.pseudo.size < 8) this.pseudo.set(name, value);
    else this.#wrong("there are too many pseudo-fields");
  }

  #takeField(name: string, value: string): void {
    this.#regular = true;
    const kind = known.get(name) ?? learn(name);
    if (kind === -1) {
      this.#wrong(`${JSON.stringify(printable(name))} is not a name in lower case`);
      return;
    }
    if (!isValue(value)) {
      this.#wrong(`the value of ${name} holds what no value may`);
      return;
    }
    if (kind !== 0) {
      if ((kind & CONNECTION_FIELDS) !== 0) {
        this.#wrong(`${name} belongs to a connection of HTTP/1.1`);
        return;
      }
      if (kind === Kind.te && value !== "trailers") {
        this.#wrong("TE is not trailers");
        return;
      }
      if (kind === Kind.cookie) {
        this.#takeCrumb(value);
        return;
      }
      if ((this.#kinds & kind) !== 0) this.#twice |= kind;
      this.#kinds |= kind;
    }
    if (this.#marks.length >= this.#limits.fields * 3) this.excess = "fields_too_many";
    else this.#put(name, value, kind);
  }

  #put(name: string, value: string, kind: number): void {
    const start = this.#text.length;
    this.#marks.push(start, start + name.length, kind);
    this.#text += `${name}: ${value}\r\n`;
  }

  /** A client may send a cookie in crumbs: they are one again for whoever reads HTTP/1.1 (RFC 9113 §8.2.3). */
  #takeCrumb(value: string): void {
    this.#cookie = this.#crumbs++ === 0 ? value : `${this.#cookie}; ${value}`;
    this.#kinds |= Kind.cookie;
  }

  /** Notes the first thing that is wrong. */
  #wrong(problem: string): void {
    if (this.problem === "") this.problem = problem;
  }

  /** The regular fields, once; `host` stands before them where it is given. */
  fields(): Fields {
    if (this.#crumbs > 0) this.#put("cookie", this.#cookie, Kind.cookie);
    this.#marks.push(this.#text.length);
    const fields = new Fields(this.#text, this.#marks, this.#kinds);
    if ((this.#kinds & Kind.lookalike) !== 0) fields.dropped |= Kind.lookalike;
    return fields;
  }

  /** Adds a field of our own, known to be well-formed. */
  add(name: string, value: string, kind: number): void {
    this.#put(name, value, kind);
    this.#kinds |= kind;
  }

  /** The value of the only field of a kind; undefined when there is none or more than one. */
  only(kind: number): string | undefined {
    if ((this.#kinds & kind) === 0 || (this.#twice & kind) !== 0) return undefined;
    for (let at = 0; at < this.#marks.length; at += 3) {
      if (this.#marks[at + 2] !== kind) continue;
      const end = (this.#marks[at + 3] ?? this.#text.length) - 2;
      return this.#text.slice(this.#marks[at + 1]! + 2, end);
    }
    return undefined;
  }
}

/** Whether a value is one (RFC 9113 §8.2.1): no control, no white space at its ends. */
function isValue(value: string): boolean {
  const { length } = value;
  if (length === 0) return true;
  const first = value.charCodeAt(0);
  const last = value.charCodeAt(length - 1);
  if (first === 0x20 || first === 0x09 || last === 0x20 || last === 0x09) return false;
  return !NOT_IN_VALUES.test(value);
}

function learn(name: string): number {
  const kind = NAME.test(name) ? kindOf(name) : -1;
  if (known.size < KNOWN_MAX && name.length <= 64) known.set(name, kind);
  return kind;
}

/** A name as it may stand in a log. */
function printable(name: string): string {
  return name.slice(0, 64).replace(/[^\x21-\x7e]/g, "?");
}
