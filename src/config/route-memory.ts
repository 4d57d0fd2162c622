import type { z } from "zod";
import { noteInPolicies } from "./coerce.ts";
import { withPolicyPaths } from "./policy-path.ts";
import type { WrittenRoute } from "./route-schema.ts";
import type { IncludedConfig, WrittenConfig } from "./schema.ts";
import type { Secrets } from "./secrets.ts";
import { isMap } from "./written.ts";

/**
 * Remembers what became of each route of a document, by how it is written: in a large config that changes a little, what
 * stayed as it was is not read again.
 */
export class RouteMemory {
  #file = "";
  #routes: ReadonlyMap<string, WrittenRoute> = new Map();

  /** What a schema makes of a document's value, with absolute paths of policies; undefined where something may be wrong with it. */
  read<T extends WrittenConfig | IncludedConfig>(
    schema: z.ZodType<T>,
    file: string,
    value: unknown,
    secrets: Secrets,
  ): T | undefined {
    if (!isMap(value) || !Array.isArray(value["routes"])) return undefined;
    const written: readonly unknown[] = value["routes"];
    const outside = new Set(secrets.places.flatMap(({ path: [key, i] }) => (key === "routes" ? [i] : [])));
    const known = this.#file === file ? this.#routes : new Map<string, WrittenRoute>();
    const texts = written.map((route, i) => (outside.has(i) ? undefined : textOf(route)));
    const found = texts.map((text) => (text === undefined ? undefined : known.get(text)));
    const read = schema.safeParse({ ...value, routes: written.filter((_, i) => found[i] === undefined) });
    if (!read.success) return undefined;
    const placed = withPolicyPaths<T>(read.data, file);
    const fresh = placed.routes.values();
    const routes = found.map((route) => route ?? fresh.next().value!);
    const whole = { ...placed, routes };
    noteInPolicies(whole, file, secrets);
    this.#file = file;
    this.#routes = new Map(
      texts.flatMap((text, i) => (text === undefined ? [] : [[text, routes[i]!] as const])),
    );
    return whole;
  }
}

/** How a route is written; undefined where another may look the same: JSON has one word for all that is no number. */
function textOf(route: unknown): string | undefined {
  const text = JSON.stringify(route) as string | undefined;
  return text === undefined || text.includes("null") ? undefined : text;
}
