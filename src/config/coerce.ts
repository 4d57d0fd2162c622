import type { ConfigDocument } from "./documents.ts";
import type { Hints } from "./hints.ts";
import { innerPolicies } from "./inner-policies.ts";
import type { PolicyConfig } from "./route-schema.ts";
import type { Secrets } from "./secrets.ts";

/** A document's data in which text from the environment or a file is a number or a boolean where one is wanted. */
export function coerceSecrets(
  { file, value }: ConfigDocument,
  { places }: Secrets,
  hints: () => Hints,
): unknown {
  let made = value;
  for (const place of places) {
    if (place.file !== file) continue;
    const words = hints().wanted(place.path)?.words ?? "text";
    if (!/\btext\b/.test(words)) made = replaceAt(made, place.path, (text) => typed(text, words));
  }
  return made;
}

function typed(text: unknown, words: string): unknown {
  if (typeof text !== "string") return text;
  if (/number/.test(words) && /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/.test(text)) return Number(text);
  if (/true or false/.test(words) && /^(?:true|false)$/.test(text)) return text === "true";
  return text;
}

/** A copy in which one value is another. */
function replaceAt(
  value: unknown,
  [key, ...rest]: readonly PropertyKey[],
  change: (before: unknown) => unknown,
): unknown {
  if (key === undefined) return change(value);
  if (typeof value !== "object" || value === null) return value;
  const copy = (Array.isArray(value) ? [...value] : { ...value }) as Record<PropertyKey, unknown>;
  copy[key] = replaceAt(copy[key], rest, change);
  return copy;
}

/** Where in a policy's options text from the environment or a file stands. */
const substituted = new WeakMap<object, PropertyKey[][]>();

/** Notes in which policies of a document text came from the environment or a file: only their own schema knows what it is. */
export function noteInPolicies(read: unknown, file: string, { places }: Secrets): void {
  for (const place of places) {
    const at = place.path.lastIndexOf("policies");
    if (place.file !== file || at === -1) continue;
    const entry = place.path
      .slice(0, at + 2)
      .reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown>)?.[key], read);
    if (typeof entry !== "object" || entry === null) continue;
    const path = place.path.slice(at + 2);
    note(entry, path);
    for (const inner of innerPolicies(entry as PolicyConfig))
      if (inner.path.every((key, i) => key === path[i])) note(inner.entry, path.slice(inner.path.length));
  }
}

/** `path` begins with the key of the policy. */
function note(entry: object, [, ...path]: readonly PropertyKey[]): void {
  substituted.set(entry, [...(substituted.get(entry) ?? []), path]);
}

/** A policy's options in which text from outside is a number or a boolean where one is wanted. */
export function coerceOptions(entry: PolicyConfig, options: unknown, hints: () => Hints): unknown {
  let made = options;
  for (const path of substituted.get(entry) ?? []) {
    const words = hints().wanted(path)?.words ?? "text";
    if (!/\btext\b/.test(words)) made = replaceAt(made, path, (text) => typed(text, words));
  }
  return made;
}
