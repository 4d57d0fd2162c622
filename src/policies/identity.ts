import { z } from "zod";
import { fieldText, identitySource, readerOf } from "../identity/identity-source.ts";
import { withoutTrailers } from "../identity/trailer-filter.ts";
import { definePolicy, type PolicyDefinition } from "../pipeline/policy.ts";
import { fieldMap, fieldProblem } from "../pipeline/template-options.ts";

/** A service that folds "-" to "_" reads any mix of them as one name; so many spellings are taken away at most. */
const HYPHENS_MAX = 6;

const fields = fieldMap(identitySource).superRefine((map, context) => {
  for (const name of Object.keys(map)) {
    if (fieldProblem(name) !== undefined) continue;
    if (name.split(/[-_]/).length > HYPHENS_MAX + 1)
      context.addIssue({
        code: "custom",
        path: [name],
        message: "a name of more than 7 words; write a shorter one",
      });
  }
  if (Object.keys(map).length === 0)
    context.addIssue({ code: "custom", message: "tells the service nothing; name a field" });
});

/** Tells services who calls, in fields that clients cannot write. */
export const identity: PolicyDefinition = definePolicy({
  name: "identity",
  phase: "request",
  options: z.strictObject({
    headers: fields.describe(
      "What the service is told, by the names of fields: consumer.name, consumer.groups, consumer.tags, consumer.metadata.NAME, credential, claims.NAME. A client's own fields of these names never reach it.",
    ),
    maxBytes: z
      .int()
      .min(64)
      .max(65_536)
      .default(8_192)
      .describe("Length of all values together; requests with more are refused (default 8192)."),
  }),
  reasons: {
    identity_too_large: {
      status: 431,
      source: "downstream",
      title: "What the service must be told of the caller is too long.",
    },
  },
  compile({ headers, maxBytes }) {
    const told = Object.entries(headers).map(([name, source]) => ({
      name: name.toLowerCase(),
      read: readerOf(source)!,
    }));
    const taken = told.flatMap(({ name }) => spellings(name));
    return (x) => {
      const { outgoing } = x;
      const { fields: sent, body } = outgoing;
      for (const name of taken) sent.remove(name);
      if (body !== undefined) outgoing.body = withoutTrailers(body, taken);
      let length = 0;
      for (const { name, read } of told) {
        const text = fieldText(read(x));
        if (text === undefined) continue;
        length += text.length;
        if (length > maxBytes) return x.reject("identity_too_large");
        sent.put(name, text);
      }
      return undefined;
    };
  },
});

/** A name and all that a service could take for it: with an underscore in place of any hyphen, and the other way round. */
function spellings(name: string): string[] {
  const [first = "", ...words] = name.split(/[-_]/);
  return words.reduce<string[]>(
    (made, word) => made.flatMap((one) => [`${one}-${word}`, `${one}_${word}`]),
    [first],
  );
}
