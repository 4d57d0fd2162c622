/** A JSON Schema as the rows of a table for readers: key, what it takes, default, meaning. */

/** The parts of JSON Schema that zod writes. */
export interface JsonSchema {
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, JsonSchema>>;
  readonly type?: string;
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly items?: JsonSchema;
  readonly prefixItems?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly required?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
}

/** One key of a config. */
export interface Row {
  readonly key: string;
  readonly takes: string;
  readonly standard: string;
  readonly meaning: string;
}

const LARGE = 1_000_000_000;

/** Every key below a schema, the keys of its maps and lists too; `stop` says at which keys a part of its own begins. */
export function rowsOf(schema: JsonSchema, stop: (key: string) => boolean = () => false, prefix = ""): Row[] {
  const required = new Set(schema.required);
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const key = prefix + name;
    const { text, standard } = splitDefault(property);
    const row = {
      key,
      takes: takes(property),
      standard: required.has(name) ? "**needed**" : standard,
      meaning: text,
    };
    return stop(key) ? [row] : [row, ...below(property, key, stop)];
  });
}

function below(schema: JsonSchema, key: string, stop: (key: string) => boolean): Row[] {
  const object = objectIn(schema);
  // A choice between words and one small object says all in its own row.
  if (object === undefined || (schema.properties === undefined && !object.list)) return [];
  return rowsOf(object.schema, stop, `${key}${object.list ? "[]" : ""}.`);
}

/** The object with keys of its own that a property is, or is a list of. */
export function objectIn(schema: JsonSchema): { schema: JsonSchema; list: boolean } | undefined {
  if (schema.properties !== undefined) return { schema, list: false };
  if (schema.items?.properties !== undefined) return { schema: schema.items, list: true };
  const kinds = (schema.anyOf ?? schema.oneOf ?? []).filter(({ properties }) => properties !== undefined);
  return kinds.length === 1 ? { schema: kinds[0]!, list: false } : undefined;
}

/** A description without its "(default …)", and that default; the schema's own default where it says none. */
function splitDefault({ description = "", default: value }: JsonSchema): { text: string; standard: string } {
  const [whole, said] = / \(default ([^)]+)\)/.exec(description) ?? [];
  const text = whole === undefined ? description : description.replace(whole, "");
  if (said !== undefined) return { text, standard: `\`${said}\`` };
  const empty = value === undefined || (typeof value === "object" && value !== null && isEmpty(value));
  return { text, standard: empty ? "" : `\`${typeof value === "string" ? value : JSON.stringify(value)}\`` };
}

function isEmpty(value: object): boolean {
  return Object.keys(value).length === 0;
}

/** What may be written for a key, in a few words. */
export function takes(schema: JsonSchema): string {
  if (schema.const !== undefined) return `\`${schema.const}\``;
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${value}\``).join(", ");
  if (schema.$ref !== undefined) return "route";
  if (schema.title !== undefined) return schema.title.replace(/^(?:an?|the) (?:\w+: )?/, "");
  const kinds = schema.anyOf ?? schema.oneOf;
  if (kinds !== undefined) return eitherOf(kinds);
  if (schema.type === "array") return schema.items === undefined ? "list" : listOf(schema.items);
  if (schema.type === "object") return objectText(schema);
  if (schema.type === "integer" || schema.type === "number") return numberText(schema);
  if (schema.type === "string") return "text";
  if (schema.type === "boolean") return "`true`, `false`";
  return schema.type ?? "anything";
}

function eitherOf(kinds: readonly JsonSchema[]): string {
  const [one, many] = kinds;
  if (kinds.length === 2 && many?.type === "array" && takes(many.items ?? {}) === takes(one!))
    return `${takes(one!)}, or a list`;
  return [...new Set(kinds.map(takes))].join(" or ");
}

function listOf(items: JsonSchema): string {
  const one = takes(items);
  if (one === "keys below") return "list of the keys below";
  const many =
    /^[a-z]+$/.test(one) && one !== "text"
      ? `${one}s`.replace(/([^aeiou])ys$/, "$1ies").replace("sss", "sses")
      : one;
  return `list of ${many}`;
}

function objectText(schema: JsonSchema): string {
  if (schema.properties !== undefined) {
    const names = Object.keys(schema.properties);
    return names.length === 1 && schema.description === undefined ? `\`{ ${names[0]} }\`` : "keys below";
  }
  const values = schema.additionalProperties;
  if (typeof values !== "object") return "map";
  const value = takes(values);
  if (value === "anything") return "map";
  return value === "keys below" ? "map of name to the keys below" : `map of name to ${value}`;
}

function numberText({ type, minimum, maximum }: JsonSchema): string {
  const word = type === "integer" ? "integer" : "number";
  const low = minimum !== undefined && minimum > -LARGE ? minimum : undefined;
  const high = maximum !== undefined && maximum < LARGE ? maximum : undefined;
  if (low !== undefined && high !== undefined) return `${word}, ${low} to ${high}`;
  if (low !== undefined && low !== 0) return `${word}, ${low} or more`;
  return high !== undefined ? `${word}, at most ${high}` : word;
}

/** Rows as a table in Markdown. */
export function tableOf(rows: readonly Row[]): string {
  const lines = rows.map(({ key, takes, standard, meaning }) =>
    [`\`${key}\``, takes, standard, meaning.replaceAll("*", "\\*")].map(cell).join(" | "),
  );
  return [
    "| key | takes | default | meaning |",
    "|---|---|---|---|",
    ...lines.map((line) => `| ${line} |`),
  ].join("\n");
}

/** Text that may stand in a cell of a table. */
export function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}
