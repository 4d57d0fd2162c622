import { z } from "zod";
import { configSchema } from "../../src/config/schema.ts";
import { type JsonSchema, objectIn, type Row, rowsOf, tableOf } from "./schema-table.ts";

/** Parts of the config that get a heading: path of the keys, and a sentence before the table. */
const PARTS: readonly (readonly [key: string, title: string, text: string])[] = [
  ["listeners", "`listeners`", "A list; where connections are accepted."],
  [
    "limits",
    "`limits`",
    "Bounds of the wire, for all listeners; a listener's own `limits` take the same keys.",
  ],
  [
    "paths",
    "`paths`",
    "How a path is made plain before it is matched; what is matched is what is forwarded.",
  ],
  ["routes", "`routes`", "A list; which request goes where. How routes rank: [routing](routing.md)."],
  [
    "routes.match",
    "`routes[].match`",
    "Conditions that all must hold; or a list of such sets, any of which suffices.",
  ],
  ["routes.split", "`routes[].split`", "A list; several services instead of one `service`."],
  [
    "routes.rewrite",
    "`routes[].rewrite`",
    "What the service sees of path and host. `prefix`, `path` and `regex` exclude each other.",
  ],
  ["services", "`services.NAME`", "A map by name; what stands behind the routes."],
  ["stores", "`stores.NAME`", "A map by name; what several gateways count in together: [stores](stores.md)."],
];

/** The page docs/config-reference.md. */
export function configReference(): string {
  const schema = z.toJSONSchema(configSchema, { io: "input", unrepresentable: "any" }) as JsonSchema;
  const headings = new Set(["listeners.limits", ...PARTS.map(([key]) => key)]);
  const stop = (key: string): boolean => headings.has(key);
  const parts = PARTS.map(([key, title, text]) => {
    const part = key.split(".").reduce((at, name) => childOf(schema, at, name), schema);
    return section(
      `## ${title}`,
      text,
      rowsOf(part, (name) => stop(`${key}.${name}`)),
      key,
    );
  });
  return [
    "<!-- Made by npm run docs from src/config/schema.ts. -->",
    "# Config reference",
    "",
    "A config is YAML, JSON or TypeScript. Unknown keys are refused, and every problem is listed with its place.",
    "Times are a number with `ms`, `s`, `m` or `h`: `500ms`, `10s`. [How a config is written and checked](config.md).",
    "",
    section("## The whole", "", rowsOf(schema, stop), ""),
    ...parts,
  ].join("\n");
}

function section(title: string, text: string, rows: readonly Row[], key: string): string {
  const linked = rows.map((row) => {
    const path = key === "" ? row.key : `${key}.${row.key}`;
    const part = PARTS.find(([name]) => name === path || (path === "listeners.limits" && name === "limits"));
    return part === undefined ? row : { ...row, takes: `[${row.takes}](#${anchor(part[1])})` };
  });
  return [title, "", ...(text === "" ? [] : [text, ""]), tableOf(linked), ""].join("\n");
}

/** As GitHub makes anchors of headings. */
function anchor(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(" ", "-")
    .replace(/[^a-z0-9-]/g, "");
}

function childOf(whole: JsonSchema, schema: JsonSchema, name: string): JsonSchema {
  const child = schema.properties?.[name];
  if (child === undefined)
    throw new Error(`the config has no key ${name}: mend PARTS in ${import.meta.filename}`);
  const inner =
    child.items ?? (typeof child.additionalProperties === "object" ? child.additionalProperties : child);
  const found = inner.$ref === undefined ? inner : whole.$defs?.[inner.$ref.split("/").at(-1)!];
  const object = objectIn(found ?? {});
  if (object === undefined)
    throw new Error(`the key ${name} holds no keys: mend PARTS in ${import.meta.filename}`);
  return object.schema;
}
