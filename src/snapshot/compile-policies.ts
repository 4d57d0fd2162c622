import type { z } from "zod";
import { innerPolicies } from "../config/inner-policies.ts";
import { nearest } from "../config/nearest.ts";
import type { ReasonSpec } from "../errors/reasons.ts";
import { REASONS } from "../errors/reasons.ts";
import type { Clock } from "../lib/clock.ts";
import type { Authenticator } from "../pipeline/authenticator.ts";
import { type BodyPlan, holdRequest, type PlannedBody } from "../pipeline/body-plan.ts";
import { chain, responseChain } from "../pipeline/chain.ts";
import type { LimitStore } from "../pipeline/limits.ts";
import { PHASES } from "../pipeline/phases.ts";
import type {
  AttemptStep,
  PolicyDefinition,
  PolicyEnv,
  PolicySteps,
  RecoverStep,
  ResponseStep,
  Step,
} from "../pipeline/policy.ts";
import type { LineTargets } from "../pipeline/ports.ts";
import type { Named, Route } from "../pipeline/route.ts";
import { SHIPPED } from "../policies/index.ts";
import { dryPorts, type PolicyPorts } from "./policy-ports.ts";
import { readOptions } from "./read-options.ts";
import type { SlotNumbers } from "./slot-numbers.ts";

/** Policies by name. */
export type PolicyCatalog = ReadonlyMap<string, PolicyDefinition>;

/** A policy as written: `{ name: options }`. */
export type PolicyEntry = Readonly<Record<string, unknown>>;

/** One configured policy, compiled. */
export interface CompiledPolicy {
  /** As the config calls it: its name, or the path of its file. */
  readonly name: string;
  readonly entry: PolicyEntry;
  /** Where it stands; undefined for what the gateway itself puts among the policies. */
  readonly place?: string;
  /** Its options with their defaults. */
  readonly options: unknown;
  readonly definition: PolicyDefinition;
  readonly steps: PolicySteps;
  /** Its places on exchanges. */
  readonly slots: readonly number[];
  /** What it has open: logs, limits, and what it shares with others. */
  readonly held: readonly { close(): void }[];
  /** What the config must have for it to work. */
  readonly needs: readonly PolicyNeed[];
  /** Policies that it has inside. */
  readonly inner: readonly Pick<CompiledPolicy, "name" | "definition">[];
}

/** Something of the config that a policy works with. */
export interface PolicyNeed {
  readonly kind: "consumer" | "service" | "store";
  readonly name: string;
}

/** Where a policy stands. */
export interface PolicyPlace {
  /** The route or service. */
  readonly owner: string;
  /** Names the place across threads, gateways and reloads. */
  readonly place: string;
}

/** What one policy takes while it is compiled. */
interface Taken {
  readonly slots: number[];
  readonly held: { close(): void }[];
  readonly needs: PolicyNeed[];
  readonly inner: Pick<CompiledPolicy, "name" | "definition">[];
}

/** A policy that cannot be compiled: what is wrong, and where below its entry. */
export class PolicyRefused extends Error {
  readonly issues: readonly {
    readonly path: readonly PropertyKey[];
    readonly reason: string;
    readonly cure?: string;
  }[];

  constructor(issues: PolicyRefused["issues"]) {
    super(
      issues
        .map(({ path, reason }) => [path.map(String).join("."), reason].filter(Boolean).join(": "))
        .join("; "),
    );
    this.name = "PolicyRefused";
    this.issues = issues;
  }
}

const BUFFER_MAX = 1_048_576;

/** What building a snapshot shares among its policies. */
export class PolicyCompiler {
  readonly reasons: Record<string, ReasonSpec> = {};
  /** Every policy of the snapshot. */
  readonly used: Set<CompiledPolicy> = new Set();
  readonly #new: CompiledPolicy[] = [];
  readonly #declared = new Set<PolicyDefinition>();
  readonly #catalog: PolicyCatalog;
  readonly #clock: Clock;
  readonly #slots: SlotNumbers;
  readonly #lines: LineTargets;
  readonly #ports: PolicyPorts;

  constructor(
    catalog: PolicyCatalog,
    clock: Clock,
    slots: SlotNumbers,
    lines: LineTargets = NOWHERE,
    ports: PolicyPorts = dryPorts(),
  ) {
    this.#catalog = catalog;
    this.#clock = clock;
    this.#slots = slots;
    this.#lines = lines;
    this.#ports = ports;
  }

  /**
   * Compiles one entry; takes over `old` where it was made from the same entry by the same policy. Throws a PolicyRefused,
   * or what the policy threw.
   */
  compile(entry: PolicyEntry, at: PolicyPlace, old: CompiledPolicy | undefined): CompiledPolicy {
    const { name, definition } = this.#find(entry);
    if (old !== undefined && old.entry === entry && this.isCurrent(old)) return this.keep(old);
    this.#declare(definition);
    const options = optionsOf(definition, entry, name);
    const taken: Taken = { slots: [], held: [], needs: [], inner: [] };
    try {
      const made: unknown = definition.compile(options, this.#env(at, taken, entry));
      const steps = typeof made === "function" ? { request: made } : made;
      checkSteps(name, steps);
      return this.#made({ name, entry, place: at.place, options, definition, steps, ...taken });
    } catch (error) {
      this.#slots.giveBack(taken.slots);
      for (const one of taken.held) one.close();
      throw error;
    }
  }

  #find(entry: PolicyEntry): { readonly name: string; readonly definition: PolicyDefinition } {
    const [name, ...more] = Object.keys(entry);
    if (name === undefined || more.length > 0)
      throw refused([], "a policy is written as one name with its options", "write: - cors: { … }");
    const definition = this.#catalog.get(name);
    if (definition === undefined)
      throw refused([], `there is no policy ${JSON.stringify(name)}`, cureOfName(name));
    return { name, definition };
  }

  /** Whether a policy was made by what the catalog holds now, and what stands in it too. */
  isCurrent(policy: CompiledPolicy): boolean {
    const same = ({ name, definition }: Pick<CompiledPolicy, "name" | "definition">): boolean =>
      this.#catalog.get(name) === definition;
    return same(policy) && policy.inner.every(same);
  }

  #made(made: CompiledPolicy): CompiledPolicy {
    const { slots, held, needs, inner } = made;
    const policy = {
      ...made,
      slots: slots.length > 0 ? slots : NONE,
      held: held.length > 0 ? held : NONE,
      needs: needs.length > 0 ? needs : NONE,
      inner: inner.length > 0 ? inner : NONE,
    };
    this.#new.push(policy);
    this.used.add(policy);
    return policy;
  }

  /** A policy of the snapshot before stays as it is. */
  keep(policy: CompiledPolicy): CompiledPolicy {
    this.#declare(policy.definition);
    this.used.add(policy);
    return policy;
  }

  /** Closes what was made for a snapshot that will not be. */
  closeNew(): void {
    closePolicies(this.#new, this.#slots);
  }

  #declare(definition: PolicyDefinition): void {
    if (this.#declared.has(definition)) return;
    this.#declared.add(definition);
    for (const [code, spec] of Object.entries(definition.reasons ?? {})) {
      if (code in REASONS || code in this.reasons)
        throw refused([], `the policy ${definition.name} declares the reason ${code}, which is taken`);
      this.reasons[code] = spec;
    }
  }

  #env(at: PolicyPlace, taken: Taken, whole: PolicyEntry): PolicyEnv {
    const ports = this.#ports;
    const hold = <T extends { close(): void }>(one: T): T => {
      taken.held.push(one);
      return one;
    };
    const store = (name: string): LimitStore => {
      const found = ports.store(name);
      if (name !== "local") taken.needs.push({ kind: "store", name });
      if (found === undefined)
        throw refused(["store"], `there is no store ${JSON.stringify(name)}`, STORE_CURE);
      return found;
    };
    const env: PolicyEnv = {
      ...at,
      clock: this.#clock,
      random: Math.random,
      caller: ports.caller,
      slot: <T>() => {
        const index = this.#slots.take();
        taken.slots.push(index);
        return {
          get: (x) => x.slot(index) as T | undefined,
          set: (x, value: T) => x.setSlot(index, value),
        };
      },
      lines: (target) => hold(this.#lines.open(target)),
      tell: (line) => ports.tell?.(line),
      needs: (kind, name) => void taken.needs.push({ kind, name }),
      limiter: (name, space, rules) => hold(store(name).limiter(space, rules)),
      gauge: (name, space, lease) => hold(store(name).gauge(space, lease)),
      keep: (key, make) => {
        const thing = ports.kept.take(key, make);
        hold({ close: () => ports.kept.giveBack(key) });
        return thing;
      },
      authenticator: (entry) => this.#authenticator(entry, env, taken, whole),
    };
    return env;
  }

  /** `whole` is the entry that it stands in, at whatever depth. */
  #authenticator(entry: PolicyEntry, env: PolicyEnv, taken: Taken, whole: PolicyEntry): Authenticator {
    try {
      const { name, definition } = this.#find(entry);
      if (definition.authenticator === undefined)
        throw refused([name], `${name} does not ask who calls`, "name a policy that does, such as key-auth");
      this.#declare(definition);
      taken.inner.push({ name, definition });
      return definition.authenticator(optionsOf(definition, entry, name), env);
    } catch (error) {
      if (error instanceof InnerRefused) throw error;
      const path = innerPolicies(whole).find((inner) => inner.entry === entry)?.path ?? [];
      throw new InnerRefused(
        error instanceof PolicyRefused
          ? error.issues.map((issue) => ({ ...issue, path: [...path, ...issue.path] }))
          : [{ path: [...path], reason: String((error as Error | undefined)?.message ?? error) }],
      );
    }
  }
}

/** One of a policy that stands in another; its paths begin at the outermost. */
class InnerRefused extends PolicyRefused {}

const STORE_CURE = "write local, or the name of a store under stores";

/** The options of an entry with their defaults. Throws a PolicyRefused. */
function optionsOf(definition: PolicyDefinition, entry: PolicyEntry, name: string): z.output<z.ZodType> {
  const options = readOptions(definition, entry, name);
  if (options.success) return options.data;
  throw new PolicyRefused(options.issues.map((issue) => ({ ...issue, path: [name, ...issue.path] })));
}

/** Where lines go that nobody wants: of a snapshot that is only looked at. */
const NOWHERE: LineTargets = { open: () => ({ write: () => undefined, close: () => undefined }) };

/** Closes policies that no exchange uses any more, also behind one that fails at it. */
export function closePolicies(policies: Iterable<CompiledPolicy>, slots: SlotNumbers): void {
  for (const { name, steps, slots: numbers, held } of policies) {
    slots.giveBack(numbers);
    try {
      steps.close?.();
    } catch (error) {
      process.emitWarning(`the policy ${name} failed to close: ${(error as Error)?.message}`);
    }
    for (const one of held) one.close();
  }
}

function refused(path: readonly PropertyKey[], reason: string, cure?: string): PolicyRefused {
  return new PolicyRefused([{ path, reason, ...(cure !== undefined && { cure }) }]);
}

function cureOfName(name: string): string {
  const near = nearest(name, Object.keys(SHIPPED));
  return near === undefined
    ? "write a shipped policy's name, or ./path/to/policy.ts"
    : `did you mean ${near}?`;
}

const STEPS: ReadonlySet<string> = new Set([
  ...["request", "withBody", "attempt", "response", "recover", "requestBody", "responseBody", "log", "close"],
]);
const NEEDS: readonly unknown[] = ["none", "tap", "stream", "buffer"];

/** What a policy made is run by nobody if it is misspelt: it is refused. Throws an Error. */
function checkSteps(policy: string, steps: unknown): asserts steps is PolicySteps {
  if (typeof steps !== "object" || steps === null || "then" in steps)
    throw new Error(`the policy ${policy} compiled to neither a step nor an object of steps`);
  for (const [name, value] of Object.entries(steps)) {
    if (name === "body") checkNeeds(policy, value);
    else if (!STEPS.has(name)) throw new Error(`the policy ${policy} compiled to an unknown step ${name}`);
    else if (value !== undefined && typeof value !== "function")
      throw new Error(`the policy ${policy} compiled to a ${name} that is not a function`);
  }
}

function checkNeeds(policy: string, needs: unknown): void {
  for (const [name, value] of Object.entries(needs ?? {})) {
    const known = name === "max" ? Number.isSafeInteger(value) && value > 0 : NEEDS.includes(value);
    if (!known || !["max", "request", "response"].includes(name))
      throw new Error(`the policy ${policy} has an unknown body need ${name}: ${String(value)}`);
  }
}

/** What a route takes from its policies. */
export type RouteSteps = Pick<Route, "request" | "attempt" | "recover" | "response" | "bodies" | "log">;

/** Policies in the order in which they run: by phase, within a phase as written. */
export function inPhaseOrder(policies: readonly CompiledPolicy[]): CompiledPolicy[] {
  return PHASES.flatMap((phase) => policies.filter(({ definition }) => definition.phase === phase));
}

/** Of thousands of routes most have no steps of most kinds. */
const NONE: readonly never[] = Object.freeze([]);
const NO_BODIES: BodyPlan = Object.freeze({ request: undefined, response: undefined, responseBuffer: 0 });

/** Folds the policies of a route: by phase, within a phase as written; those of its service stand innermost. */
export function foldPolicies(
  policies: readonly CompiledPolicy[],
  ofService: readonly CompiledPolicy[],
): RouteSteps {
  const byPhase = inPhaseOrder(policies);
  const all = [...byPhase, ...ofService];
  const named = <T>(pick: (steps: PolicySteps) => T | undefined): readonly Named<T>[] => {
    if (!all.some(({ steps }) => pick(steps) !== undefined)) return NONE;
    return all.flatMap(({ definition, steps }) => {
      const step = pick(steps);
      return step === undefined ? [] : [{ policy: definition.name, step }];
    });
  };
  return {
    request: chain(requestSteps(byPhase)),
    attempt: named<AttemptStep>((steps) => steps.attempt),
    recover: named<RecoverStep>((steps) => steps.recover),
    response: responseChain(named<ResponseStep>((steps) => steps.response)),
    bodies: bodyPlan(all),
    log: named((steps) => steps.log),
  };
}

function requestSteps(policies: readonly CompiledPolicy[]): Named<Step>[] {
  return policies.flatMap(({ definition, steps }) => {
    const policy = definition.name;
    const made: Named<Step>[] = [];
    if (steps.body?.request === "buffer")
      made.push({ policy, step: holdRequest(steps.body.max ?? BUFFER_MAX), patient: true });
    if (steps.request !== undefined) made.push({ policy, step: steps.request });
    if (steps.withBody !== undefined) made.push({ policy, step: steps.withBody, patient: true });
    return made;
  });
}

function bodyPlan(policies: readonly CompiledPolicy[]): BodyPlan {
  const request: PlannedBody[] = [];
  const response: PlannedBody[] = [];
  let responseBuffer = 0;
  for (const { definition, steps } of policies) {
    const { requestBody, responseBody, body } = steps;
    const policy = definition.name;
    if (requestBody !== undefined) request.push({ policy, step: requestBody, tap: body?.request === "tap" });
    // The service's bytes meet the innermost policy first, as response steps do.
    if (responseBody !== undefined)
      response.unshift({ policy, step: responseBody, tap: body?.response === "tap" });
    if (body?.response === "buffer") responseBuffer = Math.max(responseBuffer, body.max ?? BUFFER_MAX);
  }
  if (request.length === 0 && response.length === 0 && responseBuffer === 0) return NO_BODIES;
  return {
    request: request.length > 0 ? request : undefined,
    response: response.length > 0 ? response : undefined,
    responseBuffer,
  };
}
