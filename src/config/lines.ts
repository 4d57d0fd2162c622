import { isUtf8 } from "node:buffer";
import { closeSync, openSync, readSync } from "node:fs";

const PIECE = 1_048_576;
/** Bytes of a line at most. */
export const MAX_LINE = 1_048_576;
const LF = 0x0a;

/** A line of a file: its text, or why it has none. */
export type FileLine = { readonly text: string } | { readonly problem: string };

/**
 * The lines of a file of any size, read piece by piece; empty lines are given too, so that counting works. Throws the system's
 * error where it cannot be read.
 */
export function* linesOf(path: string): Generator<FileLine> {
  const file = openSync(path, "r");
  try {
    const piece = Buffer.allocUnsafeSlow(PIECE);
    let rest: Buffer[] = [];
    let length = 0;
    const line = (end: Buffer): FileLine => {
      const whole = rest.length === 0 ? end : Buffer.concat([...rest, end]);
      const bytes = length + end.length;
      rest = [];
      length = 0;
      return bytes > MAX_LINE ? { problem: "is longer than 1 MiB" } : textOf(whole);
    };
    for (;;) {
      const size = readSync(file, piece, 0, PIECE, null);
      if (size === 0) break;
      let from = 0;
      for (let at = piece.indexOf(LF); at !== -1 && at < size; at = piece.indexOf(LF, from)) {
        yield line(piece.subarray(from, at));
        from = at + 1;
      }
      // Of a line that is too long no more is kept than tells so.
      length += size - from;
      if (length <= MAX_LINE) rest.push(Buffer.from(piece.subarray(from, size)));
    }
    if (length > 0) yield line(Buffer.alloc(0));
  } finally {
    closeSync(file);
  }
}

function textOf(bytes: Buffer): FileLine {
  return isUtf8(bytes) ? { text: bytes.toString("utf8") } : { problem: "is not UTF-8" };
}
