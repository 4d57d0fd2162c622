import { z } from "zod";
import type { OriginCondition } from "../lib/origins.ts";
import { regexText } from "./values.ts";

const ORIGIN =
  /^[a-z][a-z0-9+.-]*:\/\/(?:\*\.)?(?:[a-z0-9_-]+\.)*[a-z0-9_-]+(?::[0-9]{1,5})?$|^https?:\/\/\[[0-9a-f:.]+\](?::[0-9]{1,5})?$/;

/** An origin of a page, in a list of those that are let in; see OriginCondition. */
export const originCondition: z.ZodType<OriginCondition> = z.union(
  [
    z.string().refine((text) => text === "*" || text === "null" || ORIGIN.test(text.toLowerCase()), {
      message: "not an origin; write https://a.example without a path, https://*.a.example, or *",
    }),
    z.strictObject({ regex: regexText.describe("An expression that the whole origin matches.") }),
  ],
  { error: "not an origin; write https://a.example, https://*.a.example, { regex: … } or *" },
);
