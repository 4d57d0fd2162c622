import { z } from "zod";
import type { SchemaNode } from "./hints.ts";
import { configSchema } from "./schema.ts";

/** What a policy contributes to the schema. */
export interface PolicyOptions {
  readonly name: string;
  readonly options: z.ZodType;
}

/** The JSON Schema (2020-12) of a config as it is written, with the options of the policies given. */
export function configJsonSchema(policies: readonly PolicyOptions[]): object {
  const root = z.toJSONSchema(configSchema, { io: "input", unrepresentable: "any" }) as SchemaNode;
  const named = Object.fromEntries(
    policies.map(({ name, options }) => {
      const { $schema: _dialect, ...rest } = z.toJSONSchema(options, { io: "input", unrepresentable: "any" });
      return [name, rest];
    }),
  );
  const policy = {
    title: "a policy",
    description: "A policy's name, or the path of a .ts file (./policies/mine.ts), and its options.",
    type: "object",
    minProperties: 1,
    maxProperties: 1,
    properties: named,
    patternProperties: { "^\\.{0,2}/.*\\.m?[jt]s$": {} },
    additionalProperties: false,
  };
  const written = (node: unknown): object => withPolicies(withSecrets(withTexts(node))) as object;
  return {
    ...written(root),
    title: "A config of torana",
    $defs: { ...written(root.$defs ?? {}), policy: withPolicies(withSecrets(policy)) },
  };
}

/** What is marked as secret is so in JSON Schema's own word. */
function withSecrets(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(withSecrets);
  if (typeof node !== "object" || node === null) return node;
  return Object.fromEntries(
    Object.entries(node).map(([key, value]) =>
      key === "secret" && (value === true || value === "url")
        ? ["writeOnly", true]
        : [key, withSecrets(value)],
    ),
  );
}

/** Lists of policies refer to one definition. */
function withPolicies(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(withPolicies);
  if (typeof node !== "object" || node === null) return node;
  return Object.fromEntries(
    Object.entries(node).map(([key, value]) => [
      key,
      key === "items" && (value as SchemaNode).title === "a policy"
        ? { $ref: "#/$defs/policy" }
        : withPolicies(value),
    ]),
  );
}

/** Numbers and booleans may also be put in place from the environment or a file. */
function withTexts(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(withTexts);
  if (typeof node !== "object" || node === null) return node;
  const { type, description, title, examples, default: otherwise, ...rest } = node as Record<string, unknown>;
  if ((type !== "integer" && type !== "number" && type !== "boolean") || rest["const"] !== undefined)
    return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, withTexts(value)]));
  const about = { title, description, examples, default: otherwise };
  return {
    ...Object.fromEntries(Object.entries(about).filter(([, value]) => value !== undefined)),
    anyOf: [
      { type, ...rest },
      { type: "string", pattern: "\\$\\{(env|file):[^}]+\\}" },
    ],
  };
}
