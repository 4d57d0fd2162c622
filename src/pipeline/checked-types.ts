import { z } from "zod";
import type { ReadonlyFields } from "../lib/fields.ts";
import { mediaTypeSet, parseMediaType } from "../lib/media-type.ts";

const TYPE = /^(?:\*\/\*|[a-z0-9!#$&^_.+-]+\/(?:\*|[a-z0-9!#$&^_.+-]+|[a-z0-9!#$&^_.-]*\*\+[a-z0-9.-]+))$/;

/** Media types of bodies that a policy checks. */
export const typesOption: z.ZodArray<z.ZodType<string, string>> = z
  .array(
    z
      .string()
      .transform((text) => text.toLowerCase())
      .refine(
        (text) => TYPE.test(text),
        "not a media type; write application/json, text/* or application/*+json",
      ),
  )
  .min(1);

/**
 * Whether a body is checked by what its Content-Type says. One that stands twice or cannot be read is checked always: the service
 * might read it in another way. One that is missing is checked where `strict`.
 */
export function checkedTypes(types: readonly string[], strict: boolean): (fields: ReadonlyFields) => boolean {
  const has = mediaTypeSet(types);
  return (fields) => {
    const said = fields.all("content-type");
    if (said.length === 0) return strict;
    const media = said.length === 1 ? parseMediaType(said[0]!) : undefined;
    return media === undefined || has(media.type);
  };
}

/** Whether a body is compressed, so that nobody can look into it as it is (RFC 9110 §8.4). */
export function isEncoded(fields: ReadonlyFields): boolean {
  const coding = fields.get("content-encoding");
  return coding !== undefined && coding !== "" && coding.toLowerCase() !== "identity";
}
