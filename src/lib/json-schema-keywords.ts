import type { Ajv } from "ajv";

/** Quotients may be so far from a whole number: 19.99 is a multiple of 0.01, though not in binary. */
const INEXACT = 1e-9;

/**
 * Replaces keywords of a library's instance. Its own `uniqueItems` compares every item with every other, and like `const` and
 * `enum` it calls what a value has under the name `valueOf`; here values compare by one text each. Its `multipleOf` either is
 * too exact or takes a quotient that is infinite.
 */
export function replaceKeywords(ajv: Ajv): void {
  for (const keyword of ["const", "enum", "multipleOf", "uniqueItems"]) ajv.removeKeyword(keyword);
  ajv.addKeyword({
    keyword: "const",
    error: { message: "must be equal to constant" },
    compile: (wanted: unknown) => {
      const text = canonical(wanted);
      return (value: unknown) => canonical(value) === text;
    },
  });
  ajv.addKeyword({
    keyword: "enum",
    schemaType: "array",
    error: { message: "must be equal to one of the allowed values" },
    compile: (wanted: readonly unknown[]) => {
      const texts = new Set(wanted.map(canonical));
      return (value: unknown) => texts.has(canonical(value));
    },
  });
  ajv.addKeyword({
    keyword: "multipleOf",
    type: "number",
    schemaType: "number",
    error: { message: ({ schema }) => `must be multiple of ${schema}` },
    compile: (bound: number) => (value: number) => {
      const quotient = value / bound;
      return Math.abs(Math.round(quotient) - quotient) < INEXACT;
    },
  });
  ajv.addKeyword({
    keyword: "uniqueItems",
    type: "array",
    schemaType: "boolean",
    error: { message: "must NOT have duplicate items" },
    compile: (wanted: boolean) => (items: readonly unknown[]) =>
      !wanted || new Set(items.map(canonical)).size === items.length,
  });
}

/** One text for all values that JSON Schema calls equal. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return value === 0 ? "0" : (JSON.stringify(value) ?? "");
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join(",")}}`;
}
