import { readFileSync } from "node:fs";
import { join } from "node:path";
import { sourceFiles } from "./source-files.ts";

const HARD_LIMIT = 500;
const MEDIAN_LIMIT = 120;

/** Small files are a choice: a file that grows past the limit holds two things, and the second wants its own name. */
export function checkSizes(root: string): string[] {
  const sizes = sourceFiles(root, "src").map((path) => ({
    path,
    lines: readFileSync(join(root, path), "utf8").split("\n").length,
  }));
  const problems = sizes
    .filter(({ lines }) => lines > HARD_LIMIT)
    .map(
      ({ path, lines }) =>
        `${path} has ${lines} lines, the limit is ${HARD_LIMIT}: split it by what it holds`,
    );
  const median = sizes.map(({ lines }) => lines).sort((a, b) => a - b)[sizes.length >> 1] ?? 0;
  if (median > MEDIAN_LIMIT)
    problems.push(`the median file has ${median} lines, the limit is ${MEDIAN_LIMIT}`);
  return problems;
}
