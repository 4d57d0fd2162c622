import { ConfigError, type ConfigProblem } from "../config/problem.ts";
import type { Config, RouteConfig, ServiceConfig } from "../config/schema.ts";
import { type Clock, systemClock } from "../lib/clock.ts";
import type { PolicySteps } from "../pipeline/policy.ts";
import type { Meter, Sink, Snapshot } from "../pipeline/ports.ts";
import type { Route } from "../pipeline/route.ts";
import { type RouteMatch, RouteTable } from "../routing/router.ts";
import { RoundRobin } from "../service/balancers/round-robin.ts";
import { ServiceForwarder } from "../service/forward.ts";
import type { Service } from "../service/service.ts";
import {
  type CompiledPolicy,
  foldPolicies,
  type PolicyCatalog,
  PolicyCompiler,
  type PolicyEntry,
} from "./compile-policies.ts";
import type { Pools } from "./pools.ts";

/** What a snapshot needs from around it. */
export interface SnapshotParts {
  readonly pools: Pools;
  readonly meter: Meter;
  readonly sink: Sink;
  readonly catalog: PolicyCatalog;
  readonly clock?: Clock;
}

/** A snapshot, and what counters call its routes. */
export interface CompiledSnapshot extends Snapshot {
  readonly routeNames: readonly string[];
  /** Ends what its policies hold. */
  close(): void;
}

/** Builds what serves from what was written. Throws a ConfigError with every problem. */
export function compileSnapshot(config: Config, parts: SnapshotParts): CompiledSnapshot {
  const clock = parts.clock ?? systemClock;
  const compiler = new PolicyCompiler(parts.catalog, clock);
  const problems: ConfigProblem[] = [];
  const compiled: CompiledPolicy[] = [];
  const policies = (entries: readonly PolicyEntry[], owner: string, place: string): CompiledPolicy[] =>
    entries.flatMap((entry, i) => {
      try {
        const policy = compiler.compile(entry, owner);
        compiled.push(policy);
        return [policy];
      } catch (error) {
        const problem = problemAt(`${place}policies[${i}]`, (error as Error).message);
        // A policy of every route is compiled for each of them, and its problem told once.
        if (!problems.some(({ path, reason }) => path === problem.path && reason === problem.reason))
          problems.push(problem);
        return [];
      }
    });

  const services = new Map<string, { service: Service; policies: CompiledPolicy[] }>();
  for (const [name, service] of Object.entries(config.services)) {
    const place = `services.${name}.`;
    const own = policies(service.policies, name, place);
    own.forEach(({ steps, definition }, i) => {
      if (actsBeforeService(steps))
        problems.push(
          problemAt(
            `${place}policies[${i}]`,
            `${definition.name} acts before the service is known: write it on a route`,
          ),
        );
    });
    services.set(name, { service: compileService(name, service, parts.pools), policies: own });
  }

  const routes = config.routes.map((route, index) => {
    const { service, policies: ofService } = services.get(route.service)!;
    const own = [
      ...policies(config.policies, route.name, ""),
      ...policies(route.policies, route.name, `routes[${index}].`),
    ];
    return { route: compileRoute(route, index, service, own, ofService), match: matchOf(route) };
  });
  const notFound = notFoundRoute(routes.length, policies(config.policies, "not-found", ""));
  if (problems.length > 0) {
    closeAll(compiled);
    throw new ConfigError(problems);
  }

  return Object.freeze({
    router: new RouteTable(routes, notFound),
    forwarder: new ServiceForwarder(),
    meter: parts.meter,
    sink: parts.sink,
    clock,
    reasons: compiler.reasons,
    forks: new Set<{ leave(): void }>(),
    policyTimeout: config.policyTimeout,
    routeNames: [...config.routes.map(({ name }) => name), notFound.name],
    close: () => closeAll(compiled),
  });
}

function actsBeforeService({ request, recover, requestBody, body }: PolicySteps): boolean {
  const wantsBody = body?.request !== undefined && body.request !== "none";
  return request !== undefined || recover !== undefined || requestBody !== undefined || wantsBody;
}

/** Closes every policy, also behind one that fails at it. */
function closeAll(policies: readonly CompiledPolicy[]): void {
  for (const { definition, steps } of policies) {
    try {
      steps.close?.();
    } catch (error) {
      process.emitWarning(`the policy ${definition.name} failed to close: ${(error as Error)?.message}`);
    }
  }
}

function compileService(name: string, config: ServiceConfig, pools: Pools): Service {
  const endpoints = config.endpoints.map((endpoint) => ({
    url: endpoint.url,
    authority: endpoint.authority,
    pool: pools.get(endpoint, config),
  }));
  return Object.freeze({ name, endpoints, balancer: new RoundRobin(), resend: config.resend });
}

function compileRoute(
  config: RouteConfig,
  index: number,
  service: Service,
  own: readonly CompiledPolicy[],
  ofService: readonly CompiledPolicy[],
): Route {
  return Object.freeze({
    name: config.name,
    index,
    service,
    deadline: config.timeout,
    ...foldPolicies(own, ofService),
  });
}

function matchOf({ match }: RouteConfig): RouteMatch {
  return { hosts: match.host, paths: match.path, methods: match.method };
}

/** What answers where no route matches: a route like any other, whose last step refuses. */
function notFoundRoute(index: number, own: readonly CompiledPolicy[]): Route {
  const refuse: CompiledPolicy = {
    definition: { name: "not-found", phase: "cache", options: undefined as never, compile: () => ({}) },
    steps: { request: (x) => x.reject("route_not_found") },
  };
  return Object.freeze({
    name: "(not found)",
    index,
    service: undefined,
    deadline: 0,
    ...foldPolicies([...own, refuse], []),
  });
}

function problemAt(path: string, reason: string): ConfigProblem {
  return { file: "config", line: undefined, column: undefined, path, reason, cure: undefined };
}
