import type { z } from "zod";
import { coerceOptions } from "../config/coerce.ts";
import { Hints } from "../config/hints.ts";
import { type DescribedIssue, describeIssues } from "../config/issues.ts";
import type { PolicyDefinition } from "../pipeline/policy.ts";

/** A policy's options with their defaults, or what is wrong with them. */
export type ReadOptions =
  | { readonly success: true; readonly data: unknown }
  | { readonly success: false; readonly issues: readonly DescribedIssue[] };

const hintsOf = new WeakMap<z.ZodType, Hints>();

/**
 * Reads the options of a policy's entry. Text that came from the environment becomes a number or a boolean where one is
 * wanted, in the entry itself too: what threads are sent has its types.
 */
export function readOptions(
  { options }: PolicyDefinition,
  entry: Readonly<Record<string, unknown>>,
  name: string,
): ReadOptions {
  const hints = (): Hints => {
    const made = hintsOf.get(options) ?? new Hints(options);
    hintsOf.set(options, made);
    return made;
  };
  const written = coerceOptions(entry, entry[name] ?? {}, hints);
  const read = options.safeParse(written);
  if (read.success) {
    if (entry[name] !== undefined && written !== entry[name]) Object.assign(entry, { [name]: written });
    return read;
  }
  return {
    success: false,
    issues: describeIssues(read.error.issues as z.core.$ZodIssue[], written, hints()),
  };
}
