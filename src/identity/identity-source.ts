import { z } from "zod";
import { compileClaim } from "../pipeline/claim.ts";
import type { Exchange } from "../pipeline/exchange.ts";

/** Something that is known of who calls. */
export type IdentityReader = (x: Exchange) => unknown;

const PLAIN: Readonly<Record<string, IdentityReader>> = {
  "consumer.name": (x) => x.consumer?.name,
  "consumer.groups": (x) => x.consumer?.groups,
  "consumer.tags": (x) => x.consumer?.tags,
  credential: (x) => x.credential,
};

const NAMED = [
  ["consumer.metadata.", (x: Exchange) => x.consumer?.metadata],
  ["claims.", (x: Exchange) => x.claims],
] as const;

const WORDS =
  "consumer.name, consumer.groups, consumer.tags, consumer.metadata.NAME, credential, claims.NAME";

/** The name of something that is known of who calls. */
export const identitySource: z.ZodType<string> = z.string().superRefine((name, context) => {
  if (readerOf(name) === undefined)
    context.addIssue({ code: "custom", message: `not known of who calls; write one of ${WORDS}` });
});

/** Reads what is known of who calls by its name; undefined for a name that there is not. */
export function readerOf(name: string): IdentityReader | undefined {
  if (Object.hasOwn(PLAIN, name)) return PLAIN[name];
  for (const [prefix, holder] of NAMED) {
    if (!name.startsWith(prefix) || name.length === prefix.length) continue;
    const read = compileClaim(name.slice(prefix.length));
    return (x) => {
      const values = holder(x);
      return values === undefined ? undefined : read(values);
    };
  }
  return undefined;
}

/**
 * A value as a field carries it. Members of a list are joined by ","; objects are JSON. "%", all but visible ASCII and blanks,
 * blanks at both ends, and "," within a member are percent-encoded as UTF-8 (RFC 3986 §2.1): `decodeURIComponent` gives the
 * text back, and nothing can end the field or begin another. Undefined where there is no value.
 */
export function fieldText(value: unknown): string | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  if (!Array.isArray(value)) return escaped(textOf(value));
  const members = value.map((one) => escaped(textOf(one)).replaceAll(",", "%2C")).filter(Boolean);
  return members.length === 0 ? undefined : members.join(",");
}

function textOf(value: unknown): string {
  return typeof value === "object" && value !== null ? JSON.stringify(value) : String(value ?? "");
}

const PLAIN_TEXT = /^[\x21-\x24\x26-\x7e](?:[\x20-\x24\x26-\x7e]*[\x21-\x24\x26-\x7e])?$/;

function escaped(text: string): string {
  if (PLAIN_TEXT.test(text)) return text;
  return text
    .toWellFormed()
    .replace(/^ +| +$|[^\x20-\x24\x26-\x7e]+/gu, (found) => encodeURIComponent(found));
}
