import { hash } from "node:crypto";
import type { RouteConfig } from "../config/route-schema.ts";
import type { Config, ServiceConfig } from "../config/schema.ts";
import { keepSecrets } from "../config/secrets.ts";
import type { ConfigBase, ConfigPart, ConfigUpdate } from "./protocol.ts";

/** Tells configs of one route or service apart: the same content has the same fingerprint, wherever it is written. */
export function fingerprintOf(part: RouteConfig | ServiceConfig): string {
  const { origin: _place, ...content } = part as Partial<RouteConfig>;
  return hash("sha1", JSON.stringify(content), "base64url");
}

/** Fingerprints of a config's routes and services, in their order. */
export interface Fingerprints {
  readonly routes: readonly string[];
  readonly services: readonly string[];
}

/** The parts of a config by fingerprint, in JSON: of a thread that only passes them on. */
export class ConfigTexts {
  readonly #parts = new Map<string, ConfigPart>();

  /** Fingerprints of what is here. */
  get known(): string[] {
    return [...this.#parts.keys()];
  }

  add({ newRoutes, newServices }: Pick<ConfigUpdate, "newRoutes" | "newServices">): void {
    for (const part of newRoutes) this.#parts.set(part[0], part);
    for (const part of newServices) this.#parts.set(part[0], part);
  }

  /** Forgets all parts but those of an update. */
  keepOnly({ routes, services }: Pick<ConfigUpdate, "routes" | "services">): void {
    const inUse = new Set([...routes, ...services.map(([, fingerprint]) => fingerprint)]);
    for (const key of this.#parts.keys()) if (!inUse.has(key)) this.#parts.delete(key);
  }

  /** An update with all its parts, for a thread that has none. */
  whole(update: ConfigUpdate): ConfigUpdate {
    return {
      ...update,
      newRoutes: update.routes.map((fingerprint) => this.#parts.get(fingerprint)!),
      newServices: update.services.map(([, fingerprint]) => this.#parts.get(fingerprint)!),
    };
  }
}

/** The parts of a config by fingerprint, as a thread has them that uses them. */
export class ConfigParts {
  readonly #routes = new Map<string, RouteConfig>();
  readonly #services = new Map<string, ServiceConfig>();
  #base: ConfigBase | undefined = undefined;

  add({ newRoutes, newServices }: Pick<ConfigUpdate, "newRoutes" | "newServices">): void {
    for (const [fingerprint, text] of newRoutes) this.#routes.set(fingerprint, read<RouteConfig>(text));
    for (const [fingerprint, text] of newServices) this.#services.set(fingerprint, read<ServiceConfig>(text));
  }

  /** The config of an update; parts that were here before are the same objects as before. */
  assemble(update: ConfigUpdate): Config {
    this.add(update);
    const base = keepSame(this.#base, update.base);
    this.#base = base;
    const services: Record<string, ServiceConfig> = {};
    for (const [name, fingerprint] of update.services) services[name] = this.#services.get(fingerprint)!;
    const routes = update.routes.map((fingerprint) => this.#routes.get(fingerprint)!);
    const config: Config = { ...base, services, routes };
    keepSecrets(config, update.secrets);
    return config;
  }

  /** Forgets all parts but those of an update. */
  keepOnly({ routes, services }: Pick<ConfigUpdate, "routes" | "services">): void {
    const inUse = new Set([...routes, ...services.map(([, fingerprint]) => fingerprint)]);
    for (const key of this.#routes.keys()) if (!inUse.has(key)) this.#routes.delete(key);
    for (const key of this.#services.keys()) if (!inUse.has(key)) this.#services.delete(key);
  }
}

function read<T>(text: string): T {
  return compact(JSON.parse(text)) as T;
}

const NOTHING: readonly unknown[] = Object.freeze([]);
const NO_KEYS: object = Object.freeze({});
let lastFile = "";

/** What is empty in one part is what is empty in all: most of a route's conditions are, and thousands of routes have them. */
function compact(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    if (value.length === 0) return NOTHING;
    for (let i = 0; i < value.length; i++) value[i] = compact(value[i]);
    return value;
  }
  const map = value as Record<string, unknown>;
  let empty = true;
  for (const key in map) {
    empty = false;
    const one = map[key];
    if (typeof one === "object") map[key] = compact(one);
    else if (key === "file" && one === lastFile) map[key] = lastFile;
    else if (key === "file" && typeof one === "string") lastFile = one;
  }
  return empty ? NO_KEYS : map;
}

/** What did not change stays the same object, so that nobody takes it for new. */
function keepSame(before: ConfigBase | undefined, now: ConfigBase): ConfigBase {
  if (before === undefined) return now;
  return Object.fromEntries(
    Object.entries(now).map(([key, value]) => {
      const old = (before as unknown as Record<string, unknown>)[key];
      return [key, JSON.stringify(old) === JSON.stringify(value) ? old : value];
    }),
  ) as unknown as ConfigBase;
}

/** The update that leads from what is known to a config. */
export function updateTo(
  config: Config,
  prints: Fingerprints,
  known: ReadonlySet<string>,
  about: Pick<ConfigUpdate, "generation" | "code" | "secrets">,
): ConfigUpdate {
  const { routes, services, ...base } = config;
  const newRoutes = routes.flatMap((route, i): ConfigPart[] => {
    const print = prints.routes[i]!;
    return known.has(print) ? [] : [[print, JSON.stringify(route), namesOf(route)]];
  });
  const named = Object.entries(services).map(([name, service], i) => ({
    name,
    service,
    print: prints.services[i]!,
  }));
  return {
    ...about,
    base,
    routes: prints.routes,
    services: named.map(({ name, print }) => [name, print]),
    newRoutes,
    newServices: named.flatMap(({ print, service }): ConfigPart[] =>
      known.has(print) ? [] : [[print, JSON.stringify(service), ""]],
    ),
  };
}

/** The names of a route and of its services, for who holds it as a text. */
function namesOf({ name, split }: RouteConfig): string {
  return [name, ...split.map(({ service }) => service)].join("\0");
}

/** Whether two updates lead to the same config. */
export function sameConfig(a: ConfigUpdate, b: ConfigUpdate): boolean {
  return (
    JSON.stringify([a.base, a.code, a.routes, a.services]) ===
    JSON.stringify([b.base, b.code, b.routes, b.services])
  );
}
