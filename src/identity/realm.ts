import { z } from "zod";

/** What a challenge calls the space that a credential opens (RFC 9110 §11.5). */
export const realmOption: z.ZodDefault<z.ZodString> = z
  .string()
  .regex(/^[\x20\x21\x23-\x5b\x5d-\x7e]{1,100}$/, "not a realm; write ASCII without quotes and backslashes")
  .default("api")
  .describe("What WWW-Authenticate names the space that it opens (default api).");
