import { originOf } from "../config/expand.ts";
import { writtenPolicyKey } from "../config/policy-path.ts";
import { ConfigError, type ConfigProblem, type Locate, type Origin, problemAt } from "../config/problem.ts";
import type { RouteConfig } from "../config/route-schema.ts";
import type { Config } from "../config/schema.ts";
import { type Clock, systemClock } from "../lib/clock.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import type { PolicySteps } from "../pipeline/policy.ts";
import type { LineTargets, Meter, Sink, Snapshot } from "../pipeline/ports.ts";
import { checkMatch } from "../routing/compile-match.ts";
import { RouteTable } from "../routing/router.ts";
import { ServiceForwarder } from "../service/forward.ts";
import {
  type CompiledPolicy,
  type PolicyCatalog,
  PolicyCompiler,
  type PolicyEntry,
  PolicyRefused,
} from "./compile-policies.ts";
import { type CompiledRoute, compileRoute, notFoundRoute, refusedRoute, reusable } from "./compile-route.ts";
import { type CompiledService, compileService } from "./compile-service.ts";
import { consumersOf } from "./consumers.ts";
import { unmetNeeds } from "./needs.ts";
import type { PolicyPorts } from "./policy-ports.ts";
import type { Pools } from "./pools.ts";
import { positionsOf } from "./positions.ts";
import type { RouteStates } from "./route-states.ts";
import type { SlotNumbers } from "./slot-numbers.ts";
import { thrownAt } from "./user-problems.ts";

/** What a snapshot needs from around it. */
export interface SnapshotParts {
  readonly pools: Pools;
  readonly states: RouteStates;
  readonly slots: SlotNumbers;
  readonly meter: Meter;
  readonly sink: Sink;
  readonly catalog: PolicyCatalog;
  /** Where logs are written; default: nowhere. */
  readonly lines?: LineTargets;
  /** What else policies reach the outside through; default: they lead nowhere. */
  readonly ports?: PolicyPorts;
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
  const compiler = new PolicyCompiler(parts.catalog, clock, parts.slots, parts.lines, parts.ports);
  const file = parts.file ?? "config";
  const list = (
    entries: readonly PolicyEntry[],
    owner: string,
    at: Origin,
    old: readonly CompiledPolicy[] = [],
    place: string = owner,
  ): readonly CompiledPolicy[] => {
    if (entries.length === 0) return NONE;
    return entries.flatMap((entry, i) => {
      try {
        return [compiler.compile(entry, { owner, place: placeOf(place, entries, i) }, old[i])];
      } catch (error) {
        const from = originOf(entry) ?? { file: at.file, path: [...at.path, "policies", i] };
        const issues =
          error instanceof PolicyRefused
            ? error.issues
            : [
                {
                  path: [],
                  cure: undefined,
                  reason: `${(error as Error)?.message ?? error}${thrownAt(error)}`,
                },
              ];
        for (const { path, reason, cure } of issues)
          problems.add(
            { file: from.file, path: [...from.path, ...asWritten(path, from.file)] },
            reason,
            cure ?? "correct its options",
          );
        return [];
      }
    });
  };
  const ofService = (
    entries: readonly PolicyEntry[],
    owner: string,
    at: Origin,
    old: readonly CompiledPolicy[] = [],
  ): readonly CompiledPolicy[] => {
    const policies = list(entries, owner, at, old);
    for (const { entry, steps, definition } of policies)
      if (actsBeforeService(steps))
        problems.add(
          { file: at.file, path: [...at.path, "policies", entries.indexOf(entry)] },
          tooLate(definition.name),
          "write it on a route",
        );
    return policies;
  };

  const services = new Map<string, CompiledService>();
  for (const [name, written] of Object.entries(config.services)) {
    const at = written.origin ?? { file, path: ["services", name] };
    const old = previous?.services.get(name);
    const policies = ofService(written.policies, name, at, old?.policies);
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
    const shared = list(config.policies, written.name, whole, old?.shared, EVERY_ROUTE);
    const own = list(written.policies, written.name, written.origin, old?.own);
    const splits = written.split.map((entry, i) => {
      const at = { file: written.origin.file, path: [...written.origin.path, "split", i] };
      return ofService(entry.policies, written.name, at, old?.splits[i]);
    });
    written.match.forEach((match, i) => {
      const at = [...written.origin.path, "match", ...(written.match.length > 1 ? [i] : [])];
      for (const reason of checkMatch(match)) {
        const when = reason.startsWith("when: ");
        const cure = when ? "write a condition over request, client and listener" : "correct or remove it";
        problems.add({ file: written.origin.file, path: when ? [...at, "when"] : at }, reason, cure);
      }
    });
    if (leadsNowhere(written, [...shared, ...own]))
      problems.add(
        written.origin,
        "leads nowhere",
        "name a service, or a policy that answers such as respond",
      );
    routes.set(
      written,
      compileRoute({ written, position, shared, own, splits, services, states: parts.states }),
    );
    yield;
  }
  const notFound = notFoundRoute(
    list(config.policies, "not-found", whole, previous?.notFound.shared, EVERY_ROUTE),
    parts.states,
  );

  const consumers = consumersOf(config);
  for (const { origin, reason, cure } of unmetNeeds(compiler.used, config, consumers, file))
    problems.add(origin, reason, cure);
  // A table cannot be made of conditions that do not compile.
  problems.throwIfAny(() => compiler.closeNew());
  const entries = [...routes.values()].map(({ entry }) => entry);
  const router =
    previous === undefined || positions.renumbered
      ? yield* RouteTable.fromSteps(entries, notFound.entry.route)
      : yield* previous.router.withSteps(...difference(previous.routes, routes), notFound.entry.route);
  yield;
  return Object.freeze({
    config,
    routes,
    services,
    notFound,
    policies: compiler.used,
    router,
    refused: refusedRoute(notFound.shared, parts.states),
    forwarder: new ServiceForwarder(),
    meter: parts.meter,
    sink: parts.sink,
    clock,
    consumers,
    reasons: compiler.reasons,
    forks: new Set<{ leave(): void }>(),
    tunnels: new Set<Exchange>(),
    use: { exchanges: 0, calls: 0, whenUnused: undefined },
    policyTimeout: config.policyTimeout,
  });
}

const NONE: readonly never[] = Object.freeze([]);
/** Where policies of every route stand, all of them together. */
const EVERY_ROUTE = "*";

/** The place of an entry among those of its owner: several of one name are told apart by their order. */
function placeOf(owner: string, entries: readonly PolicyEntry[], at: number): string {
  const [name = ""] = Object.keys(entries[at]!);
  let nth = 1;
  for (let i = 0; i < at; i++) if (Object.hasOwn(entries[i]!, name)) nth++;
  return nth === 1 ? `${owner}/${name}` : `${owner}/${name}/${nth}`;
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

  add(origin: Origin, reason: string, cure?: string): void {
    const problem = problemAt(origin, reason, cure, this.#locate);
    // A policy of every route is compiled for each of them.
    this.#found.set(`${problem.file}\0${problem.path}\0${reason}`, problem);
  }

  throwIfAny(before: () => void): void {
    if (this.#found.size === 0) return;
    before();
    throw new ConfigError([...this.#found.values()]);
  }
}

/** Whether nothing answers: no service, and no policy that does it itself; one that could not be compiled may be such. */
function leadsNowhere({ split, policies }: RouteConfig, compiled: readonly CompiledPolicy[]): boolean {
  if (split.length > 0 || compiled.some(({ definition }) => definition.answers === true)) return false;
  return policies.every((entry) => compiled.some((policy) => policy.entry === entry));
}

/** The path below an entry, with the keys of policies as they are written in a file. */
function asWritten(path: readonly PropertyKey[], file: string): PropertyKey[] {
  return path.map((key) => (typeof key === "string" ? writtenPolicyKey(key, file) : key));
}

function actsBeforeService({ request, withBody, recover, requestBody, body }: PolicySteps): boolean {
  const wantsBody = withBody !== undefined || (body?.request !== undefined && body.request !== "none");
  return request !== undefined || recover !== undefined || requestBody !== undefined || wantsBody;
}

function tooLate(name: string): string {
  return `${name} acts before the service is known, which a route's policies do`;
}
