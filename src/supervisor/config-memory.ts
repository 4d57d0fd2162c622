import type { RouteConfig } from "../config/route-schema.ts";
import type { Config, ServiceConfig } from "../config/schema.ts";
import { keepSecrets, type Secrets } from "../config/secrets.ts";
import { type Fingerprints, fingerprintOf } from "./config-parts.ts";

/** Remembers the parts of the last config, so that what is read again unchanged is the same object as before. */
export class ConfigMemory {
  #parts: ReadonlyMap<string, RouteConfig | ServiceConfig> = new Map();
  #prints: ReadonlyMap<object, string> = new Map();
  #shared: { readonly text: string; readonly policies: Config["policies"] } | undefined = undefined;

  /** The config with its unchanged parts as they were, and the fingerprints of all. */
  recall(read: Config, secrets: Secrets): { readonly config: Config; readonly prints: Fingerprints } {
    const parts = new Map<string, RouteConfig | ServiceConfig>();
    const prints = new Map<object, string>();
    const same = <T extends RouteConfig | ServiceConfig>(part: T): { print: string; part: T } => {
      const print = this.#prints.get(part) ?? fingerprintOf(part);
      const old = this.#parts.get(print) as T | undefined;
      // It may stand elsewhere now.
      if (old !== undefined && part.origin !== undefined) Object.assign(old, { origin: part.origin });
      parts.set(print, old ?? part);
      prints.set(old ?? part, print);
      return { print, part: old ?? part };
    };
    const routes = read.routes.map(same);
    const services = Object.entries(read.services).map(([name, service]) => ({ name, ...same(service) }));
    this.#parts = parts;
    this.#prints = prints;
    const config: Config = {
      ...read,
      policies: this.#policies(read.policies),
      routes: routes.map(({ part }) => part),
      services: Object.fromEntries(services.map(({ name, part }) => [name, part])),
    };
    keepSecrets(config, secrets);
    const printsOf = (list: readonly { print: string }[]): string[] => list.map(({ print }) => print);
    return { config, prints: { routes: printsOf(routes), services: printsOf(services) } };
  }

  #policies(policies: Config["policies"]): Config["policies"] {
    const text = JSON.stringify(policies);
    if (this.#shared?.text !== text) this.#shared = { text, policies };
    return this.#shared.policies;
  }
}
