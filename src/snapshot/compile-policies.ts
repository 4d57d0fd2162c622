import { nearest } from "../config/nearest.ts";
import type { ReasonSpec } from "../errors/reasons.ts";
import { REASONS } from "../errors/reasons.ts";
import type { Clock } from "../lib/clock.ts";
import { type BodyPlan, holdRequest, type PlannedBody } from "../pipeline/body-plan.ts";
import { chain, responseChain } from "../pipeline/chain.ts";
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
import type { LineTargets, OpenLines } from "../pipeline/ports.ts";
import type { Named, Route } from "../pipeline/route.ts";
import { SHIPPED } from "../policies/index.ts";
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
  /** Its options with their defaults. */
  readonly options: unknown;
  readonly definition: PolicyDefinition;
  readonly steps: PolicySteps;
  /** Its places on exchanges. */
  readonly slots: readonly number[];
  /** Logs that it has open. */
  readonly logs: readonly OpenLines[];
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

  constructor(catalog: PolicyCatalog, clock: Clock, slots: SlotNumbers, lines: LineTargets = NOWHERE) {
    this.#catalog = catalog;
    this.#clock = clock;
    this.#slots = slots;
    this.#lines = lines;
  }

  /**
   * Compiles one entry; takes over `old` where it was made from the same entry by the same policy. Throws a PolicyRefused,
   * or what the policy threw.
   */
  compile(entry: PolicyEntry, owner: string, old: CompiledPolicy | undefined): CompiledPolicy {
    const [name, ...more] = Object.keys(entry);
    if (name === undefined || more.length > 0)
      throw refused([], "a policy is written as one name with its options", "write: - cors: { … }");
    const definition = this.#catalog.get(name);
    if (definition === undefined)
      throw refused([], `there is no policy ${JSON.stringify(name)}`, cureOfName(name));
    if (old !== undefined && old.entry === entry && old.definition === definition) return this.keep(old);
    this.#declare(definition);
    const options = readOptions(definition, entry, name);
    if (!options.success)
      throw new PolicyRefused(options.issues.map((issue) => ({ ...issue, path: [name, ...issue.path] })));
    const slots: number[] = [];
    const logs: OpenLines[] = [];
    try {
      const made: unknown = definition.compile(options.data, this.#env(owner, slots, logs));
      const steps = typeof made === "function" ? { request: made } : made;
      checkSteps(name, steps);
      return this.#made({ name, entry, options: options.data, definition, steps, slots, logs });
    } catch (error) {
      this.#slots.giveBack(slots);
      for (const log of logs) log.close();
      throw error;
    }
  }

  #made(made: CompiledPolicy): CompiledPolicy {
    const { slots, logs } = made;
    const policy = { ...made, slots: slots.length > 0 ? slots : NONE, logs: logs.length > 0 ? logs : NONE };
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

  #env(owner: string, slots: number[], logs: OpenLines[]): PolicyEnv {
    return {
      owner,
      clock: this.#clock,
      random: Math.random,
      slot: <T>() => {
        const index = this.#slots.take();
        slots.push(index);
        return {
          get: (x) => x.slot(index) as T | undefined,
          set: (x, value: T) => x.setSlot(index, value),
        };
      },
      lines: (target) => {
        const log = this.#lines.open(target);
        logs.push(log);
        return log;
      },
    };
  }
}

/** Where lines go that nobody wants: of a snapshot that is only looked at. */
const NOWHERE: LineTargets = { open: () => ({ write: () => undefined, close: () => undefined }) };

/** Closes policies that no exchange uses any more, also behind one that fails at it. */
export function closePolicies(policies: Iterable<CompiledPolicy>, slots: SlotNumbers): void {
  for (const { name, steps, slots: numbers, logs } of policies) {
    slots.giveBack(numbers);
    try {
      steps.close?.();
    } catch (error) {
      process.emitWarning(`the policy ${name} failed to close: ${(error as Error)?.message}`);
    }
    for (const log of logs) log.close();
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
  ...["request", "attempt", "response", "recover", "requestBody", "responseBody", "log", "close"],
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
