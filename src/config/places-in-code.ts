import { type FindPlace, placeAt } from "./places.ts";

/** What stands within brackets: entries by key or index, each with the offsets of its key and of its value. */
type Entries = Map<string, { readonly key: number; readonly value: number }>;

/**
 * Finds places in a config that is code, as far as it is written as plain literals: what is computed is shown by the nearest
 * literal around it.
 */
export function placesInCode(text: string): FindPlace {
  const start = /\bdefineConfig\s*(?:<[^(]*>)?\(\s*\{|\bexport\s+default\s*\{|\bconfig\b[^=\n]*=\s*\{/.exec(
    text,
  );
  if (start === null) return () => undefined;
  const root = start.index + start[0].length - 1;
  return (path, part = "value") => {
    let value = root;
    let shown = root;
    for (const [i, key] of path.entries()) {
      const entry = entriesAt(text, value).get(String(key));
      if (entry === undefined) break;
      value = entry.value;
      const below = text.slice(entry.key, value).includes("\n");
      shown = (part === "key" && i === path.length - 1) || below ? entry.key : value;
    }
    return placeAt(text, shown);
  };
}

/** A comment, a string, a template, a word or number, a sign; spaces before it. */
const TOKEN =
  /\s*(?:(\/\/[^\n]*|\/\*[\s\S]*?\*\/)|("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)|([\w$]+)|(\.\.\.|.))/y;

/** The entries of the literal at an offset; none where something else stands there. */
function entriesAt(text: string, offset: number): Entries {
  const entries: Entries = new Map();
  const list = text[offset] === "[";
  if (!list && text[offset] !== "{") return entries;
  const scanner = new RegExp(TOKEN);
  scanner.lastIndex = offset + 1;
  let depth = 0;
  let first = true;
  let key: { text: string; at: number } | undefined;
  let index = 0;
  for (let token = scanner.exec(text); token !== null; token = scanner.exec(text)) {
    const [, comment, string, word, sign] = token;
    if (comment !== undefined) continue;
    const at = scanner.lastIndex - (string ?? word ?? sign ?? "").length;
    if (depth === 0 && (sign === "}" || sign === "]")) {
      // What is made of a literal ([1, 2].map(…)) has other entries than it.
      if (/[.([?]/.test(text[nextValue(text, scanner.lastIndex)] ?? "")) entries.clear();
      break;
    }
    if (depth === 0 && sign === ",") {
      first = true;
      key = undefined;
      index++;
      continue;
    }
    if (depth === 0 && first) {
      first = false;
      if (list) entries.set(String(index), { key: at, value: at });
      else if (string !== undefined || word !== undefined) {
        key = { text: string?.slice(1, -1) ?? word ?? "", at };
        entries.set(key.text, { key: at, value: at });
      }
    } else if (depth === 0 && key !== undefined && sign === ":") {
      const value = nextValue(text, scanner.lastIndex);
      entries.set(key.text, { key: key.at, value });
      key = undefined;
    }
    if (sign === "{" || sign === "[" || sign === "(") depth++;
    else if (sign === "}" || sign === "]" || sign === ")") depth--;
  }
  return entries;
}

/** The offset of what follows spaces and comments. */
function nextValue(text: string, offset: number): number {
  const blank = /(?:\s|\/\/[^\n]*\n|\/\*[\s\S]*?\*\/)*/y;
  blank.lastIndex = offset;
  return offset + (blank.exec(text)?.[0].length ?? 0);
}
