import { z } from "zod";
import { byteSize } from "../config/byte-size.ts";
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

/** What policies that check whole bodies have in common beside `types`. */
export const checkedBodyOptions: {
  readonly strict: z.ZodDefault<z.ZodBoolean>;
  readonly max: z.ZodDefault<typeof byteSize>;
} = {
  strict: z
    .boolean()
    .default(false)
    .describe(
      "Bodies without a type are checked as well (default false). Those of a type that cannot be read always are.",
    ),
  max: byteSize
    .default(1_000_000)
    .describe(
      "Bytes of a body that is checked at most (default 1 MB): it is held until all of it is known to be good; a larger one gets 413.",
    ),
};
