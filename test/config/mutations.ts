/** A config that must be refused, with a problem at a line. */
export interface Broken {
  readonly title: string;
  readonly text: string;
  /** From 1. */
  readonly line: number;
  /** Its file's name; default torana.yaml. */
  readonly file?: string;
}

/** Keys that are names of the user's own: misspelt, they are other names. */
const NAMES = /^(?:orders|next|x-tenant|x-from|v|beta)$/;

/** What no key of the config may hold; text, numbers and lists are right somewhere. */
const WRONG: readonly (readonly [title: string, value: string])[] = [
  ["a list in a list", "[[1]]"],
  ["a map with an unknown key", "{ zzz: 1 }"],
];

/** Broken configs made from a good one: each key misspelt, each value of a wrong kind or missing. */
export function mutations(text: string): Broken[] {
  const lines = text.split("\n");
  return lines.flatMap((line, i) => {
    const made = (title: string, changed: string): Broken => ({
      title: `line ${i + 1}, ${line.trim()}: ${title}`,
      text: lines.with(i, changed).join("\n"),
      line: i + 1,
    });
    const [, indent = "", dash = "", key, value = ""] = /^(\s*)(- )?([\w-]+):(?: (.*))?$/.exec(line) ?? [];
    if (key === undefined) return [];
    const before = `${indent}${dash}`;
    const broken: Broken[] = [];
    if (!NAMES.test(key))
      broken.push(made("a misspelt key", `${before}${key}zz:${value === "" ? "" : ` ${value}`}`));
    if (value === "") return broken;
    for (const [title, wrong] of WRONG) broken.push(made(title, `${before}${key}: ${wrong}`));
    broken.push(made("nothing", `${before}${key}:`));
    broken.push(made("a missing variable", `${before}${key}: \${env:TORANA_TEST_NOT_THERE}`));
    return broken;
  });
}
