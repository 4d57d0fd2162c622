import type { z } from "zod";
import { noteInPolicies } from "./coerce.ts";
import { withPolicyPaths } from "./policy-path.ts";
import { ConsumerMemory } from "./read-consumers.ts";
import type { RouteConfig, WrittenRoute } from "./route-schema.ts";
import type { IncludedConfig, WrittenConfig } from "./schema.ts";
import type { Secrets } from "./secrets.ts";
import { isMap } from "./written.ts";

/** One route: how it is written, and what became of it. */
interface Remembered {
  readonly written: WrittenRoute;
  made: RouteConfig | undefined;
}

/**
 * Remembers what became of each route of a document, by how it is written: in a large config that changes a little, what
 * stayed as it was is not read again.
 */
export class RouteMemory {
  /** The consumers that were read last. */
  readonly consumers: ConsumerMemory = new ConsumerMemory();
  #file = "";
  #routes: ReadonlyMap<string, Remembered> = new Map();
  /** The routes of the last document, in their order. */
  #last: readonly Remembered[] = [];

  /** What a schema makes of a document's value, with absolute paths of policies; undefined where something may be wrong with it. */
  read<T extends WrittenConfig | IncludedConfig>(
    schema: z.ZodType<T>,
    file: string,
    value: unknown,
    secrets: Secrets,
  ): T | undefined {
    this.#last = [];
    if (!isMap(value) || !Array.isArray(value["routes"])) return undefined;
    const written: readonly unknown[] = value["routes"];
    const outside = new Set(secrets.places.flatMap(({ path: [key, i] }) => (key === "routes" ? [i] : [])));
    const known = this.#file === file ? this.#routes : new Map<string, Remembered>();
    const texts = written.map((route, i) => (outside.has(i) ? undefined : textOf(route)));
    const found = texts.map((text) => (text === undefined ? undefined : known.get(text)));
    const read = schema.safeParse({ ...value, routes: written.filter((_, i) => found[i] === undefined) });
    if (!read.success) return undefined;
    const placed = withPolicyPaths<T>(read.data, file);
    const fresh = placed.routes.values();
    const all = found.map((one) => one ?? { written: fresh.next().value!, made: undefined });
    const whole = { ...placed, routes: all.map(({ written: route }) => route) };
    noteInPolicies(whole, file, secrets);
    this.#file = file;
    this.#last = all;
    this.#routes = new Map(
      texts.flatMap((text, i) => (text === undefined ? [] : [[text, all[i]!] as const])),
    );
    return whole;
  }

  /** Whether the route at this place is written as one that was good before. */
  isKnown(index: number): boolean {
    return this.#last[index]?.made !== undefined;
  }

  /** What became of a route that `read` gave at this place; undefined where nothing has yet. */
  made(index: number, written: WrittenRoute): RouteConfig | undefined {
    const last = this.#last[index];
    return last?.written === written ? last.made : undefined;
  }

  /** Keeps what became of a route that `read` gave at this place. */
  keep(index: number, written: WrittenRoute, made: RouteConfig): void {
    const last = this.#last[index];
    if (last?.written === written) last.made = made;
  }
}

/** How a route is written; undefined where another may look the same: JSON has one word for all that is no number. */
function textOf(route: unknown): string | undefined {
  const text = JSON.stringify(route) as string | undefined;
  return text === undefined || text.includes("null") ? undefined : text;
}
