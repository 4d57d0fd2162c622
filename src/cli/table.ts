import { isAbsolute, relative } from "node:path";
import { stripVTControlCharacters, styleText } from "node:util";

/** Columns are this far apart. */
const GAP = "  ";
/** A column is never made narrower than this. */
const NARROW = 12;
/** Where nobody says how wide it is: lines of a file are not cut. */
const ENDLESS = Number.POSITIVE_INFINITY;

/** A table's lines: columns aligned, the last ones wrapped where the terminal ends. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  width: number = terminalWidth(),
): string[] {
  const used = head.map((_, i) => i).filter((i) => rows.some((row) => row[i] !== ""));
  const shown = rows.map((row) => used.map((i) => row[i] ?? ""));
  const titles = used.map((i) => head[i]!);
  const widths = titles.map((title, i) => Math.max(...[title, ...shown.map((row) => row[i]!)].map(lengthOf)));
  const fitted = fit(widths, width);
  return [
    ...wrapped(
      titles.map((title) => coloured("dim", title)),
      fitted,
    ),
    ...shown.flatMap((row) => wrapped(row, fitted)),
  ];
}

/** A text in a colour, where standard output is a terminal that has them (NO_COLOR is heeded). */
export function coloured(colour: "dim" | "bold" | "green" | "red" | "yellow", text: string): string {
  return styleText(colour, text, { stream: process.stdout });
}

/** A path from here where that is shorter; anything else as it is. */
export function shortPath(path: string): string {
  if (!isAbsolute(path)) return path;
  const from = relative(process.cwd(), path);
  return from !== "" && from.length < path.length ? from : path;
}

/** Columns of the terminal; endless where there is none. */
export function terminalWidth(): number {
  return process.stdout.isTTY ? process.stdout.columns : ENDLESS;
}

function lengthOf(text: string): number {
  return stripVTControlCharacters(text).length;
}

/** Takes from the widest column until all of them fit, or are narrow. */
function fit(widths: readonly number[], width: number): number[] {
  const fitted = [...widths];
  const room = width - GAP.length * (widths.length - 1);
  for (let over = sum(fitted) - room; over > 0; over = sum(fitted) - room) {
    const widest = Math.max(...fitted);
    if (widest <= NARROW) break;
    const next = Math.max(NARROW, ...fitted.filter((one) => one < widest));
    fitted[fitted.indexOf(widest)] = Math.max(next === widest ? NARROW : next, widest - over, NARROW);
  }
  return fitted;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

function wrapped(cells: readonly string[], widths: readonly number[]): string[] {
  const pieces = cells.map((cell, i) => broken(cell, widths[i]!));
  const height = Math.max(...pieces.map(({ length }) => length));
  return Array.from({ length: height }, (_, line) =>
    pieces
      .map((piece, i) => {
        const text = piece[line] ?? "";
        return text + " ".repeat(Math.max(0, widths[i]! - lengthOf(text)));
      })
      .join(GAP)
      .trimEnd(),
  );
}

/** A cell in lines of a width: broken at spaces, else where it must be. Colours are lost in what is broken. */
function broken(cell: string, width: number): string[] {
  if (lengthOf(cell) <= width) return [cell];
  const lines: string[] = [];
  let rest = stripVTControlCharacters(cell);
  while (rest.length > width) {
    const space = rest.lastIndexOf(" ", width);
    const end = space > 0 ? space : width;
    lines.push(rest.slice(0, end));
    rest = rest.slice(end).trimStart();
  }
  return [...lines, rest];
}
