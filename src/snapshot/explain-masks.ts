import type { PolicyConfig, RouteConfig } from "../config/route-schema.ts";
import type { Config } from "../config/schema.ts";
import { MASK, masked, secretsOf } from "../config/secrets.ts";
import type { CompiledPolicy } from "./compile-policies.ts";

/** The parts of a config that an explanation shows, as people may see them: anything may be a mask. */
export interface MaskedParts {
  readonly policies: unknown;
  readonly route: unknown;
  readonly services: Readonly<Record<string, unknown>>;
}

/** Masks what one route leads through; the rest of the config is left aside. */
export function maskedParts(config: Config, route: RouteConfig | undefined): MaskedParts {
  const names = new Set(route?.split.map(({ service }) => service));
  const services = Object.fromEntries(Object.entries(config.services).filter(([name]) => names.has(name)));
  const part = { ...config, routes: route === undefined ? [] : [route], services };
  const shown = masked(part, secretsOf(config)) as Config;
  return { policies: shown.policies, route: shown.routes[0], services: shown.services };
}

/** A member of what may be a mask. */
export function memberOf(value: unknown, ...path: readonly (string | number)[]): unknown {
  let here = value;
  for (const key of path) {
    if (typeof here !== "object" || here === null) return here;
    here = (here as Record<string | number, unknown>)[key];
  }
  return here;
}

/** A policy's options with their defaults, masked where its entry is; undefined for none. */
export function shownOptions({ name, entry, options }: CompiledPolicy, shown: unknown): unknown {
  if (options === undefined) return undefined;
  return overlaid(plain(options, entry[name]), memberOf(shown, name));
}

function plain(options: unknown, written: unknown): unknown {
  try {
    return JSON.parse(JSON.stringify(options)) as unknown;
  } catch {
    return written;
  }
}

/** What is masked in one is masked in the other. */
function overlaid(value: unknown, mask: unknown): unknown {
  if (mask === MASK) return MASK;
  if (typeof value !== "object" || value === null || typeof mask !== "object" || mask === null) return value;
  if (Array.isArray(value)) return value.map((one, i) => overlaid(one, (mask as unknown[])[i]));
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, overlaid(one, (mask as PolicyConfig)[key])]),
  );
}
