import type { ConfigProblem } from "./problem.ts";

/** Columns of a line that are shown. */
const WIDTH = 100;

/** The line of a problem with a caret below its place; undefined where there is no such line. */
export function excerpt({ line, column }: ConfigProblem, text: string): string | undefined {
  if (line === undefined || column === undefined) return undefined;
  const written = text.split(/\r?\n/, line)[line - 1];
  if (written === undefined) return undefined;
  const from = column > WIDTH - 20 ? column - 40 : 0;
  // Control characters must not reach a terminal.
  const shown = written.slice(from, from + WIDTH).replaceAll(/[\p{Cc}\p{Cf}]/gu, " ");
  const number = String(line);
  return `  ${number} | ${from > 0 ? "…" : ""}${shown}\n  ${" ".repeat(number.length)} | ${" ".repeat(column - 1 - from + (from > 0 ? 1 : 0))}^`;
}
