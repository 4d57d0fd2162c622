import { z } from "zod";
import { HeldBody } from "../lib/body.ts";
import { type JsonFault, type JsonLimits, scanJson } from "../lib/json-scan.ts";
import { holdRequest } from "../pipeline/body-plan.ts";
import { checkedBodyOptions, checkedTypes, isEncoded, typesOption } from "../pipeline/checked-types.ts";
import { definePolicy, type PolicyDefinition, type Verdict } from "../pipeline/policy.ts";

const CODES: Readonly<Record<JsonFault, string>> = {
  malformed: "json_malformed",
  depth: "json_too_deep",
  entries: "json_too_many_entries",
  values: "json_too_many_values",
  key: "json_key_too_long",
  string: "json_string_too_long",
  number: "json_number_too_long",
  duplicate: "json_duplicate_key",
};

const refused = (title: string, status = 400) => ({ status, source: "downstream" as const, title });
const bound = (usual: number, text: string) =>
  z.int().min(0).default(usual).describe(`${text} (default ${usual}).`);

/** Bounds the structure of JSON in requests, and takes only what all readers read in one way (RFC 8259). */
export const jsonLimits: PolicyDefinition = definePolicy({
  name: "json-limits",
  phase: "request",
  options: z.strictObject({
    depth: bound(32, "Objects and arrays in each other at most"),
    entries: bound(10_000, "Members of one object, or elements of one array, at most"),
    values: bound(100_000, "Values in all at most: objects and arrays count as well"),
    keyLength: bound(256, "Octets of a name at most, as written between its quotes"),
    stringLength: bound(65_536, "Octets of a string at most, as written between its quotes"),
    numberLength: bound(64, "Octets of a number at most"),
    duplicates: z
      .enum(["refuse", "allow"])
      .default("refuse")
      .describe(
        "What becomes of a name that stands twice in one object (default refuse): readers differ in which counts.",
      ),
    types: typesOption
      .default(["application/json", "application/*+json", "text/json"])
      .describe(
        "Media types of the bodies that are checked (default: application/json, application/*+json, text/json).",
      ),
    ...checkedBodyOptions,
  }),
  reasons: {
    json_malformed: refused("The request's body is not well-formed JSON."),
    json_duplicate_key: refused("A name stands twice in one object of the request's JSON."),
    json_too_deep: refused("The request's JSON is nested too deeply."),
    json_too_many_entries: refused("An object or array of the request's JSON has too many entries."),
    json_too_many_values: refused("The request's JSON has too many values."),
    json_key_too_long: refused("A name in the request's JSON is too long."),
    json_string_too_long: refused("A string in the request's JSON is too long."),
    json_number_too_long: refused("A number in the request's JSON is too long."),
    json_encoded: refused("The request's JSON is compressed, so that it cannot be checked.", 415),
  },
  compile({ types, strict, max, duplicates, ...bounds }) {
    const limits: JsonLimits = { ...bounds, duplicates: duplicates === "allow" };
    const isChecked = checkedTypes(types, strict);
    const hold = holdRequest(max);
    return {
      withBody(x) {
        const { body, fields } = x.outgoing;
        if (body === undefined || body.length === 0 || !isChecked(fields)) return undefined;
        if (isEncoded(fields)) {
          const reply = x.reject("json_encoded");
          reply.fields.set("accept-encoding", "identity");
          return reply;
        }
        const check = (failed: Verdict): Verdict => {
          const held = x.outgoing.body;
          if (failed !== undefined || !(held instanceof HeldBody) || held.length === 0) return failed;
          const problem = scanJson(held.bytes(), limits);
          return problem && x.reject(CODES[problem.fault], `${problem.what}, at octet ${problem.at}`);
        };
        const held = hold(x);
        return held instanceof Promise ? held.then(check) : check(held);
      },
    };
  },
});
