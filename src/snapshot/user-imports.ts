/** One import as it stands in a text. */
export interface Import {
  readonly specifier: string;
  /** Where the specifier's quote opens, in UTF-16 units from the start. */
  readonly index: number;
}

/** `from`, `import` or `import(`, then a string without escapes; comments may stand between. */
const IMPORT = /\b(?:from|import)\b(?:\s|\/\*[\s\S]*?\*\/|\/\/[^\n]*\n|\()*(["'`])((?:(?!\1)[^\\\n$])+)\1/g;

/**
 * The imports of a module's text. May find more than there are (in a comment, of types alone), which costs a needless
 * reload; what is computed as the module runs is found by the resolver.
 */
export function importsIn(text: string): Import[] {
  return Array.from(text.matchAll(IMPORT), (found) => {
    const [whole, , specifier = ""] = found;
    return { specifier, index: found.index + whole.length - specifier.length - 2 };
  });
}

/** Line and column, 1 for the first, of a place in a text. */
export function placeIn(text: string, index: number): { line: number; column: number } {
  const before = text.slice(0, index);
  return { line: before.split("\n").length, column: index - before.lastIndexOf("\n") };
}
