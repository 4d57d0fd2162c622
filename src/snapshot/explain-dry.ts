import { isPolicyFile } from "../config/policy-path.ts";
import type { Clock } from "../lib/clock.ts";
import { Reply } from "../lib/reply.ts";
import { CallFailed } from "../pipeline/calls.ts";
import { isThenable } from "../pipeline/chain.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import type { LimitStore } from "../pipeline/limits.ts";
import type { PolicySteps, Verdict } from "../pipeline/policy.ts";
import { type CompiledPolicy, closePolicies, PolicyCompiler } from "./compile-policies.ts";
import {
  BodyNames,
  changesBetween,
  type MessageView,
  viewOfReply,
  viewOfRequest,
} from "./explain-changes.ts";
import type { Change, DryVerdict } from "./explanation.ts";
import { peekStore } from "./peek-store.ts";
import { dryPorts } from "./policy-ports.ts";
import { SlotNumbers } from "./slot-numbers.ts";

/** Steps that are run to explain. */
export type DryStep = "request" | "attempt" | "response" | "recover";

/** What one step said. */
export interface Said {
  readonly verdict: DryVerdict;
  readonly status?: number;
  readonly reason?: string;
  readonly note?: string;
  readonly changes: readonly Change[];
}

/** How long a step may wait before what it says counts as unknown, in milliseconds. */
const PATIENCE = 1_000;

const OWN_CODE = "a policy of one's own is not run by a gateway that serves; torana explain runs it";

/** A step wanted what only traffic gets. */
export class BeyondDry extends CallFailed {
  constructor(message: string) {
    super("call_dry", message);
    this.name = "BeyondDry";
  }
}

/**
 * Copies of policies that share nothing with those that serve: compiled anew, behind ports that lead nowhere, and watched,
 * so that the walk itself shows what each step says.
 */
export class DryPolicies {
  readonly bodies: BodyNames = new BodyNames();
  readonly #said = new Map<CompiledPolicy, Map<DryStep, Said>>();
  readonly #slots = new SlotNumbers();
  readonly #made: CompiledPolicy[] = [];
  readonly #compiler: PolicyCompiler;
  readonly #ownCode: boolean;

  /**
   * @param ownCode whether users' own policies are run as well
   * @param store the stores that serve, which are only looked at; default: none counts anything
   */
  constructor(
    policies: Iterable<CompiledPolicy>,
    clock: Clock,
    ownCode: boolean,
    store?: (name: string) => LimitStore | undefined,
  ) {
    const catalog = new Map(
      Array.from(policies).flatMap((policy) =>
        [policy, ...policy.inner].map(({ name, definition }) => [name, definition] as const),
      ),
    );
    const peek = (name: string): LimitStore | undefined => {
      const found = store?.(name);
      return found && peekStore(found);
    };
    const ports = {
      ...dryPorts({ call: () => Promise.reject(new BeyondDry("it asks somebody outside")) }),
      ...(store && { store: peek }),
    };
    this.#compiler = new PolicyCompiler(catalog, clock, this.#slots, undefined, ports);
    this.#ownCode = ownCode;
  }

  /** A copy of a policy as it stands at a route or service. */
  copy(policy: CompiledPolicy, owner: string): CompiledPolicy {
    if (isBuiltIn(policy)) return { ...policy, steps: this.#watched(policy, policy.steps) };
    if (isPolicyFile(policy.name) && !this.#ownCode)
      return { ...policy, steps: this.#silent(policy, OWN_CODE) };
    try {
      const made = this.#compiler.compile(policy.entry, { owner, place: policy.place ?? owner }, undefined);
      this.#made.push(made);
      return { ...made, steps: this.#watched(policy, made.steps) };
    } catch (error) {
      return { ...policy, steps: this.#silent(policy, messageOf(error)) };
    }
  }

  /** What a step of a policy said; undefined where it was not asked. */
  said(policy: CompiledPolicy, step: DryStep): Said | undefined {
    return this.#said.get(policy)?.get(step);
  }

  close(): void {
    closePolicies(this.#made, this.#slots);
  }

  /** Bodies are not looked into, and nothing is logged: those steps are left out. */
  #watched(policy: CompiledPolicy, steps: PolicySteps): PolicySteps {
    const { body, request, attempt, response, recover } = steps;
    const sent = (x: Exchange) => (): MessageView => viewOfRequest(x.outgoing, this.bodies, x.id);
    return {
      ...(body && { body }),
      ...(request && { request: (x) => this.#watch(policy, "request", () => request(x), sent(x)) }),
      ...(recover && {
        recover: (x, failure) => this.#watch(policy, "recover", () => recover(x, failure), sent(x)),
      }),
      ...(attempt && {
        attempt: (x, view) => {
          const look = (): MessageView => viewOfRequest(view.request, this.bodies);
          return this.#watch(policy, "attempt", () => attempt(x, view), look) as undefined;
        },
      }),
      ...(response && {
        response: (x, reply) => {
          const look = (): MessageView => viewOfReply(reply, this.bodies);
          return this.#watch(policy, "response", () => response(x, reply), look);
        },
      }),
    };
  }

  /** Stands for steps of which nothing can be known. */
  #silent(policy: CompiledPolicy, note: string): PolicySteps {
    const { request, attempt, response, recover } = policy.steps;
    const say = (step: DryStep) => (): undefined => this.#note(policy, step, "unknown", { note });
    return {
      ...(request && { request: say("request") }),
      ...(attempt && { attempt: say("attempt") }),
      ...(response && { response: say("response") }),
      ...(recover && { recover: say("recover") }),
    };
  }

  #watch(
    policy: CompiledPolicy,
    step: DryStep,
    run: () => unknown,
    look: () => MessageView,
  ): Verdict | Promise<Verdict> {
    const before = look();
    const settle = (verdict: unknown): Verdict => {
      const changes = changesBetween(before, look());
      if (verdict === undefined) return this.#note(policy, step, "goes-on", { changes });
      if (verdict instanceof Reply) {
        const { status, reason } = verdict;
        this.#note(policy, step, "answers", { status, ...(reason !== undefined && { reason }), changes });
        return verdict;
      }
      const note = "it gives neither undefined nor a Reply: traffic is answered with policy_failed";
      return this.#note(policy, step, "unknown", { note, changes });
    };
    const failed = (error: unknown): undefined =>
      this.#note(policy, step, "unknown", {
        note: messageOf(error),
        changes: changesBetween(before, look()),
      });
    try {
      const verdict = run();
      return isThenable(verdict) ? withinPatience(verdict).then(settle).catch(failed) : settle(verdict);
    } catch (error) {
      return failed(error);
    }
  }

  #note(
    policy: CompiledPolicy,
    step: DryStep,
    verdict: DryVerdict,
    more: Omit<Partial<Said>, "verdict">,
  ): undefined {
    const steps = this.#said.get(policy) ?? new Map<DryStep, Said>();
    this.#said.set(policy, steps);
    if (!steps.has(step)) steps.set(step, { changes: [], ...more, verdict });
    return undefined;
  }
}

/** What the gateway itself puts among the steps has no entry in the config. */
export function isBuiltIn({ entry }: CompiledPolicy): boolean {
  return Object.keys(entry).length === 0;
}

function messageOf(error: unknown): string {
  if (error instanceof BeyondDry) return error.message;
  return `it fails here, and may in traffic: ${(error as Error)?.message ?? String(error)}`;
}

async function withinPatience(verdict: PromiseLike<unknown>): Promise<unknown> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new BeyondDry("it waits for an answer from outside")), PATIENCE);
  try {
    return await Promise.race([verdict, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
