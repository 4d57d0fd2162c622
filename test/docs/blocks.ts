/** What a page of the docs says: its fenced blocks, in order. */

/** One fenced block. */
export interface Block {
  /** Its language: sh, yaml, text … */
  readonly language: string;
  readonly text: string;
  /** Line of its first line of text. */
  readonly line: number;
  /** Why it is not run; undefined where it is. */
  readonly notRun: string | undefined;
  /** Exit code that it has. */
  readonly exit: number;
}

const FENCE = /^```(\w*)/;
const NOT_RUN = /^<!-- not run: (.+) -->$/;
const EXIT = /^<!-- exit code: (\d+) -->$/;

/** The blocks of a page in Markdown. Throws an Error for one without an end. */
export function blocksOf(page: string): Block[] {
  const lines = page.split("\n");
  const blocks: Block[] = [];
  for (let at = 0; at < lines.length; at++) {
    const language = FENCE.exec(lines[at]!)?.[1];
    if (language === undefined) continue;
    const end = lines.indexOf("```", at + 1);
    if (end < 0) throw new Error(`line ${at + 1}: this block has no end`);
    const mark = lines[at - 1] ?? "";
    blocks.push({
      language,
      text: lines.slice(at + 1, end).join("\n"),
      line: at + 2,
      notRun: NOT_RUN.exec(mark)?.[1],
      exit: Number(EXIT.exec(mark)?.[1] ?? 0),
    });
    at = end;
  }
  return blocks;
}

/** The file that a block shows: its first line is a comment with the path and nothing else. */
export function fileOf({ text }: Block): string | undefined {
  return /^(?:#|\/\/) ((?:[\w.-]+\/)*[\w.-]+\.(?:yaml|json|ts|mjs))(?: .*)?\n/.exec(text)?.[1];
}
