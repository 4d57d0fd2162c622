import type { ConfigDocument } from "./documents.ts";
import { combine } from "./nesting.ts";
import type { Origin } from "./problem.ts";
import type { RouteMemory } from "./route-memory.ts";
import type { MatchConfig, PolicyConfig, RouteConfig, SplitConfig, WrittenRoute } from "./route-schema.ts";
import type { Config, IncludedConfig, ServiceConfig, WrittenConfig } from "./schema.ts";
import { ServiceScope } from "./service-scope.ts";
import { isMap, mapsOf, type WrittenMap } from "./written.ts";

/** What each document holds, once it is read by its schema. */
export type ReadDocuments = ReadonlyMap<ConfigDocument, IncludedConfig>;

/** What a route inherits from those above it. */
interface Above {
  readonly document: ConfigDocument;
  readonly path: readonly PropertyKey[];
  readonly prefix: string;
  readonly route: WrittenRoute | undefined;
  readonly policies: readonly PolicyConfig[];
  readonly services: ServiceScope;
}

const placesOfPolicies = new WeakMap<object, Origin>();

/** Where an inherited policy was written; undefined for one that stands at its route, and in another thread. */
export function originOf(policy: PolicyConfig): Origin | undefined {
  return placesOfPolicies.get(policy);
}

/** One list of routes and one map of services, of a config without problems: what is nested inherits, what is included is named. */
export function expandConfig(
  main: ConfigDocument,
  config: WrittenConfig,
  read: ReadDocuments,
  memory?: RouteMemory,
): Config {
  const expansion = new Expansion(read, config.services, memory);
  const services = ServiceScope.of(main);
  expansion.list(config.routes, {
    document: main,
    path: [],
    prefix: "",
    route: undefined,
    policies: [],
    services,
  });
  const { consumers: _consumers, consumerFiles: _files, ...rest } = config;
  return { ...rest, routes: expansion.routes, services: expansion.services };
}

class Expansion {
  readonly routes: RouteConfig[] = [];
  readonly services: Record<string, ServiceConfig>;
  readonly #read: ReadDocuments;
  readonly #memory: RouteMemory | undefined;

  constructor(
    read: ReadDocuments,
    services: Readonly<Record<string, ServiceConfig>>,
    memory: RouteMemory | undefined,
  ) {
    this.#read = read;
    this.#memory = memory;
    this.services = { ...services };
  }

  list(routes: readonly WrittenRoute[], above: Above): void {
    const holder = above.path.reduce<unknown>(
      (value, key) => (value as WrittenMap)[key as string],
      above.document.value,
    );
    const raw = new Map(mapsOf(isMap(holder) ? holder["routes"] : []));
    for (const [i, route] of routes.entries())
      this.#route(route, raw.get(i) ?? {}, { ...above, path: [...above.path, "routes", i] }, i);
  }

  #route(written: WrittenRoute, raw: WrittenMap, above: Above, index: number): void {
    const origin: Origin = { file: above.document.file, path: above.path };
    const route = above.route === undefined ? written : inherit(written, raw, above.route);
    if (written.routes === undefined && written.include === undefined) {
      const before = above.route === undefined ? this.#memory?.made(index, written) : undefined;
      if (before !== undefined) {
        this.routes.push(Object.assign(before, { origin }));
        return;
      }
      const { service: _service, routes: _routes, include: _include, ...own } = route;
      const split = splitOf(route).map((one) => ({
        ...one,
        service: above.services.find(one.service) ?? one.service,
      }));
      const made: RouteConfig = {
        ...own,
        name: above.prefix + own.name,
        split,
        policies: [...above.policies, ...own.policies],
        origin,
      };
      this.routes.push(made);
      if (above.route === undefined) this.#memory?.keep(index, written, made);
      return;
    }
    for (const [i, policy] of written.policies.entries())
      placesOfPolicies.set(policy, { ...origin, path: [...origin.path, "policies", i] });
    const below: Above = {
      ...above,
      prefix: `${above.prefix}${written.name}.`,
      route,
      policies: [...above.policies, ...written.policies],
    };
    this.list(written.routes ?? [], below);
    const document = above.document.includes.get(raw);
    const included = document === undefined ? undefined : this.#read.get(document);
    if (document === undefined || included === undefined) return;
    for (const [name, service] of Object.entries(included.services))
      this.services[below.prefix + name] = {
        ...service,
        origin: { file: document.file, path: ["services", name] },
      };
    this.list(included.routes, {
      ...below,
      document,
      path: [],
      services: above.services.inner(below.prefix, document),
    });
  }
}

/** A route with what it takes from the one above: conditions always, the rest where it is not written. */
function inherit(route: WrittenRoute, raw: WrittenMap, above: WrittenRoute): WrittenRoute {
  const match: readonly MatchConfig[] = combine(above.match, route.match).matches;
  const listeners = route.listeners.length > 0 ? route.listeners : above.listeners;
  const left = (["priority", "timeout", "tunnels", "websocket", "buffer"] as const).filter(
    (key) => raw[key] === undefined,
  );
  return { ...route, ...Object.fromEntries(left.map((key) => [key, above[key]])), match, listeners };
}

function splitOf({ service, split }: WrittenRoute): readonly SplitConfig[] {
  return service === undefined ? split : [{ service, weight: 1, policies: [] }];
}
