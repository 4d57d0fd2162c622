import { placeAt } from "./places.ts";
import { ConfigError, problemAt } from "./problem.ts";

/** Reads JSON strictly. Throws a ConfigError with the place; a key that stands twice in one object is one. */
export function parseJson(text: string, file: string): unknown {
  const quick = quickly(text);
  if (quick !== undefined) return quick.value;
  const flaw = flawOf(text);
  if (flaw !== undefined) {
    const place = placeAt(text, flaw.at);
    throw new ConfigError([{ ...problemAt({ file, path: [] }, flaw.reason, flaw.cure), ...place }]);
  }
  return text.trim() === "" ? {} : JSON.parse(text);
}

const DEPTH = 100;

/** What a text without a flaw holds; undefined where there may be one. A repeated key shows in the number of keys. */
function quickly(text: string): { readonly value: unknown } | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return keysIn(value, DEPTH) === keysWritten(text) ? { value } : undefined;
}

/** Keys of all maps; less than none where they are nested deeper than `depth`. */
function keysIn(value: unknown, depth: number): number {
  if (typeof value !== "object" || value === null) return 0;
  if (depth === 0) return Number.NEGATIVE_INFINITY;
  let count = 0;
  if (Array.isArray(value)) for (const one of value) count += keysIn(one, depth - 1);
  else
    for (const key in value)
      count += 1 + keysIn((value as Readonly<Record<string, unknown>>)[key], depth - 1);
  return count;
}

/** Keys in a text that is JSON: strings with a colon behind them. */
function keysWritten(text: string): number {
  let count = 0;
  for (let at = text.indexOf('"'); at !== -1; at = text.indexOf('"', at)) {
    at = endOfString(text, at) + 1;
    let next = text.charCodeAt(at);
    while (next === 0x20 || (next >= 0x09 && next <= 0x0d)) next = text.charCodeAt(++at);
    if (next === 0x3a) count++;
  }
  return count;
}

/** Where the closing quote of a string stands: the next that no odd number of backslashes stands before. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === 0x5c) slashes++;
    if (slashes % 2 === 0) return end;
  }
}

interface Flaw {
  readonly at: number;
  readonly reason: string;
  readonly cure: string;
}

const TOKEN =
  /[ \t\r\n]*(?:("(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*")|(-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|true|false|null)|([{}[\],:]))/y;

/** What the grammar allows next. */
type Wanted = "value" | "value or ]" | "key" | "key or }" | ":" | ", or end";

/** The first place at which a text is not JSON, or where a key is repeated. */
function flawOf(text: string): Flaw | undefined {
  if (text.trim() === "") return undefined;
  const open: (Set<string> | undefined)[] = [];
  let wanted: Wanted = "value";
  let done = false;
  TOKEN.lastIndex = 0;
  for (;;) {
    const before = TOKEN.lastIndex;
    const token = TOKEN.exec(text);
    const rest =
      token === null
        ? before + (/^[ \t\r\n]*/.exec(text.slice(before, before + 10_000))?.[0].length ?? 0)
        : 0;
    if (token === null)
      return done && rest === text.length ? undefined : broken(text, rest, done ? "nothing" : wanted);
    const [all, string, scalar, mark] = token;
    const at = before + all.length - (string ?? scalar ?? mark ?? "").length;
    if (done) return broken(text, at, "nothing");
    const keys = open.at(-1);
    if (wanted === ":") {
      if (mark !== ":") return broken(text, at, wanted);
      wanted = "value";
    } else if (wanted === ", or end") {
      if (mark === (keys === undefined ? "]" : "}")) open.pop();
      else if (mark === ",") wanted = keys === undefined ? "value" : "key";
      else return broken(text, at, wanted);
    } else if (wanted.startsWith("key")) {
      if (mark === "}" && wanted === "key or }") {
        open.pop();
        wanted = ", or end";
      } else if (string === undefined) return broken(text, at, wanted);
      else {
        const name = JSON.parse(string) as string;
        if (keys!.has(name))
          return { at, reason: "the key stands twice in one map", cure: "keep one of the two" };
        keys!.add(name);
        wanted = ":";
      }
    } else if (mark === "{" || mark === "[") {
      open.push(mark === "{" ? new Set() : undefined);
      if (open.length > DEPTH)
        return {
          at,
          reason: "is nested too deeply",
          cure: "write at most 100 maps and lists within one another",
        };
      wanted = mark === "{" ? "key or }" : "value or ]";
    } else if (mark === "]" && wanted === "value or ]") {
      open.pop();
      wanted = ", or end";
    } else if (mark !== undefined) return broken(text, at, wanted);
    else wanted = ", or end";
    if (open.length === 0 && wanted === ", or end") done = true;
  }
}

const CURES: Readonly<Record<Wanted | "nothing", string>> = {
  value: 'write a value: "text", 1, true, null, [ … ] or { … }; no comma before an end',
  "value or ]": "write a value, or ] for the end of the list",
  key: 'write a key in double quotes: "name"; no comma before an end',
  "key or }": 'write a key in double quotes: "name"; or } for the end of the map',
  ":": "write a colon between key and value",
  ", or end": "write a comma between entries, or close the bracket",
  nothing: "remove what follows the end",
};

function broken(text: string, at: number, wanted: Wanted | "nothing"): Flaw {
  const found = at >= text.length ? "the text ends here" : `${JSON.stringify(text[at])} stands here`;
  return { at, reason: `is not JSON: ${found}`, cure: CURES[wanted] };
}
