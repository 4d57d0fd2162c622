import type { Fields } from "../lib/fields.ts";
import type { Exchange } from "./exchange.ts";
import { compileFieldTemplate, type Template } from "./template.ts";

/** Edits of one message's fields, as written; they are made in this order: remove, rename, set, add. */
export interface FieldEdits {
  /** Names; one that ends in "*" stands for all that begin so. */
  readonly remove?: readonly string[] | undefined;
  /** New names by old ones. */
  readonly rename?: Readonly<Record<string, string>> | undefined;
  readonly set?: Readonly<Record<string, string>> | undefined;
  readonly add?: Readonly<Record<string, string | readonly string[]>> | undefined;
}

/** Makes the edits on the fields of an exchange. */
export type FieldEditor = (fields: Fields, x: Exchange) => undefined;

type Line = readonly [name: string, template: Template];

/** Compiles edits; undefined where there are none. Throws a RangeError for a template that is none. */
export function compileFieldEdits(edits: FieldEdits | undefined): FieldEditor | undefined {
  const { remove = [], rename = {}, set = {}, add = {} } = edits ?? {};
  const line = ([name, text]: [string, string]): Line => [name.toLowerCase(), compileFieldTemplate(text)];
  const names = remove.map((name) => name.toLowerCase());
  const exact = names.filter((name) => !name.endsWith("*"));
  const prefixes = names.filter((name) => name.endsWith("*")).map((name) => name.slice(0, -1));
  const renamed = Object.entries(rename).map(([from, to]) => [from.toLowerCase(), to.toLowerCase()] as const);
  const written = Object.entries(set).map(line);
  const added = Object.entries(add).flatMap(([name, texts]) =>
    [texts].flat().map((text) => line([name, text])),
  );
  if (names.length + renamed.length + written.length + added.length === 0) return undefined;
  return (fields, x) => {
    for (const name of exact) fields.remove(name);
    if (prefixes.length > 0) removeAll(fields, prefixes);
    for (const [from, to] of renamed) renameField(fields, from, to);
    for (const [name, template] of written) {
      const value = template.render(x);
      fields.remove(name);
      if (value !== "") putValue(fields, name, value, template);
    }
    for (const [name, template] of added) {
      const value = template.render(x);
      if (value !== "") putValue(fields, name, value, template);
    }
  };
}

/** Constants were checked when they were compiled; what came by a request is checked again. */
function putValue(fields: Fields, name: string, value: string, { constant }: Template): void {
  if (constant !== undefined) fields.put(name, value);
  else fields.append(name, value);
}

function removeAll(fields: Fields, prefixes: readonly string[]): void {
  const found = new Set<string>();
  for (const [name] of fields.entries())
    if (prefixes.some((prefix) => name.startsWith(prefix))) found.add(name);
  for (const name of found) fields.remove(name);
}

function renameField(fields: Fields, from: string, to: string): void {
  const values = fields.all(from);
  if (values.length === 0) return;
  fields.remove(from);
  fields.remove(to);
  for (const value of values) fields.put(to, value);
}
