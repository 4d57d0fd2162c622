import type { z } from "zod";

/** A part of a JSON Schema, as far as it is looked at. */
export interface SchemaNode {
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, SchemaNode>>;
  readonly title?: string;
  readonly description?: string;
  readonly examples?: readonly unknown[];
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: SchemaNode | boolean;
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
  readonly oneOf?: readonly SchemaNode[];
  readonly allOf?: readonly SchemaNode[];
}

/** What is wanted somewhere: in words, and an example as it would be written. */
export interface Wanted {
  readonly words: string;
  readonly example: string | undefined;
}

/** Tells what a schema wants where, for the messages about what stands there. */
export class Hints {
  readonly #root: SchemaNode;

  constructor(schema: z.ZodType) {
    this.#root = rootOf(schema);
  }

  /** What is wanted at a path; undefined where anything goes. */
  wanted(path: readonly PropertyKey[]): Wanted | undefined {
    const nodes = this.#at(path);
    const all = nodes.flatMap((node) => this.#describe(node) ?? []);
    if (all.length === 0) return undefined;
    const words = [...new Set(all.map((one) => one.words))].join(" or ");
    return { words, example: all.find((one) => one.example !== undefined)?.example };
  }

  /** Keys that are known at a path. */
  keys(path: readonly PropertyKey[]): string[] {
    return [
      ...new Set(
        this.#at(path)
          .flatMap((node) => this.#branches(node))
          .flatMap((node) => Object.keys(node.properties ?? {})),
      ),
    ];
  }

  #at(path: readonly PropertyKey[]): SchemaNode[] {
    let nodes: SchemaNode[] = [this.#root];
    for (const key of path)
      nodes = nodes
        .flatMap((node) => this.#branches(node))
        .flatMap((node) => {
          if (typeof key === "number") return node.items === undefined ? [] : [node.items];
          const own = node.properties?.[String(key)];
          if (own !== undefined) return [own];
          return typeof node.additionalProperties === "object" ? [node.additionalProperties] : [];
        });
    return nodes;
  }

  /** A node, or what it may be instead. */
  #branches(node: SchemaNode, depth = 0): SchemaNode[] {
    const target = this.#resolve(node);
    const choices = [...(target.anyOf ?? []), ...(target.oneOf ?? []), ...(target.allOf ?? [])];
    return choices.length === 0
      ? [target]
      : choices.flatMap((choice) => (depth > 4 ? [] : this.#branches(choice, depth + 1)));
  }

  #resolve(node: SchemaNode): SchemaNode {
    const name = node.$ref?.replace("#/$defs/", "");
    if (name === undefined) return node;
    return name === "#" ? this.#root : (this.#root.$defs?.[name] ?? {});
  }

  /** `depth`: schemas may hold themselves. */
  #describe(node: SchemaNode, depth = 0): Wanted | undefined {
    if (depth > 4) return undefined;
    const target = this.#resolve(node);
    if (target.title !== undefined) return { words: target.title, example: exampleOf(target) };
    const choices = [...(target.anyOf ?? []), ...(target.oneOf ?? [])];
    if (choices.length > 0) {
      const all = choices.flatMap((choice) => this.#describe(choice, depth + 1) ?? []);
      if (all.length === 0) return undefined;
      return {
        words: [...new Set(all.map(({ words }) => words))].join(" or "),
        example: exampleOf(target) ?? all.find(({ example }) => example !== undefined)?.example,
      };
    }
    return simple(target, () =>
      target.items === undefined ? undefined : this.#describe(target.items, depth + 1),
    );
  }
}

/** A schema of a user's own may be one that JSON Schema has no words for: nothing is known of it then. */
function rootOf(schema: z.ZodType): SchemaNode {
  try {
    return schema.toJSONSchema({ io: "input", unrepresentable: "any" }) as SchemaNode;
  } catch {
    return {};
  }
}

function simple(node: SchemaNode, item: () => Wanted | undefined): Wanted | undefined {
  const example = exampleOf(node);
  if (node.const !== undefined)
    return { words: written(node.const), example: example ?? written(node.const) };
  if (node.enum !== undefined)
    return {
      words: `one of ${node.enum.map(written).join(", ")}`,
      example: example ?? written(node.enum[0]),
    };
  switch (node.type) {
    case "boolean":
      return { words: "true or false", example: example ?? "true" };
    case "integer":
    case "number":
      return { words: range(node), example: example ?? String(Math.max(node.minimum ?? 1, 1)) };
    case "string":
      return { words: "text", example };
    case "array": {
      const one = item();
      return {
        words: one === undefined ? "a list" : `a list of ${plural(one.words)}`,
        example: example ?? (one?.example === undefined ? "[]" : `[${one.example}]`),
      };
    }
    case "object":
      return { words: "a map", example };
    default:
      return undefined;
  }
}

function plural(words: string): string {
  return words === "a map"
    ? "maps"
    : words === "text"
      ? "texts"
      : words
          .replace(/^an? policy$/, "policies")
          .replace(/^an? (\w+)$/, "$1s")
          .replace(/^the name of an? (\w+)$/, "names of $1s");
}

function range({ type, minimum, maximum }: SchemaNode): string {
  const kind = type === "integer" ? "a whole number" : "a number";
  const top = maximum === undefined || maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum;
  const low = minimum === undefined || minimum === Number.MIN_SAFE_INTEGER ? undefined : minimum;
  if (low !== undefined && top !== undefined) return `${kind} from ${low} to ${top}`;
  if (low !== undefined) return `${kind} of at least ${low}`;
  return top === undefined ? kind : `${kind} of at most ${top}`;
}

function exampleOf({ examples }: SchemaNode): string | undefined {
  return examples?.[0] === undefined ? undefined : written(examples[0]);
}

/** A value as one would write it in YAML, on one line. */
export function written(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(written).join(", ")}]`;
  if (typeof value === "object" && value !== null)
    return `{ ${Object.entries(value)
      .map(([key, one]) => `${key}: ${written(one)}`)
      .join(", ")} }`;
  return typeof value === "string" && !/^[A-Za-z/][\w./:*-]*$/.test(value)
    ? JSON.stringify(value)
    : String(value);
}
