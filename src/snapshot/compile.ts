import { ConfigError, type ConfigProblem, type Locate, type Origin, problemAt } from "../config/problem.ts";
import type { Config } from "../config/schema.ts";
import { type Clock, systemClock } from "../lib/clock.ts";
import type { PolicySteps } from "../pipeline/policy.ts";
import type { Meter, Sink, Snapshot } from "../pipeline/ports.ts";
import { RouteTable } from "../routing/router.ts";
import { ServiceForwarder } from "../service/forward.ts";
import {
  type CompiledPolicy,
  type PolicyCatalog,
  PolicyCompiler,
  type PolicyEntry,
  PolicyRefused,
} from "./compile-policies.ts";
import { type CompiledRoute, compileRoute, notFoundRoute, reusable } from "./compile-route.ts";
import { type CompiledService, compileService } from "./compile-service.ts";
import type { Pools } from "./pools.ts";
import { positionsOf } from "./positions.ts";
import type { RouteStates } from "./route-states.ts";
import type { SlotNumbers } from "./slot-numbers.ts";

/** What a snapshot needs from around it. */
export interface SnapshotParts {
  readonly pools: Pools;
  readonly states: RouteStates;
  readonly slots: SlotNumbers;
  readonly meter: Meter;
  readonly sink: Sink;
  readonly catalog: PolicyCatalog;
  readonly clock?: Clock;
  /** The file that the config came from; default "config". */
  readonly file?: string;
  readonly locate?: Locate;
}

/** A snapshot, and what the next one can take over from it. */
export interface CompiledSnapshot extends Snapshot {
  readonly router: RouteTable;
  readonly config: Config;
  readonly routes: ReadonlyMap<object, CompiledRoute>;
  readonly services: ReadonlyMap<string, CompiledService>;
  readonly notFound: CompiledRoute;
  /** Every policy that may run in it. */
  readonly policies: ReadonlySet<CompiledPolicy>;
}

/** Builds a snapshot at once. Throws a ConfigError with every problem. */
export function compileSnapshot(
  config: Config,
  parts: SnapshotParts,
  previous?: CompiledSnapshot,
): CompiledSnapshot {
  const steps = snapshotSteps(config, parts, previous);
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** Builds a snapshot between other work: no turn of the event loop is held up for longer than `sliceMs`. */
export async function compileInSlices(
  config: Config,
  parts: SnapshotParts,
  previous: CompiledSnapshot | undefined,
  sliceMs = 4,
): Promise<CompiledSnapshot> {
  const steps = snapshotSteps(config, parts, previous);
  let started = performance.now();
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
    if (performance.now() - started < sliceMs) continue;
    await new Promise((resume) => setImmediate(resume));
    started = performance.now();
  }
}

/**
 * Builds what serves from what was written; what is unchanged since `previous` is taken over as it is. Pauses after each
 * small piece of work.
 */
function* snapshotSteps(
  config: Config,
  parts: SnapshotParts,
  previous: CompiledSnapshot | undefined,
): Generator<void, CompiledSnapshot> {
  const clock = parts.clock ?? systemClock;
  const problems = new Problems(parts.locate);
  const compiler = new PolicyCompiler(parts.catalog, clock, parts.slots);
  const file = parts.file ?? "config";
  const list = (
    entries: readonly PolicyEntry[],
    owner: string,
    at: Origin,
    old: readonly CompiledPolicy[] = [],
  ) =>
    entries.flatMap((entry, i) => {
      try {
        return [compiler.compile(entry, owner, old[i])];
      } catch (error) {
        const path = [...at.path, "policies", i];
        const issues =
          error instanceof PolicyRefused ? error.issues : [{ path: [], reason: (error as Error).message }];
        for (const issue of issues)
          problems.add({ file: at.file, path: [...path, ...issue.path] }, issue.reason);
        return [];
      }
    });

  const services = new Map<string, CompiledService>();
  for (const [name, written] of Object.entries(config.services)) {
    const at = { file, path: ["services", name] };
    const old = previous?.services.get(name);
    const policies = list(written.policies, name, at, old?.policies);
    policies.forEach(({ steps, definition }, i) => {
      if (actsBeforeService(steps))
        problems.add({ file, path: [...at.path, "policies", i] }, tooLate(definition.name));
    });
    services.set(name, compileService(name, written, policies, parts.pools, old));
    yield;
  }

  const routes = new Map<object, CompiledRoute>();
  const positions = positionsOf(config.routes, previous?.routes);
  const whole = { file, path: [] };
  for (const written of config.routes) {
    const old = previous?.routes.get(written);
    const position = positions.get(written)!;
    if (
      old?.entry.position === position &&
      reusable(old, config, previous!.config, services, parts.catalog)
    ) {
      for (const policy of old.policies) compiler.keep(policy);
      routes.set(written, old);
      continue;
    }
    const shared = list(config.policies, written.name, whole, old?.shared);
    const own = list(written.policies, written.name, written.origin, old?.own);
    const splits = written.split.map((entry, i) => {
      const at = { file: written.origin.file, path: [...written.origin.path, "split", i] };
      return list(entry.policies, written.name, at, old?.splits[i]);
    });
    routes.set(
      written,
      compileRoute({ written, position, shared, own, splits, services, states: parts.states }),
    );
    yield;
  }
  const notFound = notFoundRoute(
    list(config.policies, "not-found", whole, previous?.notFound.shared),
    parts.states,
  );

  const entries = [...routes.values()].map(({ entry }) => entry);
  const router =
    previous === undefined || positions.renumbered
      ? RouteTable.from(entries, notFound.entry.route)
      : previous.router.with(...difference(previous.routes, routes), notFound.entry.route);
  yield;
  problems.throwIfAny(() => compiler.closeNew());
  return Object.freeze({
    config,
    routes,
    services,
    notFound,
    policies: compiler.used,
    router,
    forwarder: new ServiceForwarder(),
    meter: parts.meter,
    sink: parts.sink,
    clock,
    reasons: compiler.reasons,
    forks: new Set<{ leave(): void }>(),
    use: { exchanges: 0, whenUnused: undefined },
    policyTimeout: config.policyTimeout,
  });
}

function difference(before: ReadonlyMap<object, CompiledRoute>, after: ReadonlyMap<object, CompiledRoute>) {
  const missing = (from: ReadonlyMap<object, CompiledRoute>, to: ReadonlyMap<object, CompiledRoute>) =>
    [...from].filter(([key, route]) => to.get(key) !== route).map(([, { entry }]) => entry);
  return [missing(before, after), missing(after, before)] as const;
}

/** Problems as they are found; the same at the same place only once. */
class Problems {
  readonly #found = new Map<string, ConfigProblem>();
  readonly #locate: Locate | undefined;

  constructor(locate: Locate | undefined) {
    this.#locate = locate;
  }

  add(origin: Origin, reason: string): void {
    const problem = problemAt(origin, reason, undefined, this.#locate);
    // A policy of every route is compiled for each of them.
    this.#found.set(`${problem.file}\0${problem.path}\0${reason}`, problem);
  }

  throwIfAny(before: () => void): void {
    if (this.#found.size === 0) return;
    before();
    throw new ConfigError([...this.#found.values()]);
  }
}

function actsBeforeService({ request, recover, requestBody, body }: PolicySteps): boolean {
  const wantsBody = body?.request !== undefined && body.request !== "none";
  return request !== undefined || recover !== undefined || requestBody !== undefined || wantsBody;
}

function tooLate(name: string): string {
  return `${name} acts before the service is known: write it on a route`;
}
