import { hash } from "node:crypto";
import type { RouteConfig } from "../config/route-schema.ts";
import type { Config, ServiceConfig } from "../config/schema.ts";
import { keepSecrets } from "../config/secrets.ts";
import type { ConfigBase, ConfigUpdate } from "./protocol.ts";

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

/** The parts of a config by fingerprint, as one thread has them. */
export class ConfigParts {
  readonly #routes = new Map<string, RouteConfig>();
  readonly #services = new Map<string, ServiceConfig>();
  #base: ConfigBase | undefined = undefined;

  /** Fingerprints of what is here. */
  get known(): Set<string> {
    return new Set([...this.#routes.keys(), ...this.#services.keys()]);
  }

  add({ newRoutes, newServices }: Pick<ConfigUpdate, "newRoutes" | "newServices">): void {
    for (const [fingerprint, route] of newRoutes) this.#routes.set(fingerprint, route);
    for (const [fingerprint, service] of newServices) this.#services.set(fingerprint, service);
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

  /** An update with all its parts, for a thread that has none. */
  whole(update: ConfigUpdate): ConfigUpdate {
    return {
      ...update,
      newRoutes: update.routes.map((fingerprint) => [fingerprint, this.#routes.get(fingerprint)!]),
      newServices: update.services.map(([, fingerprint]) => [fingerprint, this.#services.get(fingerprint)!]),
    };
  }
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
  const newRoutes = routes.flatMap((route, i): [string, RouteConfig][] => {
    const print = prints.routes[i]!;
    return known.has(print) ? [] : [[print, route]];
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
    newServices: named.flatMap(({ print, service }) => (known.has(print) ? [] : [[print, service]])),
  };
}

/** Whether two updates lead to the same config. */
export function sameConfig(a: ConfigUpdate, b: ConfigUpdate): boolean {
  return (
    JSON.stringify([a.base, a.code, a.routes, a.services]) ===
    JSON.stringify([b.base, b.code, b.routes, b.services])
  );
}
