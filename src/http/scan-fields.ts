import { Kind, kindAt } from "../lib/field-kinds.ts";
import { Fields, MARKS } from "../lib/fields.ts";
import { SHARED } from "./buffers.ts";
import { TOKEN } from "./bytes.ts";
import { countControls } from "./count-controls.ts";

// Of this file, not imported: an imported binding is loaded anew at each use, also in the hot loop, which then takes 1.4
// times as long (bench/micro/scan.ts, 2026-11-22).
const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SP = 0x20;
const COLON = 0x3a;
const DEL = 0x7f;

/** The bytes end before the field section does. */
export const INCOMPLETE = -1;
/** The bytes are not a field section; `scanned.problem` says why. */
export const REFUSED = -2;
/** There are more fields than may be, whatever follows. */
export const TOO_MANY = -3;

/** What the last scan found; read it at once. */
export const scanned: { marks: number[]; kinds: number; twice: number; problem: string } = {
  marks: [],
  kinds: 0,
  /** Bits of the kinds that stand more than once. */
  twice: 0,
  problem: "",
};

/**
 * Reads field lines as `scanFields` does, faster: line ends are found in `text` and controls are counted at once (1.0 µs
 * for a browser's head instead of 1.2; bench/micro/scan.ts, 2026-11-22). It gives up (REFUSED, without a problem) on all
 * that is not plainly well-formed; `scanFields` then says what it is.
 * @param text the head's text from `base` on, Latin-1, as long as it is there
 */
export function scanFieldsInShared(text: string, from: number, base: number): number {
  const token = TOKEN;
  const bytes = SHARED;
  const marks: number[] = [];
  const to = base + text.length;
  let kinds = 0;
  let twice = 0;
  let controls = 2;
  let at = from;
  while (at < to && bytes[at] !== CR) {
    const start = at;
    while (at < to && token[bytes[at]!] !== 0) at++;
    if (at >= to || bytes[at] !== COLON || at === start) return REFUSED;
    const cr = text.indexOf("\r", at - base);
    if (cr === -1 || text.charCodeAt(cr + 1) !== LF) return REFUSED;
    const kind = kindAt(bytes, start, at);
    if ((kinds & kind) !== 0) twice |= kind;
    kinds |= kind;
    marks.push(start - base, at - base, kind);
    controls += 2;
    at = base + cr + 2;
  }
  if (at + 1 >= to || bytes[at + 1] !== LF || countControls(from, at + 2) !== controls) return REFUSED;
  marks.push(at - base);
  scanned.marks = marks;
  scanned.kinds = kinds;
  scanned.twice = twice;
  return at + 2;
}

/**
 * Reads field lines up to and with the empty line (RFC 9112 §5), strictly: names are tokens directly followed by the
 * colon, lines end with CRLF, no line is folded, no control stands in a value.
 * @param base what to subtract from positions, so that marks count from the start of the head's text
 * @param most fields that are read; more are TOO_MANY
 * @returns the position behind the empty line, INCOMPLETE, REFUSED or TOO_MANY
 */
export function scanFields(
  bytes: Uint8Array,
  from: number,
  to: number,
  base: number,
  most: number = Number.POSITIVE_INFINITY,
): number {
  const token = TOKEN;
  const marks: number[] = [];
  let kinds = 0;
  let twice = 0;
  let at = from;
  for (;;) {
    if (at >= to) return INCOMPLETE;
    const first = bytes[at]!;
    if (first === CR) {
      if (at + 1 >= to) return INCOMPLETE;
      if (bytes[at + 1] !== LF) return refuse("a carriage return stands alone");
      marks.push(at - base);
      scanned.marks = marks;
      scanned.kinds = kinds;
      scanned.twice = twice;
      return at + 2;
    }
    if (marks.length >= most * MARKS) return TOO_MANY;
    const start = at;
    while (at < to && token[bytes[at]!] !== 0) at++;
    if (at >= to) return INCOMPLETE;
    const behind = bytes[at]!;
    if (behind !== COLON || at === start) return refuse(nameProblem(behind, at === start, from === start));
    const colon = at++;
    let octet = SP;
    for (; at < to; at++) {
      octet = bytes[at]!;
      if ((octet < SP && octet !== TAB) || octet === DEL) break;
    }
    if (at >= to) return INCOMPLETE;
    if (octet !== CR)
      return refuse(octet === LF ? "a line feed stands alone" : "a control stands in a value");
    if (at + 1 >= to) return INCOMPLETE;
    if (bytes[at + 1] !== LF) return refuse("a carriage return stands alone");
    at += 2;
    const kind = kindAt(bytes, start, colon);
    if ((kinds & kind) !== 0) twice |= kind;
    kinds |= kind;
    marks.push(start - base, colon - base, kind);
  }
}

/** The fields that the last scan found, over the text that its marks count in. */
export function scannedFields(text: string): Fields {
  const fields = new Fields(text, scanned.marks, scanned.kinds);
  if ((scanned.kinds & Kind.lookalike) !== 0) fields.dropped |= Kind.lookalike;
  return fields;
}

function refuse(problem: string): number {
  scanned.problem = problem;
  return REFUSED;
}

function nameProblem(byte: number, empty: boolean, firstLine: boolean): string {
  if (byte === LF) return "a line feed stands alone";
  if (byte === CR) return "a field line has no colon";
  if (byte === COLON) return "a field has no name";
  if (byte !== SP && byte !== TAB) return "a field name holds what no token may";
  if (!empty) return "white space stands before a colon";
  return firstLine ? "white space stands before the first field" : "a field line is folded";
}
