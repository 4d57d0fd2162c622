import type { RouteConfig } from "../config/route-schema.ts";
import type { Config } from "../config/schema.ts";
import type { Route, RouteState } from "../pipeline/route.ts";
import type { RouteEntry } from "../routing/router.ts";
import type { Service } from "../service/service.ts";
import { WeightedSplit } from "../service/weighted-split.ts";
import { type CompiledPolicy, foldPolicies, type PolicyCatalog } from "./compile-policies.ts";
import type { CompiledService } from "./compile-service.ts";
import type { RouteStates } from "./route-states.ts";
import { builtIn, ownSteps, tunnelLimitsOf } from "./route-steps.ts";

/** A route as compiled, and what it was made of. */
export interface CompiledRoute {
  readonly entry: RouteEntry;
  /** Policies of every route, compiled for this one. */
  readonly shared: readonly CompiledPolicy[];
  readonly own: readonly CompiledPolicy[];
  /** Policies of each of its services' shares. */
  readonly splits: readonly (readonly CompiledPolicy[])[];
  readonly services: readonly CompiledService[];
  /** What runs before a service is known, as written: its policies, and what the gateway itself puts there. */
  readonly before: readonly CompiledPolicy[];
  /** The route as it is for each of its services; the route itself where there is one or none. */
  readonly targets: readonly Route[];
  /** All of its policies but those of its services. */
  readonly policies: readonly CompiledPolicy[];
  readonly states: readonly RouteState[];
}

/** What one route is compiled from. */
export interface RouteParts {
  readonly written: RouteConfig;
  readonly position: number;
  readonly shared: readonly CompiledPolicy[];
  readonly own: readonly CompiledPolicy[];
  readonly splits: readonly (readonly CompiledPolicy[])[];
  readonly services: ReadonlyMap<string, CompiledService>;
  readonly states: RouteStates;
}

/** Assembles a route; one with several services is a route for each of them, and one that decides. */
export function compileRoute(parts: RouteParts): CompiledRoute {
  const { written, position, shared, own, splits, states } = parts;
  const services = written.split.map(({ service }) => parts.services.get(service)!);
  const before = joined(ownSteps(written), shared, own);
  const routeFor = (service: Service | undefined, ofService: readonly CompiledPolicy[]): Route => ({
    name: written.name,
    state: states.get(written.name, service?.name ?? ""),
    service,
    serviceName: service?.name ?? "",
    split: undefined,
    deadline: written.timeout,
    tunnelLimits: tunnelLimitsOf(written),
    ...foldPolicies(before, ofService),
  });
  const targets = services.map(({ service, policies }, i) =>
    Object.freeze(routeFor(service, joined(splits[i]!, policies))),
  );
  const route =
    targets.length === 1
      ? targets[0]!
      : Object.freeze({
          ...routeFor(undefined, []),
          split:
            targets.length === 0
              ? undefined
              : new WeightedSplit(
                  written.split.map(({ weight }) => weight),
                  targets,
                ),
        });
  const { match, listeners, priority } = written;
  return {
    entry: Object.freeze({ route, match, listeners, priority, position }),
    shared,
    own,
    splits,
    services,
    before,
    targets: targets.length === 0 ? [route] : targets,
    policies: joined(shared, own, ...splits),
    states: targets[0] === route ? [route.state] : [route, ...targets].map(({ state }) => state),
  };
}

/** Lists as one; the only one that holds anything is that one. */
function joined<T>(...lists: readonly (readonly T[])[]): readonly T[] {
  const [first = NONE, ...more] = lists.filter(({ length }) => length > 0);
  return more.length === 0 ? first : [first, ...more].flat();
}

const NONE: readonly never[] = Object.freeze([]);

/** Whether nothing that a route was made of has changed. */
export function reusable(
  old: CompiledRoute,
  config: Config,
  before: Config,
  services: ReadonlyMap<string, CompiledService>,
  catalog: PolicyCatalog,
): boolean {
  return (
    config.policies === before.policies &&
    old.services.every((service) => services.get(service.service.name) === service) &&
    old.policies.every(
      ({ name, definition, inner }) =>
        catalog.get(name) === definition && inner.every((one) => catalog.get(one.name) === one.definition),
    )
  );
}

/** What answers where no route matches: a route like any other, whose last step refuses. */
export function notFoundRoute(shared: readonly CompiledPolicy[], states: RouteStates): CompiledRoute {
  const refuse = builtIn("not-found", "cache", { request: (x) => x.reject("route_not_found") });
  const before = [...shared, refuse];
  const route: Route = Object.freeze({
    name: "(not found)",
    state: states.get("(not found)", ""),
    service: undefined,
    serviceName: "",
    split: undefined,
    deadline: 0,
    tunnelLimits: undefined,
    ...foldPolicies(before, []),
  });
  return {
    entry: { route, match: [], listeners: [], priority: 0, position: 0 },
    shared,
    own: [],
    splits: [],
    services: [],
    before,
    targets: [route],
    policies: shared,
    states: [route.state],
  };
}

/** Where requests go that the wire refuses: the log steps of the policies of every route, and nothing else. */
export function refusedRoute(shared: readonly CompiledPolicy[], states: RouteStates): Route {
  const { log } = foldPolicies(shared, []);
  return Object.freeze({
    name: "(refused)",
    state: states.get("(refused)", ""),
    service: undefined,
    serviceName: "",
    split: undefined,
    deadline: 0,
    tunnelLimits: undefined,
    ...foldPolicies([], []),
    log,
  });
}
