/** How deep objects and lists may lie in each other. */
const DEEPEST = 32;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads one JSON object from its octets. Undefined for all else, and for what two readers could read in two ways: octets that
 * are no UTF-8, a name that stands twice in one object (RFC 7515 §4, RFC 8725 §2.4), `__proto__`, more than 32 levels.
 */
export function strictObject(octets: Uint8Array): Record<string, unknown> | undefined {
  try {
    const text = utf8.decode(octets);
    if (!isPlain(text)) return undefined;
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Whether names are unique and nothing lies too deep; the text may be no JSON at all. */
function isPlain(text: string): boolean {
  const open: Set<string>[] = [];
  for (let at = 0; at < text.length; at++) {
    const sign = text[at];
    if (sign === "{" || sign === "[") {
      if (open.push(new Set()) > DEEPEST) return false;
    } else if (sign === "}" || sign === "]") open.pop();
    else if (sign === '"') {
      const end = endOfString(text, at);
      if (isName(text, end) && !isNew(text.slice(at, end), open.at(-1))) return false;
      at = end - 1;
    }
  }
  return true;
}

/** Where the string that begins at `at` is over. */
function endOfString(text: string, at: number): number {
  for (let end = at + 1; end < text.length; end++) {
    if (text[end] === "\\") end++;
    else if (text[end] === '"') return end + 1;
  }
  return text.length;
}

/** Whether the string that ends at `end` is the name of a member. */
function isName(text: string, end: number): boolean {
  let at = end;
  while (text[at] === " " || text[at] === "\t" || text[at] === "\n" || text[at] === "\r") at++;
  return text[at] === ":";
}

/** Throws a SyntaxError for what is no string. */
function isNew(written: string, names: Set<string> | undefined): boolean {
  const name = JSON.parse(written) as string;
  if (name === "__proto__" || names === undefined || names.has(name)) return false;
  names.add(name);
  return true;
}
